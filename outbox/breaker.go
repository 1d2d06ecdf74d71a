package outbox

import (
	"log/slog"
	"time"

	"github.com/switchhook/switchhook/record"
)

const opensAfter = 5 // failed tries in a row

// breaker keeps the lanes of a target from trying what one of them can find
// out. While it is open one lane at a time probes, in turn.
type breaker struct {
	fails int    // tries in a row that did not deliver
	only  *lane  // the lane that all of these were of; nil: of several, or none
	err   string // what the last of these came to

	was bool // failing before the start, and that it works again was not told

	open    bool
	since   time.Time
	probes  int   // that have failed
	probing *lane // the lane whose turn it is
	wanted  bool  // the next lane that is held may probe at once
	alarm   alarm // of the next probe
}

// succeeded notes a delivery. It closes the breaker, and all lanes are due.
func (o *Outbox) succeeded(t *target) {
	b := &t.brk
	if !b.open {
		if b.was {
			b.was = false
			o.log.LogAttrs(o.work, slog.LevelInfo, "endpoint works again", slog.String("endpoint", t.ep.ID))
			o.tell(Health{Endpoint: *t.ep, Kind: record.EndpointRecovered, At: o.now.Round(0)}, "", false)
		}
		b.fails, b.only, b.err = 0, nil, ""
		return
	}
	o.log.LogAttrs(o.work, slog.LevelInfo, "endpoint works again", slog.String("endpoint", t.ep.ID),
		slog.Duration("failing", o.now.Sub(b.since).Round(time.Second)))
	o.tell(Health{Endpoint: *t.ep, Kind: record.EndpointRecovered, At: o.now.Round(0)}, "", false)
	o.closeBreaker(t)
	for _, l := range t.lanes {
		l.due = time.Time{}
		o.place(l)
	}
}

// wasFailing notes that an endpoint was out of reach before the start, if its
// lanes' tries since they delivered something would have opened the breaker. That
// is told apart no further: a breaker that was closed by another lane, or had not
// opened yet, may have recovered told once too often, never once too few.
func (t *target) wasFailing() {
	fails := 0
	for _, l := range t.lanes {
		if !l.rec.FirstAt.IsZero() {
			fails += max(l.rec.Step, l.rec.Attempts)
		}
	}
	t.brk.was = fails >= opensAfter && !t.paused()
}

// closeBreaker forgets all failures. The lanes are placed by the caller.
func (o *Outbox) closeBreaker(t *target) {
	o.waits.set(&t.brk.alarm, time.Time{})
	t.brk = breaker{alarm: alarm{target: t}}
}

// failed notes a try of l that did not deliver, after the lane was told: wait is
// how long the next should take if this was a probe.
func (o *Outbox) failed(l *lane, v Verdict, probe bool) {
	t := l.to
	b := &t.brk
	b.fails++
	b.err = errorText(v)
	switch {
	case b.fails == 1:
		b.only = l
	case b.only != nil && b.only != l:
		other := b.only
		b.only = nil
		o.place(other)
	}
	switch {
	case t.paused():
		return
	case !b.open && b.fails >= opensAfter:
		b.open, b.since, b.was = true, o.now, false // its end will be told
		o.log.LogAttrs(o.work, slog.LevelWarn, "endpoint failing", slog.String("endpoint", t.ep.ID),
			slog.Int("fails", b.fails), slog.String("err", b.err))
		o.tell(Health{Endpoint: *t.ep, Kind: record.EndpointFailing, Fails: b.fails, Reason: b.err, At: o.now.Round(0)}, "", false)
	case b.open && probe:
		b.probes++
	default:
		return
	}
	at := o.now.Add(t.wait(b.probes+1, v))
	if b.only == l { // the only one that fails goes by its own schedule
		at = later(l.due, o.now)
	}
	o.waits.set(&b.alarm, at)
	if b.probes == 0 {
		for _, other := range t.lanes {
			o.place(other)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// probe lets the next lane that is held be tried.
func (o *Outbox) probe(t *target) {
	b := &t.brk
	if !b.open || b.probing != nil {
		return
	}
	k := t.held.first
	b.wanted = k == nil
	if k != nil {
		o.probeBy(k.item)
	}
}

func (o *Outbox) probeBy(l *lane) {
	b := &l.to.brk
	b.probing, b.wanted = l, false
	o.waits.set(&b.alarm, time.Time{})
	o.place(l)
}

// probeFresh lets a lane that is held now probe at once, if a probe is wanted,
// or if it has not failed and one other lane alone made the breaker open: it
// may be that lane's event that the receiver does not take.
func (o *Outbox) probeFresh(l *lane) {
	b := &l.to.brk
	if b.open && b.probing == nil && (b.wanted || b.only != nil && b.only != l && l.rec.Step == 0) {
		o.probeBy(l)
	}
}

// leaveBreaker is called when l is no longer among its target's lanes.
func (o *Outbox) leaveBreaker(l *lane) {
	b := &l.to.brk
	if b.only == l {
		b.only = nil
	}
	if b.probing == l {
		b.probing = nil
		o.probe(l.to)
	}
}
