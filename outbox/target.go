package outbox

import (
	"slices"
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

// cover gives t a lane for every stream that it covers, and takes those of
// streams that it covers no more. added is told of new lanes before they go.
func (o *Outbox) cover(t *target, added func(*lane)) {
	for _, l := range slices.Clone(t.lanes) {
		if !o.covers(t, l.st.name) {
			o.removeLane(l)
		}
	}
	add := func(s *stream) {
		if o.find(t, s, "") != nil {
			return
		}
		l := o.addLane(t, s, record.Lane{Endpoint: t.ep.ID, Stream: s.name})
		l.starting, l.guessed = true, true
		if added != nil {
			added(l)
		}
		o.place(l)
	}
	if !t.wide() {
		add(o.streamOf(t.ep.Stream))
		return
	}
	for _, s := range o.streams {
		if o.covers(t, s.name) {
			add(s)
		}
	}
}

func (o *Outbox) covers(t *target, stream string) bool {
	if !t.wide() {
		return t.ep.Stream == stream
	}
	return o.cfg.Covers(t.ep, stream)
}

// find answers the lane of a stream to t, nil if there is none. It looks where
// fewer are.
func (o *Outbox) find(t *target, s *stream, replay string) *lane {
	if s == nil {
		return nil
	}
	among := t.lanes
	if len(s.lanes) < len(among) {
		among = s.lanes
	}
	for _, l := range among {
		if l.to == t && l.st == s && l.rec.Replay == replay {
			return l
		}
	}
	return nil
}

// stream is what the lanes of one stream share.
type stream struct {
	name  string
	head  uint64  // the last event known to be committed
	lanes []*lane // in no order; lane.inStream is the index
}

// streamOf answers a stream. For one that is new it makes the lanes of those
// that cover streams of others, too.
func (o *Outbox) streamOf(name string) *stream {
	s := o.streams[name]
	if s != nil {
		return s
	}
	s = &stream{name: name, head: o.cfg.Log.Head(name)}
	o.streams[name] = s
	for t := range o.wide {
		if o.cfg.Covers(t.ep, name) && o.find(t, s, "") == nil {
			l := o.addLane(t, s, record.Lane{Endpoint: t.ep.ID, Stream: name})
			l.starting, l.guessed = true, true
			o.place(l)
		}
	}
	return s
}

// notified takes over how far a stream has come.
func (o *Outbox) notified(name string) {
	s := o.streamOf(name)
	s.head = o.cfg.Log.Head(name)
	for _, l := range s.lanes {
		if l.seen.IsZero() && l.to.ep.Bulk != nil {
			l.seen = o.now
		}
		o.place(l)
	}
}

func (o *Outbox) removeStream(name string) {
	s := o.streams[name]
	if s == nil {
		return
	}
	for len(s.lanes) > 0 {
		o.removeLane(s.lanes[len(s.lanes)-1])
	}
	delete(o.streams, name)
}

// load makes the lanes of every stored endpoint. All of them are due at once:
// whoever restarts a daemon wants to see it work.
func (o *Outbox) load() error {
	endpoints, err := o.cfg.Log.Endpoints()
	if err != nil {
		return err
	}
	stored, err := o.cfg.Log.Lanes()
	if err != nil {
		return err
	}
	for _, name := range o.cfg.Log.Streams() {
		o.streamOf(name)
	}
	given := make(map[string][]record.Lane, len(endpoints))
	for _, rec := range stored {
		given[rec.Endpoint] = append(given[rec.Endpoint], rec)
	}
	for i := range endpoints {
		t := o.addTarget(&endpoints[i])
		recs := make(map[string]record.Lane)
		for _, rec := range given[t.ep.ID] {
			if rec.Replay == "" {
				recs[rec.Stream] = rec
			}
		}
		for name := range recs {
			o.streamOf(name)
		}
		o.cover(t, func(l *lane) {
			if rec, ok := recs[l.st.name]; ok {
				l.rec, l.starting, l.guessed = rec, false, false
			}
		})
		for _, rec := range given[t.ep.ID] {
			if rec.Replay != "" {
				o.startReplay(rec)
			}
		}
	}
	return nil
}
