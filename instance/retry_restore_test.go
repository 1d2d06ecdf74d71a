//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// TestRestoreBeginsTheCountAnew: an operator who has mended the network does not
// wait for minutes because of what failed before.
func TestRestoreBeginsTheCountAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.unreachable()
		r.start(newRecord(fsm.Authenticated), newSession())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := r.Status().Record.Attempts; n < 5 {
			t.Fatalf("only %d failures", n)
		}
		r.call(func(ctx context.Context) (any, error) { return r.Restore(ctx) })
		if d := r.wait(); d > 3*r.timing.RetryMin {
			t.Errorf("after a restore that failed too the next try is in %v", d)
		}
	})
}
