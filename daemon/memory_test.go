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
	const rubbish = 4 * worthIt
	litter := func() heap {
		debug.FreeOSMemory()
		before := readHeap()
		for range rubbish >> 20 {
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
	atWork := tidy(before)
	if atWork.spare() < rubbish {
		t.Errorf("at work: %d MB of %d MB are left", atWork.spare()>>20, rubbish>>20)
	}
	if after := tidy(atWork); after.spare() > worthIt {
		t.Errorf("at rest: %d MB are left", after.spare()>>20)
	}
}

// TestGarbage: more is left only while there is much to do, and never much more.
func TestGarbage(t *testing.T) {
	for name, tt := range map[string]struct {
		live, allocated uint64 // MB
		want            int
	}{
		"at rest":                     {30, 2, garbagePercent},
		"nothing known yet":           {0, 2, garbagePercent},
		"at work":                     {40, 100, workingPercent},
		"at work before a collection": {0, 100, workingPercent},
		"at work, many connections":   {256, 100, 100},
		"at work, thousands":          {600, 100, garbagePercent},
	} {
		t.Run(name, func(t *testing.T) {
			last := heap{allocated: 5 << 30}
			now := heap{live: tt.live << 20, allocated: last.allocated + tt.allocated<<20}
			if got := garbage(last, now); got != tt.want {
				t.Errorf("%d %%, want %d", got, tt.want)
			}
		})
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
