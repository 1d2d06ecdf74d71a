package store_test

import (
	"math"
	"testing"
	"time"

	"github.com/switchhook/switchhook/store"
)

// TestNextEpoch: what goes on twice from one file, in one moment, goes on in two
// epochs, each later than any before.
func TestNextEpoch(t *testing.T) {
	now := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	seen := make(map[uint32]bool)
	for range 100 {
		e := store.NextEpoch(1, now)
		if int64(e) <= now.Unix() {
			t.Fatalf("epoch %d is not after %d", e, now.Unix())
		}
		seen[e] = true
	}
	if len(seen) < 95 {
		t.Errorf("of 100 moves %d have an epoch of their own", len(seen))
	}
	e := uint32(1)
	for move := range 2000 {
		next := store.NextEpoch(e, now)
		if next <= e || next > math.MaxUint32-1<<21 {
			t.Fatalf("move %d: from %d to %d", move, e, next)
		}
		e = next
	}
}
