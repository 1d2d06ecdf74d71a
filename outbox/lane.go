package outbox

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook/record"
)

// stream is what the lanes of one stream share.
type stream struct {
	head  uint64 // the last event known to be committed
	lanes []*lane
}

// lane is one stream on its way to one endpoint. It is in one of these places:
// idle (nothing is pending), in Outbox.waits (until due), stalled (until the
// disk has caught up), in its receiver's queue (ready), or under way (cancel is
// set). Only place moves it between the first four.
type lane struct {
	ep   record.Endpoint
	rec  record.Lane // the truth; a save writes a copy
	st   *stream
	recv *receiver
	gen  uint64 // goes up when the answer of a try under way no longer counts

	due     time.Time          // not before; zero: at once
	slot    int                // in Outbox.waits, -1: not in it
	queued  bool               // in recv.ready
	cancel  context.CancelFunc // of the try under way
	gone    bool               // removed
	guessed bool               // no cursor was stored, and nothing has been tried since

	dirty   bool // rec or dead differ from the last save begun
	unsaved int  // acknowledged requests whose cursor is not on disk
	riding  int  // of those, in the save under way
	dead    []record.DeadLetter
	ridden  int // of dead, in the save under way

	logged  string // the last trouble logged, empty while there is none
	trouble string // why the log cannot be read
	excerpt string // what the receiver last answered to a failed try
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
	type key struct{ endpoint, stream string }
	lanes := make(map[key]record.Lane, len(stored))
	for _, rec := range stored {
		lanes[key{rec.Endpoint, rec.Stream}] = rec
	}
	for _, ep := range endpoints {
		rec, ok := lanes[key{ep.ID, ep.Stream}]
		if !ok {
			after, err := o.startOf(ep)
			if err != nil {
				return err
			}
			rec = record.Lane{Endpoint: ep.ID, Stream: ep.Stream, Acked: after}
		}
		l := o.addLane(ep, rec)
		if !ok {
			l.guessed = true
			o.markDirty(l)
		}
		o.place(l)
	}
	return nil
}

// startOf finds the cursor of an endpoint that has none: a crash came between
// storing the two. It gets the events since it was created.
func (o *Outbox) startOf(ep record.Endpoint) (uint64, error) {
	head := o.cfg.Log.Head(ep.Stream) // before reading, so that nothing falls between
	for after := uint64(0); ; {
		events, err := o.cfg.Log.Events(ep.Stream, after, 64)
		if err != nil {
			return 0, err
		}
		if len(events) == 0 {
			return max(after, head), nil
		}
		for i := range events {
			if !events[i].At.Before(ep.CreatedAt) {
				return events[i].Seq - 1, nil
			}
		}
		after = events[len(events)-1].Seq
	}
}

func (o *Outbox) addLane(ep record.Endpoint, rec record.Lane) *lane {
	st := o.streams[ep.Stream]
	if st == nil {
		st = &stream{head: o.cfg.Log.Head(ep.Stream)}
		o.streams[ep.Stream] = st
	}
	l := &lane{ep: ep, rec: rec, st: st, slot: -1}
	st.lanes = append(st.lanes, l)
	o.lanes[ep.ID] = l
	o.attach(l)
	return l
}

func (o *Outbox) removeLane(l *lane) {
	l.gone = true
	if l.cancel != nil {
		l.cancel()
	}
	o.waits.remove(l)
	o.detach(l)
	delete(o.lanes, l.ep.ID)
	l.st.lanes = slices.DeleteFunc(l.st.lanes, func(x *lane) bool { return x == l })
	if len(l.st.lanes) == 0 {
		delete(o.streams, l.ep.Stream)
	}
}

// setEndpoint adds or changes an endpoint; see [Outbox.SetEndpoint].
func (o *Outbox) setEndpoint(ep record.Endpoint, lanes []record.Lane) {
	startAfter := uint64(0)
	for _, rec := range lanes {
		startAfter = rec.Acked
	}
	l := o.lanes[ep.ID]
	if l != nil && l.ep.Stream != ep.Stream {
		o.removeLane(l)
		l = nil
	}
	if l == nil {
		l = o.addLane(ep, record.Lane{Endpoint: ep.ID, Stream: ep.Stream, Acked: startAfter})
		o.markDirty(l)
		o.place(l)
		return
	}
	old := l.ep
	l.ep = ep
	if l.guessed {
		l.rec.Acked = startAfter
		o.markDirty(l)
	}
	moved := old.URL != ep.URL
	if moved || old.Format != ep.Format || old.Disabled != "" && ep.Disabled == "" {
		l.gen++
		if l.cancel != nil {
			l.cancel()
		}
	}
	if moved || old.Disabled != "" && ep.Disabled == "" {
		l.resetTries()
		o.markDirty(l)
	}
	o.attach(l)
	l.due = time.Time{}
	o.place(l)
}

// resetTries forgets the tries of the next event: there are none yet.
func (l *lane) resetTries() {
	l.rec.Attempts = 0
	l.rec.FirstAt, l.rec.NextAt = time.Time{}, time.Time{}
	l.rec.LastError = ""
	l.excerpt = ""
}

// pending is how many events of the stream lie behind the cursor.
func (l *lane) pending() uint64 {
	if l.rec.Acked >= l.st.head {
		return 0
	}
	return l.st.head - l.rec.Acked
}

// place puts l where it belongs. It is called after anything about the lane has
// changed; while a try is under way or l has its turn to come, that is the place
// already.
func (o *Outbox) place(l *lane) {
	if l.gone || l.cancel != nil || l.queued {
		return
	}
	o.waits.remove(l)
	switch {
	case l.pending() == 0:
	case l.due.After(o.now):
		o.waits.add(l)
	case l.unsaved > 1 || len(l.dead) > 0:
		// Stalled. If the save under way cannot help, the next one shall not wait.
		if l.riding == 0 && l.ridden == 0 {
			o.saver.hurry = true
		}
	default:
		o.enqueue(l)
	}
}
