package main

import (
	"sync/atomic"
	"time"
)

const (
	fineSpans   = 1 << 17 // of a microsecond each: 131 ms
	coarseSpans = 1 << 17 // of a millisecond each: 131 s
)

// spans counts how long things took, to the microsecond below 131 ms and to the
// millisecond beyond. It may be used from any goroutine.
type spans struct {
	count  atomic.Int64
	most   atomic.Int64
	fine   [fineSpans]atomic.Uint32
	coarse [coarseSpans]atomic.Uint32
}

func (s *spans) note(d time.Duration) {
	d = max(d, 0)
	s.count.Add(1)
	for {
		most := s.most.Load()
		if int64(d) <= most || s.most.CompareAndSwap(most, int64(d)) {
			break
		}
	}
	if us := d / time.Microsecond; us < fineSpans {
		s.fine[us].Add(1)
		return
	}
	s.coarse[min(d/time.Millisecond, coarseSpans-1)].Add(1)
}

// quantiles is the short form of [spans].
type quantiles struct {
	Count int64         `json:"count"`
	P50   time.Duration `json:"p50"`
	P99   time.Duration `json:"p99"`
	Most  time.Duration `json:"most"`
}

func (s *spans) short() quantiles {
	q := quantiles{Count: s.count.Load(), Most: time.Duration(s.most.Load())}
	q.P50, q.P99 = s.at(q.Count*50/100), s.at(q.Count*99/100)
	return q
}

// at answers the span that so many are shorter than.
func (s *spans) at(rank int64) time.Duration {
	for i := range s.fine {
		if rank -= int64(s.fine[i].Load()); rank < 0 {
			return time.Duration(i) * time.Microsecond
		}
	}
	for i := range s.coarse {
		if rank -= int64(s.coarse[i].Load()); rank < 0 {
			return time.Duration(i) * time.Millisecond
		}
	}
	return time.Duration(s.most.Load())
}
