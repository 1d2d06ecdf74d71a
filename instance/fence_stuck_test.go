//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// TestFenceEndsWithItsCaller: however an export fails, the instance does not
// stay half fenced.
func TestFenceEndsWithItsCaller(t *testing.T) {
	for name, c := range map[string]struct {
		fence func(*rig) // fails
	}{
		"the store fails while the connection closes": {func(r *rig) {
			release := make(chan struct{})
			r.driver.prepare = func(c *conn) { c.onClose = func() { <-release } }
			r.authenticated()
			done := make(chan error, 1)
			go func() { done <- third(r.Fence(r.t.Context(), "E1")) }()
			synctest.Wait()
			r.journal.fail(errFull)
			close(release)
			if err := <-done; !errors.Is(err, instance.ErrUnavailable) {
				r.t.Errorf("fence: %v", err)
			}
			r.journal.fail(nil)
		}},
		"a fact cannot be stored meanwhile": {func(r *rig) {
			release := make(chan struct{})
			r.driver.prepare = func(c *conn) { c.onClose = func() { <-release } }
			c := r.authenticated()
			sent := make(chan error, 1)
			go func() {
				_, err := r.Send(r.t.Context(), instance.Text{To: "15550002222", Body: "x"})
				sent <- err
			}()
			synctest.Wait()
			done := make(chan error, 1)
			go func() { done <- third(r.Fence(r.t.Context(), "E1")) }()
			synctest.Wait()
			r.journal.fail(errFull)
			c.sentTexts <- nil
			synctest.Wait()
			close(release)
			if err := <-done; err == nil {
				r.t.Error("fenced while nothing could be stored")
			}
			time.Sleep(time.Minute)
			r.journal.fail(nil)
			time.Sleep(time.Minute)
			if err := <-sent; err == nil {
				r.t.Error("sent")
			}
		}},
		"the disk is slower than the caller's patience": {func(r *rig) {
			r.authenticated()
			r.journal.verdict = func(context.Context, instance.Change) error { time.Sleep(time.Minute); return nil }
			ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
			defer cancel()
			if err := third(r.Fence(ctx, "E1")); !errors.Is(err, instance.ErrNotReady) {
				r.t.Errorf("fence: %v", err)
			}
			time.Sleep(2 * time.Minute)
			r.journal.fail(nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c.fence(r)
				r.driver.prepare = nil
				if !r.Status().Record.ExportedAt.IsZero() {
					t.Fatal("it is fenced")
				}
				r.want(fsm.NoConnection, r.Status().Record.Cause)
				restore := r.command("restore")
				if !restore.waits() {
					t.Fatalf("restore: %v", restore.err)
				}
				r.tell(r.connected(), up)
				<-restore.done
				restore.wantErr(t, nil)
			})
		})
	}
}

// TestFenceWaitsForEveryConnection: the one before the last may still write, too.
func TestFenceWaitsForEveryConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		first := true
		r.driver.prepare = func(c *conn) {
			if first {
				c.onClose = func() { <-release }
			}
			first = false
		}
		r.authenticated()
		if _, err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.command("restore") // waits for the first to close
		done := make(chan error, 1)
		go func() { done <- third(r.Fence(t.Context(), "E1")) }()
		synctest.Wait()
		if !r.Status().Record.ExportedAt.IsZero() {
			t.Error("fenced while a connection is open")
		}
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
