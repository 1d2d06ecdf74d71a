package store

import "github.com/switchhook/switchhook/record"

const (
	recentEvents = 8192    // a power of two
	recentSize   = 2 << 10 // bytes of the largest entry of the log whose event is kept
)

// recent keeps the events that were committed last, as they were given to
// [Change.Append]: whoever follows the log closely, such as a delivery, finds
// them here and need not open and decode what has only just been sealed. An event
// of usual size takes about a kilobyte, so all of it takes a few megabytes. The
// zero value is empty. It is guarded by the index's lock, whose positions say
// which events there are.
type recent struct{ ring []kept }

type kept struct {
	pos   uint64
	event record.Event
}

func (r *recent) add(pos uint64, e *record.Event, size int) {
	if size > recentSize {
		return
	}
	if r.ring == nil {
		r.ring = make([]kept, recentEvents)
	}
	k := &r.ring[pos%recentEvents]
	k.pos, k.event = pos, *e
	k.event.At = e.At.Round(0) // without the reading of a clock that is not stored
	k.event.Share()
}

// at answers the event at a position, nil if it is not kept.
func (r *recent) at(pos uint64) *record.Event {
	if r.ring == nil {
		return nil
	}
	if k := &r.ring[pos%recentEvents]; k.pos == pos && pos > 0 {
		return &k.event
	}
	return nil
}

// forget drops the stream's events up to and including seq.
func (r *recent) forget(stream string, seq uint64) {
	for i := range r.ring {
		if k := &r.ring[i]; k.event.Stream == stream && k.event.Seq <= seq {
			*k = kept{}
		}
	}
}

// recentAfter answers the events behind a position that are still kept, without
// a gap, and the position of the last of them. End reports that there are no
// more, kept or not.
func (x *index) recentAfter(after uint64, limit int) (events []record.Event, last uint64, end bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	last = after
	for last < x.last && len(events) < limit {
		e := x.recent.at(last + 1)
		if e == nil {
			break
		}
		last++
		if events == nil {
			events = make([]record.Event, 0, min(uint64(limit), x.last-after))
		}
		events = append(events, *e)
	}
	return events, last, last >= x.last
}

// recentOf answers up to limit events of the stream with a seq above seq if the
// first of them is still kept, without a gap; otherwise none, and the positions of
// those there are.
func (x *index) recentOf(stream string, seq uint64, limit int) (events []record.Event, positions []uint64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	rest := x.behind(stream, seq, limit)
	for i, p := range rest {
		e := x.recent.at(p)
		if e == nil {
			break
		}
		if events == nil {
			events = make([]record.Event, 0, len(rest)-i)
		}
		events = append(events, *e)
	}
	if events == nil {
		positions = append(positions, rest...)
	}
	return events, positions
}
