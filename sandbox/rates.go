package sandbox

import (
	"sync"
	"time"
)

// rateSpan is how many seconds a rate looks back.
const rateSpan = 15 * 60

// Rate is how often something happened, by the second. Seconds begin where the
// machine's clock begins them.
type Rate struct {
	// Since is the first of the seconds in PerSecond. Zero if it never happened.
	Since time.Time `json:"since,omitzero"`
	// PerSecond counts, from Since to the latest second in which it happened, at
	// most the last 15 minutes.
	PerSecond []int `json:"per_second,omitempty"`
	// Most is the largest of them, and MostEver the largest since the network was
	// opened.
	Most     int `json:"most"`
	MostEver int `json:"most_ever"`
}

// rate counts by the second, in a ring. The zero rate is ready. Any goroutine may
// call it.
type rate struct {
	mu       sync.Mutex
	first    int64 // below: guarded by mu; seconds of Unix time, 0 before the first
	last     int64
	counts   []int // by second modulo rateSpan
	mostEver int
}

// note counts one. A clock that has been set back counts into the latest second.
func (r *rate) note(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	second := now.Unix()
	if r.counts == nil {
		r.counts = make([]int, rateSpan)
		r.first, r.last = second, second
	}
	switch {
	case second-r.last >= rateSpan:
		clear(r.counts)
		r.first, r.last = second, second
	case second > r.last:
		for r.last < second {
			r.last++
			r.counts[r.last%rateSpan] = 0
		}
		r.first = max(r.first, r.last-rateSpan+1)
	}
	at := r.last % rateSpan
	r.counts[at]++
	r.mostEver = max(r.mostEver, r.counts[at])
}

// view is the rate for callers.
func (r *rate) view() Rate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		return Rate{}
	}
	v := Rate{Since: time.Unix(r.first, 0).UTC(), MostEver: r.mostEver}
	for second := r.first; second <= r.last; second++ {
		count := r.counts[second%rateSpan]
		v.PerSecond = append(v.PerSecond, count)
		v.Most = max(v.Most, count)
	}
	return v
}
