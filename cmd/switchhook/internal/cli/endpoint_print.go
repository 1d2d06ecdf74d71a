package cli

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// hidden stands for a secret that is not shown.
const hidden = "…"

// wholeEndpoint prints all there is to know of an endpoint.
func (a *app) wholeEndpoint(e api.Endpoint, secrets bool) error {
	if !secrets {
		e = discreet(e)
	}
	if a.json {
		return a.document(e)
	}
	rows := [][]string{
		{"endpoint", e.Ref() + " (" + e.ID + ")"},
		{"url", value(e.URL)},
		{"format", format(e)},
		{"state", e.State},
		{"since", orNone(moment(e.Since))},
		{"reason", orNone(e.Reason)},
		{"failed in a row", strconv.Itoa(e.Fails)},
		{"next probe", orNone(moment(e.ProbeAt))},
		{"pending", fmt.Sprintf("%d from %s, %s under way", e.Pending, counted(e.Lanes, "stream"), counted(e.InFlightNow, "request"))},
		{"kinds", orAll(value(e.Kinds))},
		{"states", orAll(numbers(value(e.States)))},
		{"bulk", bulk(e.Bulk)},
		{"timeout", orDefault(e.Timeout)},
		{"in flight", number0(value(e.InFlight))},
		{"schedule", spans(value(e.Schedule))},
		{"horizon", orDefault(e.Horizon)},
		{"jitter", percent(e.Jitter)},
		{"redirects", map[bool]string{false: "not followed", true: "followed"}[value(e.FollowRedirects)]},
		{"bearer token", orNone(value(e.Bearer))},
	}
	headers := value(e.Headers)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		rows = append(rows, []string{"header", name + ": " + headers[name]})
	}
	for _, s := range e.Secrets {
		text := s.Secret
		if !s.Until.IsZero() {
			text += ", signs until " + moment(s.Until)
		}
		rows = append(rows, []string{"secret", text})
	}
	if err := a.table(append(rows, []string{"created", moment(e.CreatedAt)})...); err != nil {
		return err
	}
	return a.tries("", e.Failures, 100)
}

// tries prints failed tries, oldest first, and nothing for none.
func (a *app) tries(of string, tries []record.Try, most int) error {
	for _, t := range tries {
		status := "no answer"
		if t.Status != 0 {
			status = strconv.Itoa(t.Status)
		}
		if err := a.say("%s  %sevent %d: %s after %s: %s", moment(t.At), of, t.Seq, status, t.Took.Round(time.Millisecond), orNone(t.Error)); err != nil {
			return err
		}
		if t.Answer == "" {
			continue
		}
		if err := a.say("    it answered %s", quoted(clip(t.Answer, most))); err != nil {
			return err
		}
	}
	return nil
}

// discreet is the endpoint without what may not be read over an operator's
// shoulder.
func discreet(e api.Endpoint) api.Endpoint {
	e.Secrets = slices.Clone(e.Secrets)
	for i := range e.Secrets {
		e.Secrets[i].Secret = hidden
	}
	if value(e.Bearer) != "" {
		e.Bearer = pointer(hidden)
	}
	if e.Headers != nil {
		names := maps.Clone(*e.Headers)
		for name := range names {
			names[name] = hidden
		}
		e.Headers = &names
	}
	if e.URL != nil {
		e.URL = pointer(discreetURL(*e.URL))
	}
	return e
}

// discreetURL hides credentials and the values of the query.
func discreetURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	shown := u.Scheme + "://"
	if u.User != nil {
		shown += hidden + "@"
	}
	shown += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		shown += "?" + hidden
	}
	return shown
}

// origin is where an endpoint is, without where exactly.
func origin(text *string) string {
	u, err := url.Parse(value(text))
	if err != nil {
		return hidden
	}
	return u.Scheme + "://" + u.Host
}

func format(e api.Endpoint) string {
	return strings.TrimSpace(value(e.Format) + " " + value(e.Version))
}

func bulk(b *api.Bulk) string {
	if b == nil || b.Most < 2 {
		return "a request for each event"
	}
	return fmt.Sprintf("up to %d events in a request, waiting %s for more", b.Most, time.Duration(b.Wait))
}

func orDefault(s *api.Span) string {
	if value(s) == 0 {
		return "default"
	}
	return time.Duration(*s).String()
}

func number0(n int) string {
	if n == 0 {
		return "default"
	}
	return strconv.Itoa(n)
}

func percent(n *int) string {
	if n == nil {
		return "default"
	}
	return strconv.Itoa(*n) + " %"
}

func spans(all []api.Span) string {
	if len(all) == 0 {
		return "default"
	}
	var out []string
	for _, s := range all {
		out = append(out, time.Duration(s).String())
	}
	return strings.Join(out, ", ")
}

func numbers(all []int) (out []string) {
	for _, n := range all {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

func orAll(all []string) string {
	if len(all) == 0 {
		return "all"
	}
	return strings.Join(all, ", ")
}

// value is what p points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func pointer[T any](v T) *T { return &v }

// clip is the beginning of a text, at most so many characters of it.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// streamName is an instance for people: its name, or its id when it has none.
func streamName(name, id string) string {
	if name == "" {
		return id
	}
	return name
}
