package greenapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rates keeps how often each method of each instance is asked for: a bucket of as many
// requests as a second has. The zero value is ready; any goroutine may use it. What it
// holds is bounded by what was asked for in the last second, or there about.
type rates struct {
	mu      sync.Mutex
	buckets map[bucketKey]*rate.Limiter // guarded by mu
	sweepAt int                         // guarded by mu; with so many buckets the full ones go
}

type bucketKey struct {
	instance int64
	method   string
}

// sweepLeast is with how many buckets at least the full ones are looked for.
const sweepLeast = 1024

// take takes one request of a bucket, or answers how long to wait for one.
func (r *rates) take(instance int64, m *method, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := bucketKey{instance, m.name}
	b := r.buckets[key]
	if b == nil {
		r.sweep(now)
		b = rate.NewLimiter(rate.Limit(m.rate), m.rate)
		r.buckets[key] = b
	}
	if b.AllowN(now, 1) {
		return 0
	}
	return max(1, time.Duration((1-b.TokensAt(now))*float64(time.Second)/float64(m.rate)))
}

// sweep drops the buckets that are full, which are as good as none. r.mu is held.
func (r *rates) sweep(now time.Time) {
	if r.buckets == nil {
		r.buckets, r.sweepAt = make(map[bucketKey]*rate.Limiter), sweepLeast
	}
	if len(r.buckets) < r.sweepAt {
		return
	}
	for key, b := range r.buckets {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(r.buckets, key)
		}
	}
	r.sweepAt = max(sweepLeast, 2*len(r.buckets))
}
