package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
)

// refusedError wraps an error from before the commit: nothing was written.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// staged is what a transaction will add to the index once it is on disk.
type staged struct {
	events [][]record.Event // by request
	pos    []uint64         // by event, in order
	heads  map[string]head
	trims  map[string]uint64
	size   int64 // by how much the log grows
}

// write makes one transaction of the batch. After a [*refusedError] nothing was
// written; after any other error the outcome is unknown, and staged is what the
// file holds if it was.
func (c *committer) write(number uint64, batch []*request) (st *staged, err error) {
	db := c.s.file()
	if db == nil {
		return nil, ErrClosed
	}
	tx, err := db.Begin(true)
	if err != nil {
		return nil, err
	}
	c.claimed = max(c.claimed, number)
	committing := false
	defer func() {
		if p := recover(); p != nil {
			_ = tx.Rollback() // it fails only if the commit has done it
			err = fmt.Errorf("bbolt panicked: %v", p)
			if !committing {
				err = &refusedError{err}
			}
		}
	}()
	if st, err = c.fill(tx, number, batch); err != nil {
		return nil, &refusedError{errors.Join(err, tx.Rollback())}
	}
	committing = true
	return st, c.s.commitTx(tx)
}

// fill puts the batch into the transaction and gives every event its seq.
func (c *committer) fill(tx *bbolt.Tx, number uint64, batch []*request) (*staged, error) {
	st := &staged{events: make([][]record.Event, len(batch)), heads: make(map[string]head), trims: make(map[string]uint64)}
	next := c.s.Last()
	logBucket := tx.Bucket([]byte(bucketLog))
	logBucket.FillPercent = 1 // its keys only grow
	for i, r := range batch {
		for _, o := range r.change.ops {
			grown, err := applyMeasured(o, tx)
			if err != nil {
				return nil, fmt.Errorf("write %s: %w", o.bucket, err)
			}
			st.size += grown
		}
		for stream, seq := range r.change.trims {
			st.trims[stream] = max(st.trims[stream], seq)
		}
		c.continueStreams(st, r.change.heads)
		for _, p := range r.change.events {
			e := p.event
			h, ok := st.heads[e.Stream]
			if !ok {
				h = c.head(e.Stream)
			}
			h.seq++
			st.heads[e.Stream] = h
			e.Epoch, e.Seq = h.epoch, h.seq
			next++
			v := append(appendHeader(make([]byte, 0, len(p.body)+2+len(e.Stream)+20), e.Stream, e.Epoch, e.Seq, e.At), p.body...)
			if err := logBucket.Put(position(next), v); err != nil {
				return nil, fmt.Errorf("append to the log: %w", err)
			}
			st.events[i] = append(st.events[i], e)
			st.pos = append(st.pos, next)
			st.size += entrySize(v)
		}
	}
	heads := tx.Bucket([]byte(bucketHeads))
	for _, stream := range sortedKeys(st.heads) {
		h := st.heads[stream]
		v := binary.BigEndian.AppendUint32(nil, h.epoch)
		if err := heads.Put([]byte(stream), binary.BigEndian.AppendUint64(v, h.seq)); err != nil {
			return nil, fmt.Errorf("write heads: %w", err)
		}
	}
	return st, putCommit(tx.Bucket([]byte(bucketMeta)), number)
}

// applyMeasured applies a write, and answers by how much the log grows by it.
func applyMeasured(o op, tx *bbolt.Tx) (grown int64, err error) {
	if o.bucket != bucketLog {
		return 0, o.apply(tx)
	}
	b := tx.Bucket([]byte(bucketLog))
	if v := b.Get(o.key); v != nil {
		grown -= entrySize(v)
	}
	if err := o.apply(tx); err != nil {
		return 0, err
	}
	if v := b.Get(o.key); v != nil {
		grown += entrySize(v)
	}
	return grown, nil
}

func (c *committer) head(stream string) head {
	c.s.idx.mu.RLock()
	defer c.s.idx.mu.RUnlock()
	if h, ok := c.s.idx.heads[stream]; ok {
		return h
	}
	return head{epoch: 1}
}
