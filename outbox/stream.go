package outbox

import (
	"slices"

	"github.com/switchhook/switchhook/record"
)

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
