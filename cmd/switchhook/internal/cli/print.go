package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// document prints v as one JSON document.
func (a *app) document(v any) error {
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// say prints a line for people.
func (a *app) say(format string, args ...any) error {
	_, err := fmt.Fprintf(a.Out, format+"\n", args...)
	return err
}

// table prints rows in columns. Rows end where their last cell that says
// something does.
func (a *app) table(rows ...[]string) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1]
		}
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// mask hides all of a phone number but its last four digits, as the sandbox's log
// does. No number stays none.
func mask(digits string) string {
	switch {
	case digits == "":
		return ""
	case len(digits) <= 4:
		return "…"
	default:
		return "…" + digits[len(digits)-4:]
	}
}

// counted is so many of a thing, in words.
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// number is a phone number as people write it, without what the daemon does not
// take: a + before it, and spaces and dashes in it. Anything else is left, a JID
// too, for the daemon to judge.
func number(written string) string {
	if strings.Contains(written, "@") {
		return written
	}
	return strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimPrefix(strings.TrimSpace(written), "+"))
}

// moment is a time as people read it, empty for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

// size is a number of bytes as people read it.
func size(n int64) string {
	unit, of := "B", int64(1)
	for _, larger := range []string{"KiB", "MiB", "GiB"} {
		if n < of<<10 {
			break
		}
		unit, of = larger, of<<10
	}
	return fmt.Sprintf("%.4g %s", float64(n)/float64(of), unit)
}

// quoted is a text that a stranger wrote, on one line and without anything that a
// terminal would obey.
func quoted(text string) string { return strconv.QuoteToGraphic(text) }

// plain is a name that a stranger chose: as it is where it looks like what it is, and
// quoted otherwise.
func plain(name string) string {
	if q := quoted(name); q != `"`+name+`"` || strings.TrimSpace(name) != name {
		return q
	}
	return name
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
