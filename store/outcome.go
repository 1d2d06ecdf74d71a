package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// errForeign ends the committer: memory does not describe the file any more,
// and only a restart reads all of it.
var errForeign = errors.New("another process wrote the file meanwhile")

// try stores a batch in one transaction. After an error from the commit itself
// the outcome is unknown (seen: the write visible, the error returned), and try
// answers when it is known.
func (c *committer) try(ctx context.Context, batch []*request) (*staged, error) {
	if c.ended != nil {
		return nil, ErrClosed
	}
	st, err := c.write(c.number+1, batch)
	var refused *refusedError
	switch {
	case err == nil:
		c.number++
		c.healthy()
		return st, nil
	case errors.As(err, &refused):
		return nil, err
	}
	failed := c.unavailable(err)
	switch stored, err := c.settle(ctx); {
	case err != nil:
		return nil, err
	case stored:
		c.healthy()
		return st, nil
	default:
		return nil, failed
	}
}

// settle learns whether the transaction whose commit failed is stored. Until it
// knows, it refuses what else arrives. An error ends the committer.
func (c *committer) settle(ctx context.Context) (stored bool, err error) {
	retry := time.NewTicker(probeEvery)
	defer retry.Stop()
	for {
		stored, err := c.ask()
		if err == nil {
			return stored, nil
		}
		_ = c.unavailable(err) // nobody is answered yet
		final := errors.Is(err, errForeign) || errors.Is(err, ErrClosed)
		if final || !c.pause(ctx, retry.C, err) {
			c.ended = fmt.Errorf("learn what the file holds: %w", err)
			return false, fmt.Errorf("%w: whether the last change is stored shows at the next start: %w", ErrClosed, err)
		}
	}
}

// pause refuses what arrives until the next tick, and reports false when ctx
// ended first.
func (c *committer) pause(ctx context.Context, tick <-chan time.Time, why error) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case r := <-c.s.queue:
			r.answer <- answer{err: fmt.Errorf("%w: %w", ErrUnavailable, why)}
		case <-tick:
			return true
		}
	}
}

// ask opens the file anew and reads the number of its last transaction. One
// that is visible may be in the page cache only; its pages were synced before
// its number was written, so once a later transaction is on disk, it is.
func (c *committer) ask() (stored bool, err error) {
	found, err := c.s.reopen()
	switch {
	case err != nil:
		return false, err
	case found == c.number:
		return false, nil
	case found < c.number || found > c.claimed:
		return false, fmt.Errorf("%w: transaction %d, expected %d to %d", errForeign, found, c.number, c.claimed)
	}
	if _, err := c.write(found+1, nil); err != nil {
		return false, err
	}
	c.number = found + 1
	return true, nil
}

// reopen opens the file again and answers the number of its last transaction.
func (s *Store) reopen() (number uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, ErrClosed
	}
	if s.db != nil {
		_ = s.db.Close() // its error says nothing that the reopened file does not
		s.db = nil
	}
	exists, err := inspect(s.path, s.opts)
	if err != nil {
		return 0, err
	}
	if !exists {
		return 0, fmt.Errorf("open %s: the file is gone", s.path)
	}
	db, err := openFile(s.path, s.opts)
	if err != nil {
		return 0, err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if meta := tx.Bucket([]byte(bucketMeta)); meta != nil {
			number = lastCommit(meta)
		}
		return nil
	})
	if err != nil {
		return 0, errors.Join(err, db.Close())
	}
	s.db = db
	return number, nil
}

// unavailable turns health red and answers the error for a caller.
func (c *committer) unavailable(err error) error {
	if c.s.health.set(err) {
		c.s.log.Error("store cannot be written", "err", err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (c *committer) healthy() {
	if c.s.health.set(nil) {
		c.s.log.Info("store can be written again")
	}
}
