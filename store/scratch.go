package store

import "sync"

// scratch is memory for a value between its encoding and its sealing, and for the place
// that it is sealed for: thousands of them are needed for a moment each second.
type scratch struct{ b, place []byte }

var scratches = sync.Pool{New: func() any { return &scratch{b: make([]byte, 0, 1024)} }}

// scratchKeep is the longest value whose memory is kept.
const scratchKeep = 64 << 10

// borrow answers an empty one. Who has it gives it back.
func borrow() *scratch {
	s := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	s.b, s.place = s.b[:0], s.place[:0]
	return s
}

func (s *scratch) giveBack() {
	if cap(s.b) <= scratchKeep {
		scratches.Put(s)
	}
}
