package rates

import (
	"testing"
	"time"
)

// TestForgets: what is held is what was asked for lately.
func TestForgets(t *testing.T) {
	var b Buckets[int64]
	now := time.Unix(0, 0)
	for id := range int64(100_000) {
		if wait := b.Take(id, 3, now); wait != 0 {
			t.Fatalf("%d waits %v", id, wait)
		}
		now = now.Add(time.Millisecond)
	}
	if n := len(b.buckets); n > 2*sweepLeast {
		t.Errorf("%d buckets for 1000 a second", n)
	}
	for range 2 {
		b.Take(1, 3, now)
	}
	b.Take(1, 3, now)
	if wait := b.Take(1, 3, now); wait <= 0 || wait > time.Second/3 {
		t.Errorf("the fourth waits %v", wait)
	}
}
