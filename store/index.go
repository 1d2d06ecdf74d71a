package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// head is the last seq a stream has given out.
type head struct {
	epoch uint32
	seq   uint64
}

// index knows where in the log each event of each stream stands. The committer
// writes it, when a batch is durable; everyone reads it.
type index struct {
	mu      sync.RWMutex
	heads   map[string]head     // guarded by mu
	streams map[string]*located // guarded by mu; streams with events in the log
	last    uint64              // guarded by mu; the last position in use
	size    int64               // guarded by mu; see [Store.LogSize]
	recent  recent              // guarded by mu
}

// located holds the positions of a stream's events first, first+1, …: seq has
// no gaps, so the slice needs none.
type located struct {
	first uint64
	pos   []uint64
	gone  int // positions before pos in the array beneath it
}

func newIndex() *index {
	return &index{heads: make(map[string]head), streams: make(map[string]*located)}
}

// add notes an event. Events of one stream come in order.
func (x *index) add(stream string, seq, pos uint64) {
	l := x.streams[stream]
	if l == nil {
		l = &located{first: seq}
		x.streams[stream] = l
	}
	l.pos = append(l.pos, pos)
	x.last = max(x.last, pos)
}

// trim forgets the stream's events up to and including seq.
func (x *index) trim(stream string, seq uint64) {
	x.recent.forget(stream, seq)
	l := x.streams[stream]
	if l == nil || seq < l.first {
		return
	}
	n := min(seq-l.first+1, uint64(len(l.pos)))
	l.first += n
	l.pos = l.pos[n:]
	l.gone += int(n)
	switch {
	case len(l.pos) == 0:
		delete(x.streams, stream)
	case l.gone > len(l.pos):
		// Not each time: pruning a long stream in small steps would copy it over and
		// over. So each position is copied once for one that goes.
		l.pos, l.gone = slices.Clone(l.pos), 0
	}
}

// after answers the positions of up to limit events of the stream with a seq above
// seq.
func (x *index) after(stream string, seq uint64, limit int) []uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.behind(stream, seq, limit))
}

// behind is after for who holds the lock: the answer is the index's own.
func (x *index) behind(stream string, seq uint64, limit int) []uint64 {
	l := x.streams[stream]
	if l == nil || limit <= 0 {
		return nil
	}
	rest := l.pos
	if seq >= l.first {
		rest = rest[min(seq-l.first+1, uint64(len(rest))):]
	}
	return rest[:min(limit, len(rest))]
}

// oldest answers up to limit of the first events that the log holds of a stream.
func (x *index) oldest(stream string, limit int) []entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	l := x.streams[stream]
	if l == nil {
		return nil
	}
	out := make([]entry, min(limit, len(l.pos)))
	for i := range out {
		out[i] = entry{l.pos[i], stream, l.first + uint64(i)}
	}
	return out
}

// rebuild reads the heads and the positions of every event from the file.
func rebuild(db *bbolt.DB) (*index, error) {
	x := newIndex()
	return x, db.View(func(tx *bbolt.Tx) error {
		if err := tx.Bucket([]byte(bucketHeads)).ForEach(x.readHead); err != nil {
			return err
		}
		if err := tx.Bucket([]byte(bucketLog)).ForEach(x.readEntry); err != nil {
			return err
		}
		for stream, l := range x.streams {
			if last := l.first + uint64(len(l.pos)) - 1; x.heads[stream].seq != last {
				return fmt.Errorf("stream %q ends at event %d, its head says %d", stream, last, x.heads[stream].seq)
			}
		}
		return nil
	})
}

func (x *index) readHead(k, v []byte) error {
	if len(v) != 12 {
		return fmt.Errorf("the head of stream %q has %d bytes", k, len(v))
	}
	x.heads[string(k)] = head{binary.BigEndian.Uint32(v), binary.BigEndian.Uint64(v[4:])}
	return nil
}

func (x *index) readEntry(k, v []byte) error {
	h, _, err := parseHeader(v)
	switch {
	case len(k) != 8:
		return fmt.Errorf("a position in the log has %d bytes", len(k))
	case err != nil:
		return err
	case h.seq == 0 || h.epoch > x.heads[h.stream].epoch:
		return fmt.Errorf("stream %q holds event %d of epoch %d, its head says %+v", h.stream, h.seq, h.epoch, x.heads[h.stream])
	}
	if l := x.streams[h.stream]; l != nil && h.seq != l.first+uint64(len(l.pos)) {
		return fmt.Errorf("stream %q jumps to event %d after %d", h.stream, h.seq, l.first+uint64(len(l.pos))-1)
	}
	x.add(h.stream, h.seq, binary.BigEndian.Uint64(k))
	x.size += entrySize(v)
	return nil
}
