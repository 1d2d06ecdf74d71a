package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
)

// settings are the flags that endpoint add and endpoint set share.
type settings struct {
	format, version, bearer    string
	headers, kinds, schedule   []string
	states                     []int
	bulk, inFlight, jitter     int
	bulkWait, timeout, horizon time.Duration
	follow                     bool
}

func (s *settings) flags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&s.format, "format", "", "`format` of the requests: standard (if not given), cloudevents, witi, greenapi or tencent")
	f.StringVar(&s.version, "format-version", "", "`version` of the format, where it has several: 1.0 or 1.1 of witi")
	f.StringSliceVar(&s.kinds, "kinds", nil, "only events of these `kinds`, such as message.* or qr.issued; all if empty")
	f.IntSliceVar(&s.states, "states", nil, "only transitions to these `codes` of states; all if empty")
	f.StringArrayVar(&s.headers, "header", nil, "further `header` of every request, as 'Name: value'; repeat it for more; empty for none")
	f.StringVar(&s.bearer, "bearer", "", "`token` of an Authorization header; - reads it from standard input; empty for none")
	f.IntVar(&s.bulk, "bulk", 0, "up to so many `events` in one request; 0 for one each")
	f.DurationVar(&s.bulkWait, "bulk-wait", 0, "`duration` that the first of them waits for more")
	f.DurationVar(&s.timeout, "timeout", 0, "`duration` that a try may take at most")
	f.IntVar(&s.inFlight, "in-flight", 0, "`requests` under way at once")
	f.StringSliceVar(&s.schedule, "schedule", nil, "`waits` between tries, such as 5s,30s,2m; the last one repeats")
	f.DurationVar(&s.horizon, "horizon", 0, "after this `duration` without success an event becomes a dead letter")
	f.IntVar(&s.jitter, "jitter", 0, "by how many `percent` a wait is shorter or longer at most")
	f.BoolVar(&s.follow, "follow-redirects", false, "follow redirects; each new address is checked like the first")
}

// change is what the flags that were given say. bulk is how it was; stdin reads a
// text from standard input.
func (s *settings) change(c *cobra.Command, bulk *api.Bulk, stdin func([]string) (string, error)) (ch api.EndpointChange, err error) {
	given := c.Flags().Changed
	put(given("format"), &ch.Format, s.format)
	put(given("format-version"), &ch.Version, s.version)
	put(given("kinds"), &ch.Kinds, some(s.kinds))
	put(given("states"), &ch.States, some(s.states))
	put(given("timeout"), &ch.Timeout, api.Span(s.timeout))
	put(given("in-flight"), &ch.InFlight, s.inFlight)
	put(given("horizon"), &ch.Horizon, api.Span(s.horizon))
	put(given("jitter"), &ch.Jitter, s.jitter)
	put(given("follow-redirects"), &ch.FollowRedirects, s.follow)
	if given("bearer") {
		if s.bearer == "-" {
			if s.bearer, err = stdin(nil); err != nil {
				return ch, err
			}
		}
		ch.Bearer = &s.bearer
	}
	if given("header") {
		headers, err := parseHeaders(s.headers)
		if err != nil {
			return ch, usage(c, "%v", err)
		}
		ch.Headers = &headers
	}
	if given("schedule") {
		waits, err := parseSchedule(s.schedule)
		if err != nil {
			return ch, usage(c, "%v", err)
		}
		ch.Schedule = &waits
	}
	if given("bulk") || given("bulk-wait") {
		b := api.Bulk{}
		if bulk != nil {
			b = *bulk
		}
		if given("bulk") {
			b.Most = s.bulk
		}
		if given("bulk-wait") {
			b.Wait = api.Span(s.bulkWait)
		}
		if b.Most < 2 && given("bulk-wait") {
			return ch, usage(c, "--bulk-wait is for bulk: give --bulk as well")
		}
		ch.Bulk = &b
	}
	return ch, nil
}

// put sets a field to a value that was given.
func put[T any](given bool, field **T, value T) {
	if given {
		*field = &value
	}
}

// some is a list that is not nil, so that JSON shows it empty.
func some[T any](list []T) []T { return append([]T{}, list...) }

func parseHeaders(lines []string) (map[string]string, error) {
	out := map[string]string{}
	for _, line := range lines {
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("--header takes 'Name: value'") // what was given may be a secret
		}
		out[name] = strings.TrimSpace(value)
	}
	return out, nil
}

func parseSchedule(waits []string) ([]api.Span, error) {
	out := []api.Span{}
	for _, w := range waits {
		if w == "" {
			continue
		}
		d, err := time.ParseDuration(strings.TrimSpace(w))
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("--schedule takes waits such as 5s,30s,2m, not %s", strconv.Quote(w))
		}
		out = append(out, api.Span(d))
	}
	return out, nil
}
