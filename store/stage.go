package store

import (
	"bytes"
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
	events []record.Event // of all requests
	by     []int          // where each request's begin, and the end of the last
	pos    []uint64       // by event
	heads  map[string]head
	trims  map[string]uint64
	size   int64 // by how much the log grows
}

// of answers the events of a request.
func (st *staged) of(request int) []record.Event {
	end := st.by[request+1]
	return st.events[st.by[request]:end:end]
}

// stage puts the batch together and gives every event its seq. Nothing is written yet,
// and an error changes nothing.
func (c *committer) stage(batch []*request) (st *staged, err error) {
	n := 0
	for _, q := range batch {
		n += len(q.change.events)
	}
	st = &staged{
		events: make([]record.Event, 0, n), by: make([]int, len(batch)+1), pos: make([]uint64, 0, n),
		heads: make(map[string]head, n), trims: make(map[string]uint64),
	}
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
		for j := range q.change.events {
			p := &q.change.events[j]
			e := p.event
			h, ok := st.heads[e.Stream]
			if !ok {
				h = c.head(e.Stream)
			}
			h.seq++
			st.heads[e.Stream] = h
			e.Epoch, e.Seq = h.epoch, h.seq
			next++
			if p.given { // a change committed twice: layers and readers may hold the first entry
				p.entry = bytes.Clone(p.entry)
			}
			p.given = true
			number(p.entry, e.Stream, e.Epoch, e.Seq)
			var key [8]byte
			binary.BigEndian.PutUint64(key[:], next)
			if err := st.set(bucketLog, key[:], p.entry); err != nil {
				return nil, fmt.Errorf("append to the log: %w", err)
			}
			st.events = append(st.events, e)
			st.pos = append(st.pos, next)
			st.size += entrySize(p.entry)
		}
		st.by[i+1] = len(st.events)
	}
	for stream, h := range st.heads {
		v := binary.BigEndian.AppendUint32(make([]byte, 0, 12), h.epoch)
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
