package daemon

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
)

// TestTidy gives garbage back when the daemon is at rest, and leaves it alone
// while it works.
func TestTidy(t *testing.T) {
	const garbage = 4 * worthIt
	litter := func() heap {
		debug.FreeOSMemory()
		before := readHeap()
		for range garbage >> 20 {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			runtime.KeepAlive(b)
		}
		return before
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // nobody else collects

	before := litter()
	if before.live == 0 || before.held < before.live {
		t.Fatalf("the runtime tells nothing of its heap: %+v", before)
	}
	working := tidy(before)
	if working.spare() < garbage {
		t.Errorf("at work: %d MB of %d MB are left", working.spare()>>20, garbage>>20)
	}
	if after := tidy(working); after.spare() > worthIt {
		t.Errorf("at rest: %d MB are left", after.spare()>>20)
	}
}

func TestKeepSmallEnds(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	KeepSmall(ctx)
	if got := debug.SetGCPercent(100); got != garbagePercent {
		t.Errorf("the heap is collected at %d %%", got)
	}
	t.Setenv("GOGC", "70")
	KeepSmall(ctx)
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("GOGC is overruled by %d %%", got)
	}
}
