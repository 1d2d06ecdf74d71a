package queue

import (
	"context"
	"slices"

	"github.com/switchhook/switchhook/record"
)

// remove deletes a notification, if it is there. The stream's turn is held.
func (q *Queue) remove(ctx context.Context, name string, s *stream, receipt int64) (bool, error) {
	// What is of no interest in front of it goes with it, so the cursor moves.
	for read := 0; read < readMost; read += readChunk {
		if more, err := q.find(name, s); err != nil {
			return false, err
		} else if !more {
			break
		}
	}
	ev, there, err := q.there(name, s, receipt)
	if err != nil || !there {
		return false, err
	}
	lane, done := s.lane, s.clear
	at, _ := slices.BinarySearch(lane.Receipts, receipt)
	lane.Receipts = slices.Insert(slices.Clone(lane.Receipts), at, receipt)
	if ev.Seq == done+1 && !q.leaves(ev, lane.Receipts) {
		done = ev.Seq
	}
	lane = upTo(lane, done)
	if len(lane.Receipts) > maxApart {
		return false, nil
	}
	if err := q.cfg.Log.SaveLane(ctx, lane); err != nil {
		return false, err
	}
	s.lane, s.clear, s.stored = lane, done, true
	if s.next != nil && s.gone(s.next.Receipt) {
		s.next = nil
	}
	return true, nil
}

// upTo is a cursor moved to a seq.
func upTo(l record.Lane, seq uint64) record.Lane {
	l.Acked = seq
	l.Receipts = slices.DeleteFunc(slices.Clone(l.Receipts), func(r int64) bool { return seqOf(r) <= seq })
	return l
}

// there answers the event of a receipt that can be deleted. What is too old is clear
// already: [Queue.find] has passed over it.
func (q *Queue) there(name string, s *stream, receipt int64) (*record.Event, bool, error) {
	seq := seqOf(receipt)
	if seq <= s.clear || seq > q.cfg.Log.Head(name) || s.gone(receipt) {
		return nil, false, nil
	}
	events, err := q.cfg.Log.Events(name, seq-1, 1)
	if err != nil || len(events) == 0 || events[0].Seq != seq {
		return nil, false, err
	}
	bodies := q.make(&events[0])
	place := int(receipt % Places)
	return &events[0], place < len(bodies) && bodies[place] != nil, nil
}

// leaves reports whether an event has notifications besides those that are deleted.
func (q *Queue) leaves(ev *record.Event, deleted []int64) bool {
	for place, body := range q.make(ev) {
		if _, found := slices.BinarySearch(deleted, receiptOf(ev.Seq, place)); body != nil && !found {
			return true
		}
	}
	return false
}
