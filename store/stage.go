package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/switchhook/switchhook/record"
)

// refusedError wraps an error from before anything was written.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// staged is a batch that is ready to be made durable, and what memory will say of it
// then.
type staged struct {
	layer
	events [][]record.Event // by request
	pos    []uint64         // by event, in order
	heads  map[string]head
	trims  map[string]uint64
	size   int64 // by how much the log grows
}

// stage puts the batch together and gives every event its seq. Nothing is written yet,
// and an error changes nothing.
func (c *committer) stage(batch []*request) (st *staged, err error) {
	st = &staged{events: make([][]record.Event, len(batch)), heads: make(map[string]head), trims: make(map[string]uint64)}
	db := c.s.file()
	if db == nil {
		return nil, ErrClosed
	}
	r := c.s.memory.under(db, &st.layer)
	defer func() { err = errors.Join(err, r.end()) }()
	next := c.s.Last()
	for i, q := range batch {
		for _, o := range q.change.ops {
			grown, err := applyMeasured(o, r, &st.layer)
			if err != nil {
				return nil, fmt.Errorf("write %s: %w", o.bucket, err)
			}
			st.size += grown
		}
		for stream, seq := range q.change.trims {
			st.trims[stream] = max(st.trims[stream], seq)
		}
		c.continueStreams(st, q.change.heads)
		for _, p := range q.change.events {
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
			if err := st.set(bucketLog, position(next), v); err != nil {
				return nil, fmt.Errorf("append to the log: %w", err)
			}
			st.events[i] = append(st.events[i], e)
			st.pos = append(st.pos, next)
			st.size += entrySize(v)
		}
	}
	for stream, h := range st.heads {
		v := binary.BigEndian.AppendUint32(nil, h.epoch)
		if err := st.set(bucketHeads, []byte(stream), binary.BigEndian.AppendUint64(v, h.seq)); err != nil {
			return nil, fmt.Errorf("write heads: %w", err)
		}
	}
	return st, nil
}

// applyMeasured applies a write, and answers by how much the log grows by it.
func applyMeasured(o op, r *reader, to *layer) (grown int64, err error) {
	if o.bucket != bucketLog {
		return 0, o.apply(r, to)
	}
	if v := r.get(bucketLog, o.key); v != nil {
		grown -= entrySize(v)
	}
	if err := o.apply(r, to); err != nil {
		return 0, err
	}
	if v := r.get(bucketLog, o.key); v != nil {
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
