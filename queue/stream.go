package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/record"
)

// stream is what is known of one. Whoever has the turn may use it.
type stream struct {
	turn chan struct{} // of one

	open   bool        // as it was when the turn was taken
	loaded bool        // what follows is as the disk has it
	stored bool        // there is a cursor on the disk
	lane   record.Lane // the cursor: all up to Acked is done with, and Receipts behind it
	clear  uint64      // nothing is to be handed out up to here; at least lane.Acked
	next   *handed     // the first behind that, nil while it is not known
}

func newStream() *stream { return &stream{turn: make(chan struct{}, 1)} }

// handed is a notification with its event's time.
type handed struct {
	Notification
	at time.Time
}

func receiptOf(seq uint64, place int) int64 { return int64(seq)*Places + int64(place) }

func seqOf(receipt int64) uint64 { return uint64(receipt / Places) }

// enter takes a stream's turn, and loads its cursor if it is open.
func (q *Queue) enter(ctx context.Context, name string) (*stream, error) {
	q.mu.Lock()
	s := q.streams[name]
	if s == nil {
		if _, open := q.cfg.Endpoint(name); !open { // nothing is kept of what anybody may ask for
			q.mu.Unlock()
			s = newStream()
			s.turn <- struct{}{}
			return s, nil
		}
		s = newStream()
		q.streams[name] = s
	}
	q.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the turn: %w", ctx.Err())
	}
	id, open := q.cfg.Endpoint(name)
	if s.open = open; !open || s.loaded {
		return s, nil
	}
	lane, ok, err := q.cfg.Log.Lane(id, name)
	if err != nil {
		s.leave()
		return nil, fmt.Errorf("read a cursor: %w", err)
	}
	if !ok {
		lane = record.Lane{Endpoint: id, Stream: name}
	}
	s.loaded, s.stored, s.lane, s.clear, s.next = true, ok, lane, lane.Acked, nil
	return s, nil
}

func (s *stream) leave() { <-s.turn }

// gone reports whether a receipt was deleted.
func (s *stream) gone(receipt int64) bool {
	_, found := slices.BinarySearch(s.lane.Receipts, receipt)
	return found || seqOf(receipt) <= s.lane.Acked
}

// find looks for what is next, as far as one chunk of the log; more says that it goes
// on behind it. It reads nothing where the answer is known.
func (q *Queue) find(name string, s *stream) (more bool, err error) {
	oldest := time.Now().Add(-Keep)
	if s.next != nil && !s.next.at.Before(oldest) {
		return false, nil
	}
	s.next = nil
	head := q.cfg.Log.Head(name)
	if s.clear >= head {
		return false, nil
	}
	events, err := q.cfg.Log.Events(name, s.clear, readChunk)
	if err != nil {
		return false, err
	}
	if len(events) == 0 { // pruned to the end
		s.clear = head
		return false, nil
	}
	if events[0].At.Before(oldest) {
		before, err := q.cfg.Log.SeqAtTime(name, oldest)
		s.clear = max(before, events[0].Seq)
		return err == nil, err
	}
	for i := range events {
		if q.meet(s, &events[i]); s.next != nil {
			return false, nil
		}
	}
	return s.clear < head, nil
}

// meet looks at the event that follows what is clear.
func (q *Queue) meet(s *stream, ev *record.Event) {
	if ev.Seq != s.clear+1 && s.stored {
		q.log.Info("events that were not fetched are not in the log any more",
			"instance", ev.Stream, "from", s.clear+1, "to", ev.Seq-1)
	}
	for place, body := range q.make(ev) {
		if receipt := receiptOf(ev.Seq, place); body != nil && !s.gone(receipt) {
			s.clear = ev.Seq - 1
			s.next = &handed{Notification{receipt, body}, ev.At}
			return
		}
	}
	s.clear = ev.Seq
}

// make answers the notifications of an event. One that cannot be made now never can:
// it is told, and passed over.
func (q *Queue) make(ev *record.Event) [][]byte {
	bodies, err := q.cfg.Make(ev)
	if err == nil && len(bodies) > Places {
		err = fmt.Errorf("it makes %d notifications, at most %d are handed out", len(bodies), Places)
		bodies = bodies[:Places]
	}
	if err != nil {
		q.log.Error("notifications of an event are left out", "instance", ev.Stream, "seq", ev.Seq, "err", err)
	}
	return bodies
}
