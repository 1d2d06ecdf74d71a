// Package rates keeps how often a thing is asked for, for every dialect that has limits.
package rates

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Buckets holds a bucket for each key: of as many requests as a second has. The zero
// value is ready; any goroutine may use it. What it holds is bounded by what was asked for
// in the last second, or there about.
type Buckets[K comparable] struct {
	mu      sync.Mutex
	buckets map[K]*rate.Limiter // guarded by mu
	sweepAt int                 // guarded by mu; with so many buckets the full ones go
}

// sweepLeast is with how many buckets at least the full ones are looked for.
const sweepLeast = 1024

// Take takes one request of a bucket that has so many a second, or answers how long to
// wait for one. A key has the same rate each time.
func (b *Buckets[K]) Take(key K, perSecond int, now time.Time) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.buckets[key]
	if l == nil {
		b.sweep(now)
		l = rate.NewLimiter(rate.Limit(perSecond), perSecond)
		b.buckets[key] = l
	}
	if l.AllowN(now, 1) {
		return 0
	}
	return max(1, time.Duration((1-l.TokensAt(now))*float64(time.Second)/float64(perSecond)))
}

// sweep drops the buckets that are full, which are as good as none. b.mu is held.
func (b *Buckets[K]) sweep(now time.Time) {
	if b.buckets == nil {
		b.buckets, b.sweepAt = make(map[K]*rate.Limiter), sweepLeast
	}
	if len(b.buckets) < b.sweepAt {
		return
	}
	for key, l := range b.buckets {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(b.buckets, key)
		}
	}
	b.sweepAt = max(sweepLeast, 2*len(b.buckets))
}
