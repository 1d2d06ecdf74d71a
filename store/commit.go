package store

import (
	"context"
	"fmt"

	"github.com/switchhook/switchhook/record"
)

// request is one change on its way; exactly one answer is sent.
type request struct {
	change *Change
	answer chan answer // buffered
}

type answer struct {
	events []record.Event
	err    error
}

// Commit stores a change and answers its events with their Epoch and Seq. On
// nil, all of it is on disk; on an error, none of it is. ctx bounds the wait
// for a turn only: a change that is being written is waited for, so that the
// answer is never a guess. While the outcome of a write is unknown, its changes
// wait for it and others are refused.
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
	r := &request{change: c, answer: make(chan answer, 1)}
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	case <-s.done:
		return nil, ErrClosed
	}
	a := <-r.answer
	return a.events, a.err
}
