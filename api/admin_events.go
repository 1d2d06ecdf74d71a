package api

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/record"
)

// The bounds of one look at the log.
const (
	defaultEvents = 100
	MaxEvents     = 1000             // the most that one look answers
	maxWait       = 55 * time.Second // below the patience of usual proxies

	// MaxPage bounds the bytes of events in one answer, but for its first event:
	// who gets fewer events than asked for compares with [HeadHeader].
	MaxPage = 4 << 20
	// MaxPolls is how many requests wait for events at once, over all instances.
	MaxPolls = 4096
)

var errManyPolls = &failure{
	Status: http.StatusTooManyRequests, Code: "many_polls",
	Message: "there are " + strconv.Itoa(MaxPolls) + " requests waiting for events already: ask without ?wait=",
}

// What an answer with events tells beside them.
const (
	// HeadHeader is the seq of the stream's newest event: who has it has all.
	HeadHeader = "Switchhook-Head"
	// PrunedHeader is there when events that were asked for are in the log no more,
	// as <first>-<last>.
	PrunedHeader = "Switchhook-Pruned"
)

func (a *API) eventRoutes() []route {
	of := func(what ...string) []string { return append([]string{"instances", "{stream}"}, what...) }
	return []route{
		{http.MethodGet, of("events"), a.events},
		{http.MethodGet, of("events", "stream"), a.follow},
	}
}

// look is what a request for events asks.
type look struct {
	after  cursor
	limit  int
	wait   time.Duration
	encode func(*record.Event) ([]byte, error)
}

// parseLook reads ?after=<seq or id>&limit=<n>&wait=<seconds or duration>&format=<name>.
func (a *API) parseLook(q url.Values) (l look, err error) {
	l.limit = defaultEvents
	if s := q.Get("after"); s != "" {
		if l.after, err = parseCursor(s); err != nil {
			return l, err
		}
	}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > MaxEvents {
			return l, invalid("limit", "must be 1 to "+strconv.Itoa(MaxEvents))
		}
		l.limit = n
	}
	if s := q.Get("wait"); s != "" {
		if l.wait, err = parseWait(s); err != nil {
			return l, err
		}
	}
	l.encode, err = a.encoder(q.Get("format"))
	return l, err
}

// parseWait reads a number of seconds, or a duration such as "30s". Longer wishes
// than maxWait are cut.
func parseWait(s string) (time.Duration, error) {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return time.Duration(min(n, uint64(maxWait/time.Second))) * time.Second, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, invalid("wait", `must be a number of seconds, or a duration such as "30s"`)
	}
	return min(d, maxWait), nil
}

// encoder answers what makes the bytes of the format.
func (a *API) encoder(format string) (func(*record.Event) ([]byte, error), error) {
	if encode, ok := a.cfg.Formats[format]; ok {
		return encode, nil
	}
	if format == "" || format == "standard" {
		return (*record.Event).Standard, nil
	}
	names := []string{"standard"}
	for name := range a.cfg.Formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return nil, invalid("format", "must be "+strings.Join(slices.Compact(names), " or "))
}

// events answers an array of events. With wait, an array that would be empty is
// held back until there is an event, the time is over or the daemon stops. It ends
// where its bytes would be more than [MaxPage]. Who accepts text/event-stream gets the stream instead.
func (a *API) events(c *call) (any, error) {
	if accepts(c.Header, eventStream) {
		return a.follow(c)
	}
	l, err := a.parseLook(c.URL.Query())
	if err != nil {
		return nil, err
	}
	if l.wait > 0 {
		if a.polls.Add(1) > MaxPolls {
			a.polls.Add(-1)
			c.w.Header().Set("Retry-After", "30")
			return nil, errManyPolls
		}
		defer a.polls.Add(-1)
		c.writeWithin(l.wait + writeTimeout)
	}
	after, err := a.locate(c, l.after)
	if err != nil {
		return nil, err
	}
	limit := l.limit
	l.limit = min(limit, streamedPage)
	page, err := a.await(c, after, l)
	if err != nil {
		return nil, err
	}
	h := c.w.Header()
	h.Set(HeadHeader, strconv.FormatUint(page.head, 10))
	if from, to, ok := page.pruned(); ok {
		h.Set(PrunedHeader, fmt.Sprintf("%d-%d", from, to))
	}
	return a.encoded(c, page, limit, l.encode)
}

// encoded makes bytes of a page and of those that follow it, a few events at a
// time, until there are limit events, no more, or enough bytes.
func (a *API) encoded(c *call, p page, limit int, encode func(*record.Event) ([]byte, error)) (out []json.RawMessage, err error) {
	out = make([]json.RawMessage, 0, len(p.events))
	bytes := 0
	for {
		for i := range p.events {
			body, err := encode(&p.events[i])
			if err != nil {
				return nil, err
			}
			if bytes += len(body); bytes > MaxPage && len(out) > 0 || len(out) == limit {
				return out, nil
			}
			out = append(out, body)
		}
		if len(p.events) < streamedPage || len(out) == limit {
			return out, nil
		}
		last := p.events[len(p.events)-1].Seq
		if p, err = a.read(c, last, min(limit-len(out), streamedPage)); err != nil {
			return nil, err
		}
		if _, _, gap := p.pruned(); gap && len(p.events) > 0 {
			return out, nil // pruned meanwhile: the next answer says so
		}
	}
}

// page is what one look has found.
type page struct {
	after  uint64
	head   uint64 // of the stream, not below the events
	events []record.Event
}

// pruned answers which of the events behind after the log holds no more.
func (p page) pruned() (from, to uint64, ok bool) {
	to = p.head
	if len(p.events) > 0 {
		to = p.events[0].Seq - 1
	}
	return p.after + 1, to, to > p.after
}

// read looks once.
func (a *API) read(c *call, after uint64, limit int) (page, error) {
	p := page{after: after, head: a.cfg.Instances.Head(c.entry.ID)} // before the events, so that all up to it are found
	var err error
	p.events, err = a.cfg.Instances.Events(c.Context(), c.entry.ID, after, limit)
	if n := len(p.events); n > 0 {
		p.head = max(p.head, p.events[n-1].Seq)
	}
	return p, err
}

// await looks until there are events or waiting is over.
func (a *API) await(c *call, after uint64, l look) (page, error) {
	if l.wait == 0 {
		return a.read(c, after, l.limit)
	}
	wake, stop := a.cfg.Instances.Watch(c.entry.ID) // before the first look, so that nothing falls between
	defer stop()
	timer := time.NewTimer(l.wait)
	defer timer.Stop()
	for {
		p, err := a.read(c, after, l.limit)
		if err != nil || len(p.events) > 0 {
			return p, err
		}
		select {
		case <-wake:
		case <-timer.C:
			return p, nil
		case <-a.stopped:
			return p, nil
		case <-c.Context().Done():
			return p, c.Context().Err()
		}
	}
}

// accepts reports whether a client names the media type among those it takes.
func accepts(h http.Header, kind string) bool {
	for _, accept := range h.Values("Accept") {
		for one := range strings.SplitSeq(accept, ",") {
			if media, _, err := mime.ParseMediaType(one); err == nil && media == kind {
				return true
			}
		}
	}
	return false
}
