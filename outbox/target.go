package outbox

import (
	"time"

	"github.com/switchhook/switchhook/record"
)

const keptFailures = 20 // of an endpoint, in memory

// target is an endpoint as the scheduler knows it: its lanes share its slots,
// its breaker and its turns.
type target struct {
	ep    *record.Endpoint // never written; a change replaces it, as tries under way hold it
	gone  bool             // removed
	lanes []*lane          // in no order; lane.inTarget is the index

	// From the endpoint, its policy and the configuration.
	schedule []time.Duration
	horizon  time.Duration
	jitter   int // percent
	limit    int // tries under way at once

	org      *origin
	turn     link[target] // in org.ready while ready or replays is not empty
	inFlight int
	ready    queue[lane] // lanes whose turn is to come
	replays  queue[lane] // and replays, when no other lane is ready
	held     queue[lane] // lanes that wait for the breaker

	brk      breaker
	failures []record.Try // the last few, oldest first
}

func (t *target) wide() bool   { return t.ep.Stream == "" }
func (t *target) paused() bool { return t.ep.Disabled != "" }

// setPolicy takes over how tries are spread: the endpoint's own word goes before
// its policy's, and that before the configuration's.
func (o *Outbox) setPolicy(t *target) {
	p := o.cfg.Policy(t.ep)
	t.schedule = o.cfg.Schedule
	for _, s := range [][]time.Duration{p.Schedule, t.ep.Schedule} {
		if len(s) > 0 {
			t.schedule = s
		}
	}
	t.horizon = first(t.ep.Horizon, p.Horizon, o.cfg.Horizon)
	t.limit = first(t.ep.InFlight, p.InFlight, o.cfg.PerEndpoint)
	t.jitter = defaultJitter
	for _, j := range []*int{p.Jitter, t.ep.Jitter} {
		if j != nil {
			t.jitter = *j
		}
	}
}

// first answers the first value above zero.
func first[T int | time.Duration](values ...T) T {
	for _, v := range values {
		if v > 0 {
			return v
		}
	}
	return 0
}

// setEndpoint adds or changes an endpoint; see [Outbox.SetEndpoint].
func (o *Outbox) setEndpoint(ep record.Endpoint, stored []record.Lane) {
	t := o.targets[ep.ID]
	if t == nil {
		t = o.addTarget(&ep)
	} else {
		o.changeTarget(t, &ep)
	}
	given := make(map[string]record.Lane, len(stored))
	for _, rec := range stored {
		if rec.Endpoint == ep.ID && rec.Replay == "" {
			given[rec.Stream] = rec
		}
	}
	for name := range given {
		o.streamOf(name)
	}
	for _, l := range t.lanes {
		if rec, ok := given[l.st.name]; ok && l.guessed && l.live() {
			l.rec, l.starting = rec, false
			o.markDirty(l)
			o.place(l)
		}
	}
	o.cover(t, func(l *lane) {
		if rec, ok := given[l.st.name]; ok {
			l.rec, l.starting, l.guessed = rec, false, false
			o.markDirty(l)
		}
	})
}

func (o *Outbox) addTarget(ep *record.Endpoint) *target {
	t := &target{ep: ep}
	t.turn.item = t
	t.brk.alarm.target = t
	o.targets[ep.ID] = t
	if t.wide() {
		o.wide[t] = struct{}{}
	}
	o.setPolicy(t)
	o.attach(t)
	return t
}

// changeTarget takes over what is new. What is pending is tried at once.
func (o *Outbox) changeTarget(t *target, ep *record.Endpoint) {
	old := t.ep
	t.ep = ep
	o.setPolicy(t)
	delete(o.wide, t)
	if t.wide() {
		o.wide[t] = struct{}{}
	}
	resumed := old.Disabled != "" && ep.Disabled == ""
	afresh := resumed || old.URL != ep.URL
	recoded := old.Format != ep.Format || old.Version != ep.Version
	if afresh || t.paused() {
		o.closeBreaker(t)
	}
	rebatched := recoded || (old.Bulk == nil) != (ep.Bulk == nil) || ep.Bulk != nil && *old.Bulk != *ep.Bulk
	o.attach(t)
	for _, l := range t.lanes {
		if afresh || recoded {
			l.cutShort()
		}
		if afresh {
			l.forgetTries()
			o.markDirty(l)
		}
		if rebatched && l.rec.BatchTo > 0 {
			l.rec.BatchTo = 0
			o.markDirty(l)
		}
		l.due, l.headAt = time.Time{}, time.Time{}
		o.place(l)
	}
	if t.brk.open {
		o.probe(t)
	}
}

func (o *Outbox) removeTarget(t *target) {
	t.gone = true
	for len(t.lanes) > 0 {
		o.removeLane(t.lanes[len(t.lanes)-1])
	}
	o.waits.set(&t.brk.alarm, time.Time{})
	o.detach(t)
	delete(o.wide, t)
	delete(o.targets, t.ep.ID)
}
