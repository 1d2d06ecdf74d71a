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
	"github.com/switchhook/switchhook/record"
)

// raised fences the instance and checks what it answers.
func (r *rig) raised(export string) {
	r.t.Helper()
	rec, s, err := r.Fence(context.Background(), export)
	if err != nil || s == nil || rec.ExportID != export || rec.ExportedAt.IsZero() || rec.State != fsm.NoConnection {
		r.t.Fatalf("fenced: %+v, %v, %v", rec, s, err)
	}
	r.agree()
}

// TestFenceWaitsForTheConnection: what is exported is what the connection has
// left behind when its last write is done.
func TestFenceWaitsForTheConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		r.driver.prepare = func(c *conn) { c.onClose = func() { <-release } }
		r.authenticated()
		r.trail()
		done := make(chan error, 1)
		go func() {
			_, _, err := r.Fence(t.Context(), "E1")
			done <- err
		}()
		synctest.Wait()
		r.wantTrail("10>0 operator")
		if !r.journal.rec.ExportedAt.IsZero() {
			t.Error("fenced while the connection is open")
		}
		for name, err := range map[string]error{
			"restore":  second(r.Restore(t.Context())),
			"generate": second(r.Generate(t.Context(), nil)),
			"fence":    third(r.Fence(t.Context(), "E2")),
		} {
			if !errors.Is(err, instance.ErrNotReady) {
				t.Errorf("%s meanwhile: %v", name, err)
			}
		}
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		r.wantTrail("instance.exported")
		r.raised("E1") // the same again
		r.wantTrail("")
	})
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }

// TestFenceGivesUp: a connection that does not close leaves no fence, and the
// instance can be restored.
func TestFenceGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		defer close(release)
		r.driver.prepare = func(c *conn) { c.onClose = func() { <-release } }
		r.authenticated()
		start := time.Now()
		if _, _, err := r.Fence(t.Context(), "E1"); !errors.Is(err, instance.ErrNotReady) || time.Since(start) != r.timing.Command {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
		if !r.Status().Record.ExportedAt.IsZero() {
			t.Error("it is fenced")
		}
		c := r.command("restore")
		if !c.waits() {
			t.Errorf("restore: %v", c.err)
		}
	})
}

func TestFenceRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		walk func(*rig)
		want error
	}{
		"no session":  {func(r *rig) { r.start(newRecord(fsm.NoConnection), nil) }, instance.ErrNothingToRestore},
		"pairing":     {func(r *rig) { r.showing() }, instance.ErrNothingToRestore},
		"logging out": {places["logging out"], instance.ErrLoggingOut},
		"deleted":     {places["deleted"], instance.ErrDeleted},
		"full": {func(r *rig) {
			r.start(newRecord(fsm.NoConnection), newSession())
			r.journal.fail(errFull)
		}, instance.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c.walk(r)
				if _, _, err := r.Fence(t.Context(), "E1"); !errors.Is(err, c.want) {
					t.Errorf("%v", err)
				}
				if !r.Status().Record.ExportedAt.IsZero() {
					t.Error("it is fenced")
				}
			})
		})
	}
}

// TestFencedStaysDown: neither a restart nor time brings a fenced instance back.
func TestFencedStaysDown(t *testing.T) {
	for _, place := range []string{"10", "11 waits", "11 queues", "4 restoring", "0+session"} {
		t.Run(place, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				places[place](r)
				r.raised("E1")
				dialled := len(r.driver.conns())
				time.Sleep(time.Hour)
				r.halt()
				r.restart(fsm.CauseRestart)
				time.Sleep(time.Hour)
				r.want(fsm.NoConnection, r.Status().Record.Cause)
				var fenced *instance.FencedError
				if _, err := r.Restore(t.Context()); !errors.As(err, &fenced) || fenced.At.IsZero() {
					t.Errorf("restore: %v", err)
				}
				if now := len(r.driver.conns()); now != dialled {
					t.Errorf("it dialled %d times", now-dialled)
				}
			})
		})
	}
}

func TestUnfence(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), newSession())
		lift := func(answer error) error {
			_, err := r.Unfence(t.Context(), func(rec record.Instance) (record.Instance, *record.Session, error) {
				if !rec.ExportedAt.IsZero() || rec.ExportID != "" {
					t.Errorf("the record to store is fenced: %+v", rec)
				}
				s := newSession()
				s.PushName = "Moved on"
				if answer == nil {
					r.journal.mu.Lock()
					r.journal.rec, r.journal.session = rec, s
					r.journal.mu.Unlock()
				}
				return rec, s, answer
			})
			return err
		}
		var invalid *instance.InvalidError
		if err := lift(nil); !errors.As(err, &invalid) {
			t.Errorf("without a fence: %v", err)
		}
		r.raised("E1")
		if err := lift(errFull); !errors.Is(err, errFull) || r.Status().Record.ExportedAt.IsZero() {
			t.Errorf("refused: %v", err)
		}
		if err := lift(nil); err != nil || r.Status().Info.PushName != "Moved on" {
			t.Errorf("lifted: %v, %+v", err, r.Status().Info)
		}
		r.agree()
		c := r.command("restore")
		r.tell(r.connected(), up)
		<-c.done
		c.wantErr(t, nil)
	})
}
