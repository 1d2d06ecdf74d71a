package faultbook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// Render answers docs/faults.md. about says in a line what each fault is, in the
// order to write them.
func Render(about []About) []byte {
	var b strings.Builder
	b.WriteString(intro)
	rows := Rows()
	for _, a := range about {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n", a.Fault, sentence(a.What))
		b.WriteString("| struck in | what follows | within |\n| --- | --- | --- |\n")
		hints := make(map[fsm.Cause]bool)
		for _, r := range rows {
			if r.Fault != a.Fault {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", where(r.Place), follow(r.Path), span(r.Path, r.Within))
			if r.Missed != nil && !slices.Equal(r.Missed, r.Path) {
				fmt.Fprintf(&b, "| %s, the last word lost | %s | %s |\n", where(r.Place), follow(r.Missed), span(r.Missed, r.MissedWithin))
			}
			hints[r.End().Cause] = true
		}
		for _, c := range fsm.Causes() {
			if hints[c] && c.Hint() != "" {
				fmt.Fprintf(&b, "\n`%s`: %s\n", c, c.Hint())
			}
		}
	}
	return []byte(b.String())
}

// About is one fault, described.
type About struct{ Fault, What string }

const intro = `# Faults

<!-- Written by go generate ./whatsapp/faultbook. Do not edit. -->

Everything that can go wrong with a connection, the states in which it can, and
what follows: each transition with its cause, and the longest time until the last
of them. A test plays every row of this page against the sandbox. To see one
yourself: ` + "`switchhook sandbox fault NAME KIND`" + `, where KIND is the heading.

An instance in 0 or 13 without a session has no account and shows no code, so
nothing in the sandbox is known to be its own, and a fault for it is refused. Lay a
fault of the dial or the login for everybody instead, with
` + "`switchhook sandbox fault --network KIND`" + `, and then ask for a code. ` + "`heal`" + ` calls
off what was laid for an instance, with ` + "`--network`" + ` everything.

A fault of a connection that stands (drop to hear) has rows in 3 and 10 only. In 1,
2, 4 and a resting 11 there is no connection that the sandbox knows to be the
phone's: what can go wrong there are the faults of the dial and of the login
(refuse-400 to wrong-root), and these have their rows. In 4 with a code just
scanned, and wherever a session is saved, the phone can still log its companions
out.

A reconnect waits between 0.5 and 2.5 s after the first failure, twice as long at
most after each further one, up to 5 minutes, and for its turn in the budget of
dials. It is not made where it cannot help: after "stream_replaced",
"client_outdated" and "connect_refused" it waits for an operator, after
"temporary_ban" until the ban is over, and "client_outdated" looks once for a
newer version first.

"The last word lost": WhatsApp closed the socket right behind it, and it was not
read. What was lost is then learned at the next login.
`

func where(p Place) string {
	session := ""
	if p == Saved {
		session = " with a session"
	}
	return fmt.Sprintf("%d%s (%s)", int(p.State), session, p.About)
}

func follow(path []Step) string {
	if len(path) == 0 {
		return "nothing: it stays"
	}
	parts := make([]string, len(path))
	for i, s := range path {
		parts[i] = fmt.Sprintf("→ %d `%v`", int(s.To), s.Cause)
	}
	return strings.Join(parts, " ")
}

func span(path []Step, d time.Duration) string {
	if len(path) == 0 {
		return ""
	}
	return d.String()
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") }
