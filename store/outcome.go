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

// try makes a batch durable. After an error of the journal nobody knows whether it holds
// the batch, and try answers when it is certain that it does not count.
func (c *committer) try(ctx context.Context, batch []*request) (*staged, error) {
	if c.finished != nil {
		return nil, ErrClosed
	}
	if c.unsettled {
		if err := c.settle(); err != nil {
			return nil, c.gaveUp(err)
		}
	}
	st, err := c.stage(batch)
	if err != nil {
		return nil, &refusedError{err}
	}
	c.number++
	if err := c.s.journal.append(c.number, &st.layer); err != nil {
		failed := c.unavailable(err)
		if _, doubt := errors.AsType[*doubtError](err); !doubt {
			c.number-- // the journal has none that is missing
			c.begin()  // perhaps there is room in the other file
			return nil, failed
		}
		c.unsettled = true
		if err := c.learn(ctx, err); err != nil {
			return nil, err
		}
		return nil, failed
	}
	c.s.memory.merge(&st.layer, c.number)
	c.healthy()
	return st, nil
}

// gaveUp turns why the file is not settled into the error for a caller, and ends the
// committer where it never will be.
func (c *committer) gaveUp(err error) error {
	if hopeless(err) {
		c.finished = fmt.Errorf("learn what the file holds: %w", err)
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return c.unavailable(err)
}

// hopeless reports whether no other try will settle the file.
func hopeless(err error) bool { return errors.Is(err, errForeign) || errors.Is(err, ErrClosed) }

// learn waits until the batch that the journal may hold does not count. Until then it
// refuses what else arrives. An error ends the committer.
func (c *committer) learn(ctx context.Context, why error) error {
	for waits := true; waits && c.underway; {
		waits = c.pause(ctx, nil, why)
	}
	retry := time.NewTicker(probeEvery)
	defer retry.Stop()
	for {
		err := c.settle()
		if err == nil {
			return nil
		}
		_ = c.unavailable(err) // nobody is answered yet
		if hopeless(err) || !c.pause(ctx, retry.C, err) {
			c.finished = fmt.Errorf("learn what the file holds: %w", err)
			return fmt.Errorf("%w: whether the last change is stored shows at the next start: %w", ErrClosed, err)
		}
	}
}

// pause refuses what arrives until the next tick or until a checkpoint has ended, and
// reports false when ctx ended first.
func (c *committer) pause(ctx context.Context, tick <-chan time.Time, why error) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-c.s.queue.some:
			c.s.queue.refuse(fmt.Errorf("%w: %w", ErrUnavailable, why))
		case answer := <-c.s.flushes:
			answer <- fmt.Errorf("%w: %w", ErrUnavailable, why)
		case err := <-c.checkpointed:
			c.end(err)
			return true
		case <-tick:
			return true
		}
	}
}

// reopen opens the file again and answers the number of its last transaction. It fails
// with errForeign if another process has opened it meanwhile.
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
	var run string
	err = db.View(func(tx *bbolt.Tx) error {
		if meta := tx.Bucket([]byte(bucketMeta)); meta != nil {
			number, run = lastCommit(meta), string(meta.Get(keyRun))
		}
		return nil
	})
	if err != nil {
		return 0, errors.Join(err, db.Close())
	}
	s.db = db
	if run != s.run {
		return 0, errForeign
	}
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
