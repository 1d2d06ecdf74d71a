//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// TestPanics makes a child's panic the loop's own, for the supervisor to catch.
func TestPanics(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*conn)
		does    func(*rig) *call // and answers what waits
	}{
		"Dial": {
			func(c *conn) { c.onDial = func(context.Context) error { panic("on purpose") } },
			func(r *rig) *call {
				r.start(newRecord(fsm.NoConnection), newSession())
				return r.command("restore")
			},
		},
		"Logout": {
			func(c *conn) { c.onLogout = func(context.Context) error { panic("on purpose") } },
			func(r *rig) *call { r.authenticated(); return r.command("disconnect") },
		},
		"Close": {
			func(c *conn) { c.onClose = func() { panic("on purpose") } },
			func(r *rig) *call { r.showing(); r.command("close"); return r.command("generate") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.driver.prepare = c.prepare
				waiting := c.does(r)
				err := <-r.ended
				if err == nil || !strings.Contains(err.Error(), "panic: ") || !strings.Contains(err.Error(), "on purpose") {
					t.Fatalf("Run ended with %v", err)
				}
				r.ended <- nil
				waiting.wantErr(t, instance.ErrRestarting)
				if waiting.took != 0 {
					t.Errorf("answered after %v", waiting.took)
				}
				r.command("generate").wantErr(t, instance.ErrRestarting)
				r.driver.prepare = nil
				r.restart(fsm.CauseInternalError)
				r.agree()
				switch rec := r.Status().Record; {
				case rec.State == fsm.NoConnection:
				case rec.State != fsm.AuthenticatedClosed || rec.Cause != fsm.CauseInternalError:
					t.Errorf("started again in %d, %s", rec.State, rec.Cause)
				case !rec.RetryAt.After(time.Now()):
					t.Error("it is dialled at once, before anybody can close it")
				default:
					time.Sleep(time.Until(rec.RetryAt))
					synctest.Wait()
					if st := r.Status().Record.State; st != fsm.Connecting {
						t.Errorf("when it was due it is in %d", st)
					}
					r.command("close").wantErr(t, nil)
				}
			})
		})
	}
}

// TestPanicAtTheEnd has no loop left to take it.
func TestPanicAtTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		c.onClose = func() { panic("on purpose") }
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		r.want(fsm.AuthenticatedClosed, fsm.CauseShutdown)
	})
}

// TestDialHangs gives a dial up that heeds no context.
func TestDialHangs(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		defer close(release)
		r.driver.prepare = func(c *conn) { c.onDial = func(context.Context) error { <-release; return nil } }
		r.start(newRecord(fsm.NoConnection), newSession())
		restore := r.command("restore")
		<-restore.done
		restore.wantErr(t, instance.ErrNotReady)
		time.Sleep(r.timing.Dial - r.timing.Command)
		r.want(fsm.AuthenticatedClosed, fsm.CauseNetwork)
		time.Sleep(r.wait())
		r.want(fsm.Connecting, fsm.CauseRetry)
		r.command("close").wantErr(t, nil)
		r.command("restore")
		began := time.Now()
		if err := r.stop(); err != nil || time.Since(began) != 2*time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		r.want(fsm.AuthenticatedClosed, fsm.CauseShutdown)
	})
}

// TestCloseHangs holds up neither the next connection nor the stop for long.
func TestCloseHangs(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		defer close(release)
		r.driver.prepare = func(c *conn) { c.onClose = func() { <-release } }
		r.authenticated()
		r.command("close").wantErr(t, nil)
		restore := r.command("restore")
		next := r.conn()
		time.Sleep(2*time.Second - 1)
		synctest.Wait()
		if next.dialled.Load() {
			t.Fatal("dialled while the connection before was still closing")
		}
		time.Sleep(time.Nanosecond)
		r.authenticated()
		restore.wantErr(t, nil)
		began := time.Now()
		if err := r.stop(); err != nil || time.Since(began) != 2*time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
	})
}

// TestNextDialWaitsForClose keeps two connections of a session apart.
func TestNextDialWaitsForClose(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.scanned()
		closing := make(chan struct{})
		c.onClose = func() { <-closing }
		r.tell(c, paired, redial)
		second := r.conn()
		if second == c || second.dialled.Load() {
			t.Fatal("dialled too early, or not opened")
		}
		r.want(fsm.Starting, fsm.CauseScan)
		close(closing)
		synctest.Wait()
		if !second.dialled.Load() {
			t.Fatal("not dialled")
		}
		r.authenticated()
	})
}

// TestLogoutHangs ends at the logout's own deadline.
func TestLogoutHangs(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		defer close(release)
		r.driver.prepare = func(c *conn) { c.onLogout = func(context.Context) error { <-release; return errors.New("late") } }
		r.authenticated()
		out := r.command("disconnect")
		<-out.done
		out.wantErr(t, nil)
		r.want(fsm.NoConnection, fsm.CauseLogoutUnconfirmed)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}
