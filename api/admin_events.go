package api

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/record"
)

// The bounds of one look at the log.
const (
	defaultEvents = 100
	MaxEvents     = 1000             // the most that one look answers
	maxWait       = 55 * time.Second // below the patience of usual proxies
)

// look is what a request for events asks.
type look struct {
	after uint64
	limit int
	wait  time.Duration
}

// parseLook reads ?after=<seq>&limit=<n>&wait=<seconds>.
func parseLook(q url.Values) (look, error) {
	l := look{limit: defaultEvents}
	if s := q.Get("after"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return l, invalid("after", "must be the number of an event")
		}
		l.after = n
	}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > MaxEvents {
			return l, invalid("limit", "must be 1 to "+strconv.Itoa(MaxEvents))
		}
		l.limit = n
	}
	if s := q.Get("wait"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return l, invalid("wait", "must be a number of seconds")
		}
		l.wait = maxWait // longer wishes are cut
		if n < int(maxWait/time.Second) {
			l.wait = time.Duration(n) * time.Second
		}
	}
	return l, nil
}

// events answers an array of events in the standard format. With wait, an array
// that would be empty is held back until there is an event, the time is over or
// the daemon stops.
func (a *API) events(c *call) (any, error) {
	l, err := parseLook(c.URL.Query())
	if err != nil {
		return nil, err
	}
	if l.wait > 0 {
		c.writeWithin(l.wait + writeTimeout)
	}
	found, err := a.await(c, l)
	if err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, 0, len(found))
	for i := range found {
		body, err := found[i].Standard()
		if err != nil {
			return nil, err
		}
		out = append(out, body)
	}
	return out, nil
}

// await looks until there are events or waiting is over.
func (a *API) await(c *call, l look) ([]record.Event, error) {
	if l.wait == 0 {
		return a.cfg.Instances.Events(c.Context(), c.entry.ID, l.after, l.limit)
	}
	wake, stop := a.cfg.Instances.Watch(c.entry.ID) // before the first look, so that nothing falls between
	defer stop()
	timer := time.NewTimer(l.wait)
	defer timer.Stop()
	for {
		found, err := a.cfg.Instances.Events(c.Context(), c.entry.ID, l.after, l.limit)
		if err != nil || len(found) > 0 {
			return found, err
		}
		select {
		case <-wake:
		case <-timer.C:
			return nil, nil
		case <-a.stopped:
			return nil, nil
		case <-c.Context().Done():
			return nil, c.Context().Err()
		}
	}
}
