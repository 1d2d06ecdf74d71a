package queue

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Change lets somebody change what is wanted of a stream, or whether it is fetched
// from at all. commit is given the cursor, moved up to the first notification that is
// wanted as things are, so that what was of no interest when it happened is of none
// afterwards; it stores the cursor with its change if the stream is to be fetched from
// then. Nobody fetches or deletes meanwhile. Where the stream is not open, the cursor
// is empty. The error is commit's, the log's or ctx's.
func (q *Queue) Change(ctx context.Context, name string, commit func(at record.Lane) error) error {
	s, err := q.enter(ctx, name)
	if err != nil {
		return fmt.Errorf("change what is fetched: %w", err)
	}
	defer s.leave()
	var at record.Lane
	if s.open {
		for read := 0; read < readMost; read += readChunk {
			more, err := q.find(name, s)
			if err != nil {
				return fmt.Errorf("change what is fetched: %w", err)
			}
			if !more {
				break
			}
		}
		at = upTo(s.lane, s.clear)
	}
	defer func() { s.loaded = false }() // whatever came of it, the disk knows
	return commit(at)
}

// Forget drops what is known of a stream that is not fetched from any more. It waits
// for who is about to delete something of it.
func (q *Queue) Forget(name string) {
	q.mu.Lock()
	s := q.streams[name]
	delete(q.streams, name)
	q.mu.Unlock()
	if s != nil {
		s.turn <- struct{}{}
		s.leave()
	}
}

// Passed answers the seq up to which nobody needs the stream's events for this: they
// were deleted, or are too old. While the stream is not open it is the highest there
// is.
func (q *Queue) Passed(ctx context.Context, name string) (uint64, error) {
	s, err := q.enter(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("ask what was fetched: %w", err)
	}
	defer s.leave()
	if !s.open {
		return math.MaxUint64, nil
	}
	old, err := q.cfg.Log.SeqAtTime(name, time.Now().Add(-Keep))
	if err != nil {
		return 0, fmt.Errorf("ask what was fetched: %w", err)
	}
	return max(old, s.clear), nil
}
