package store

import (
	"context"
	"fmt"

	"github.com/switchhook/switchhook/record"
)

type answer struct {
	events []record.Event
	err    error
}

// Commit stores a change and answers its events with their Epoch and Seq. On
// nil, all of it is on disk; on an error, none of it is. ctx bounds the wait
// for a turn only: a change that is being written is waited for, so that the
// answer is never a guess. While the outcome of a write is unknown, its changes
// wait for it and others are refused. The events are the hooks' of [Store.OnAppend], too:
// nobody changes them.
//
// It fails with [ErrUnavailable] while the file cannot be written and with
// [ErrClosed] once Run has ended. Only a change whose outcome was still unknown
// when Run was told to stop gets an [ErrClosed] that leaves open whether it is
// stored.
func (s *Store) Commit(ctx context.Context, c *Change) ([]record.Event, error) {
	if c.err != nil {
		return nil, c.err
	}
	if c.empty() {
		return nil, nil
	}
	r := s.queue.request(c)
	defer s.queue.release(r)
	if !s.queue.put(r) {
		return nil, ErrClosed
	}
	select {
	case a := <-r.answer:
		return a.events, a.err
	case <-ctx.Done():
		if s.queue.withdraw(r) {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
	a := <-r.answer // it is being written: not a guess
	return a.events, a.err
}
