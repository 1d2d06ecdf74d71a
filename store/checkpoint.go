package store

import (
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// When what lies over the file goes into it.
const (
	checkpointBytes = 8 << 20  // so much was written, or a probe's time has passed
	checkpointMost  = 32 << 20 // so much waits for the one under way: then all wait for it
)

// checkpoint brings layers into the file, the older first, as one transaction of bbolt's.
// After an error the outcome is unknown; doing it again does no harm.
func (s *Store) checkpoint(number uint64, layers ...*layer) (err error) {
	db := s.file()
	if db == nil {
		return ErrClosed
	}
	tx, err := db.Begin(true)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			_ = tx.Rollback() // it fails only if the commit has done it
			err = fmt.Errorf("bbolt panicked: %v", p)
		}
	}()
	for _, l := range layers {
		var in string // a layer is in order of its buckets
		var to *bbolt.Bucket
		l.tree.Scan(func(p string, value []byte) bool {
			bucket, key := placed(p)
			if bucket != in {
				in = bucket
				if to, err = bucketOf(tx, []byte(bucket)); err != nil {
					return false
				}
			}
			err = writeTo(to, []byte(key), value)
			return err == nil
		})
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if err := putCommit(tx.Bucket([]byte(bucketMeta)), number); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return s.commitTx(tx)
}

// begin lets what was committed go into the file, beside the commits that follow: they
// lie over it meanwhile. There is one at a time.
func (c *committer) begin() {
	if c.underway || c.unsettled || c.s.memory.active.empty() {
		return
	}
	frozen := c.s.memory.freeze()
	c.s.journal.turn()
	c.underway = true
	go func() { c.checkpointed <- c.s.checkpoint(frozen.number, frozen) }()
}

// end takes note of how a checkpoint ended.
func (c *committer) end(err error) {
	c.underway = false
	if err != nil {
		_ = c.unavailable(fmt.Errorf("bring the journal into the file: %w", err))
		c.unsettled = true
		return
	}
	c.stored = c.s.memory.frozen.number
	c.s.memory.thaw()
	c.s.journal.shrink(1 - c.s.journal.now)
}

// wait lets a checkpoint that is under way end.
func (c *committer) wait() {
	if c.underway {
		c.end(<-c.checkpointed)
	}
}

// flushWaiter is somebody who waits until the file holds what was committed up to a number.
type flushWaiter struct {
	answer chan error // buffered
	number uint64
}

// flushed answers those for whom the file holds enough, or does not take it, and sees to
// it that it will for the others. Nobody else waits for it.
func (c *committer) flushed() {
	if len(c.flushing) == 0 {
		return
	}
	var err error
	if c.unsettled {
		err = fmt.Errorf("%w: %w", ErrUnavailable, c.s.Health())
	}
	all := c.unsettled || c.s.memory.none()
	c.flushing = slices.DeleteFunc(c.flushing, func(f flushWaiter) bool {
		if !all && f.number > c.stored {
			return false
		}
		f.answer <- err
		return true
	})
	if len(c.flushing) > 0 {
		c.begin()
	}
}

// flush brings everything into the file.
func (c *committer) flush() error {
	if c.wait(); c.unsettled {
		return c.settle()
	}
	c.begin()
	if c.wait(); c.unsettled {
		return c.settle()
	}
	return nil
}

// settle opens the file anew, as the outcome of a write is unknown, and brings what was
// committed into it, under a number that is above that of whatever was not: should the
// journal hold it, it counts no more.
func (c *committer) settle() error {
	c.wait()
	found, err := c.s.reopen()
	switch {
	case err != nil:
		return err
	case !c.wrote(found):
		return fmt.Errorf("%w: transaction %d, the last from here was %d", errForeign, found, c.stored)
	}
	var layers []*layer
	for _, l := range []*layer{c.s.memory.frozen, c.s.memory.active} {
		if !l.empty() {
			layers = append(layers, l)
		}
	}
	c.number++
	if c.tried == 0 {
		c.tried = c.number
	}
	if err := c.s.checkpoint(c.number, layers...); err != nil {
		return err
	}
	c.stored, c.tried = c.number, 0
	c.s.memory.clear()
	c.s.journal.turn()
	c.unsettled = false
	return nil
}

// wrote reports whether the file can have come to a number by what was written from here:
// those of the batches in between are nobody's but another process's.
func (c *committer) wrote(number uint64) bool {
	switch frozen := c.s.memory.frozen; {
	case number == c.stored, frozen != nil && number == frozen.number:
		return true
	default:
		return c.tried > 0 && number >= c.tried && number <= c.number
	}
}
