package store

import (
	"math/rand/v2"
	"time"
)

// NextEpoch is the epoch of a stream that goes on elsewhere or from a backup,
// always a later one. Counting would not do, nor would the time: of one backup two
// files may be made, in the same second, and their ids must differ. So a part of
// it is chance, one of a million. It is good for thousands of moves until 2106.
func NextEpoch(epoch uint32, now time.Time) uint32 {
	const chances = 1 << 20
	return max(epoch, uint32(now.Unix())) + 1 + rand.Uint32N(chances) //nolint:gosec // it keeps apart, it does not hide
}

// continued is where a stream goes on.
type continued struct {
	stream string
	head
}

// ContinueStream lets a stream that came from another file go on behind seq and
// in an epoch that is after the one it had there and the one it had here. Where
// the log holds events of the stream already, its seq goes on from those, as seq
// has no gaps; the epoch keeps the ids apart.
func (c *Change) ContinueStream(stream string, epoch uint32, seq uint64) {
	c.key(stream) // notes a bad name
	c.heads = append(c.heads, continued{stream, head{epoch, seq}})
}

// Epoch is the epoch of the stream's next event.
func (s *Store) Epoch(stream string) uint32 {
	s.idx.mu.RLock()
	defer s.idx.mu.RUnlock()
	if h, ok := s.idx.heads[stream]; ok {
		return h.epoch
	}
	return 1
}

func (c *committer) continueStreams(st *staged, heads []continued) {
	for _, from := range heads {
		h, staged := st.heads[from.stream]
		if !staged {
			h = c.head(from.stream)
		}
		h.epoch = NextEpoch(max(h.epoch, from.epoch), time.Now())
		if !staged && !c.holds(from.stream) {
			h.seq = max(h.seq, from.seq)
		}
		st.heads[from.stream] = h
	}
}

// holds reports whether the log holds events of the stream.
func (c *committer) holds(stream string) bool {
	c.s.idx.mu.RLock()
	defer c.s.idx.mu.RUnlock()
	return c.s.idx.streams[stream] != nil
}
