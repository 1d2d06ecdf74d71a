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

var errRefused = errors.New("refused with code 500")

// gone holds that a logout ended: state 0, no session, no connection.
func (r *rig) gone(cause fsm.Cause) {
	r.t.Helper()
	r.want(fsm.NoConnection, cause)
	if st := r.Status(); st.Info.CanRestore || r.journal.session != nil || st.Info.Hint != cause.Hint() {
		r.t.Fatalf("after the logout: %+v", st.Info)
	}
	for _, c := range r.driver.conns() {
		if c.closed.Load() != 1 {
			r.t.Fatal("a connection is left")
		}
	}
	time.Sleep(time.Hour)
	r.want(fsm.NoConnection, cause)
}

// TestLogout ends a standing connection's session in each way it can go.
func TestLogout(t *testing.T) {
	for name, c := range map[string]struct {
		play  func(*rig, *conn)
		cause fsm.Cause
		took  time.Duration
	}{
		"confirmed":              {func(_ *rig, c *conn) { c.loggedOut <- nil }, fsm.CauseOperator, 0},
		"removed before":         {func(r *rig, c *conn) { r.tell(c, loggedOut) }, fsm.CauseOperator, 0},
		"removed, then an error": {func(r *rig, c *conn) { r.tell(c, loggedOut); c.loggedOut <- errRefused }, fsm.CauseOperator, 0},
		"an error, then removed": {func(r *rig, c *conn) {
			c.loggedOut <- errRefused
			synctest.Wait()
			r.tell(c, loggedOut)
		}, fsm.CauseOperator, 0},
		"lost, then confirmed": {func(r *rig, c *conn) {
			r.tell(c, lost)
			time.Sleep(time.Millisecond)
			c.loggedOut <- nil
		}, fsm.CauseOperator, time.Millisecond},
		"lost":     {func(r *rig, c *conn) { r.tell(c, lost) }, fsm.CauseLogoutUnconfirmed, time.Second},
		"replaced": {func(r *rig, c *conn) { r.tell(c, replaced) }, fsm.CauseLogoutUnconfirmed, time.Second},
		"refused":  {func(_ *rig, c *conn) { c.loggedOut <- errRefused }, fsm.CauseLogoutUnconfirmed, time.Second},
		"never answered": {
			func(*rig, *conn) {}, fsm.CauseLogoutUnconfirmed, 13500 * time.Millisecond,
		},
		"nearly answered": {
			func(r *rig, c *conn) { time.Sleep(13 * time.Second); r.tell(c, lost) }, fsm.CauseLogoutUnconfirmed, 13500 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				conn := r.authenticated()
				r.trail()
				out := r.command("disconnect")
				again := r.command("disconnect")
				closing := r.command("close")
				r.want(fsm.Authenticated, fsm.CauseProgress)
				c.play(r, conn)
				<-out.done
				for _, call := range []*call{out, again, closing} {
					call.wantErr(t, nil)
					if call.took != c.took {
						t.Errorf("answered after %v, want %v", call.took, c.took)
					}
				}
				r.gone(c.cause)
				r.wantTrail("10>0 " + string(c.cause))
				if n := conn.logouts.Load(); n != 1 || len(r.driver.conns()) != 1 {
					t.Errorf("told WhatsApp %d times on %d connections", n, len(r.driver.conns()))
				}
			})
		})
	}
}

// TestLogoutOffline dials once to tell WhatsApp.
func TestLogoutOffline(t *testing.T) {
	begins := map[string]func(*rig){
		"0":  func(r *rig) { r.start(newRecord(fsm.NoConnection), newSession()) },
		"11": func(r *rig) { r.tell(r.authenticated(), replaced) },
		"1":  func(r *rig) { r.start(newRecord(fsm.NoConnection), newSession()); r.command("restore") },
	}
	ends := map[string]struct {
		play  func(*rig)
		cause fsm.Cause
		trail string
	}{
		"confirmed": {func(r *rig) {
			c := r.connected()
			r.want(fsm.Starting, fsm.CauseProgress)
			if c.logouts.Load() != 0 {
				r.t.Fatal("logged out before it had logged in")
			}
			r.tell(c, up)
			if c.logouts.Load() != 1 {
				r.t.Fatal("not logged out")
			}
			c.loggedOut <- nil
		}, fsm.CauseOperator, "1>2 progress, 2>4 progress, 4>10 progress, 10>0 operator"},
		"unreachable":     {func(r *rig) { r.conn().answer <- errUnreachable }, fsm.CauseLogoutUnconfirmed, "1>0 logout_unconfirmed"},
		"nobody answers":  {func(*rig) {}, fsm.CauseLogoutUnconfirmed, "1>0 logout_unconfirmed"},
		"no login":        {func(r *rig) { r.connected() }, fsm.CauseLogoutUnconfirmed, "1>2 progress, 2>4 progress, 4>0 logout_unconfirmed"},
		"refused":         {func(r *rig) { r.tell(r.connected(), replaced) }, fsm.CauseLogoutUnconfirmed, "1>2 progress, 2>4 progress, 4>0 logout_unconfirmed"},
		"lost":            {func(r *rig) { r.tell(r.connected(), lost) }, fsm.CauseLogoutUnconfirmed, "1>2 progress, 2>4 progress, 4>0 logout_unconfirmed"},
		"no longer valid": {func(r *rig) { r.tell(r.connected(), loggedOut) }, fsm.CauseOperator, "1>2 progress, 2>4 progress, 4>0 operator"},
	}
	for from, begin := range begins {
		for name, end := range ends {
			t.Run(from+" "+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					begin(r)
					r.trail()
					opened := len(r.driver.conns())
					out := r.command("disconnect")
					want := end.trail
					if from != "1" {
						want = from + ">1 operator, " + want
						opened++
					}
					end.play(r)
					<-out.done
					out.wantErr(t, nil)
					r.gone(end.cause)
					r.wantTrail(want)
					if len(r.driver.conns()) != opened {
						t.Fatal("dialled more than once")
					}
				})
			})
		}
	}
}

// TestLogoutAfterScan waits for the login that the scan has begun.
func TestLogoutAfterScan(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.scanned()
		out := r.command("disconnect")
		r.tell(c, paired, redial)
		second := r.connected()
		r.tell(second, up)
		second.loggedOut <- nil
		out.wantErr(t, nil)
		r.gone(fsm.CauseOperator)
		r.command("generate")
		r.want(fsm.Connecting, fsm.CauseOperator)
	})
}

// TestLateLogout lets the answer to one session's logout come during the next's.
func TestLateLogout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan error)
		r.driver.prepare = func(c *conn) { c.onLogout = func(ctx context.Context) error { return <-release } }
		first := r.authenticated()
		<-r.command("disconnect").done
		r.want(fsm.NoConnection, fsm.CauseLogoutUnconfirmed)
		r.driver.prepare = nil
		r.tell(r.scanned(), paired, redial)
		second := r.connected()
		r.tell(second, up)
		out := r.command("disconnect")
		release <- nil
		synctest.Wait()
		if first.logouts.Load() != 1 || !out.waits() {
			t.Fatal("an old answer ended a new logout")
		}
		second.loggedOut <- nil
		out.wantErr(t, nil)
		r.gone(fsm.CauseOperator)
	})
}

// TestLogoutAtStop honours a logout that the stop overtakes.
func TestLogoutAtStop(t *testing.T) {
	for name, begin := range map[string]func(*rig){
		"10": func(r *rig) { r.authenticated() },
		"0":  func(r *rig) { r.start(newRecord(fsm.NoConnection), newSession()) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				begin(r)
				out := r.command("disconnect")
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				out.wantErr(t, nil)
				r.gone(fsm.CauseLogoutUnconfirmed)
			})
		})
	}
}

// TestLogoutWhileTheStoreFails drops the session once it can.
func TestLogoutWhileTheStoreFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		out := r.command("disconnect")
		r.journal.fail(errFull)
		c.loggedOut <- nil
		<-out.done
		out.wantErr(t, instance.ErrNotReady)
		r.command("generate").wantErr(t, instance.ErrUnavailable)
		time.Sleep(time.Minute)
		r.journal.fail(nil)
		time.Sleep(r.timing.StoreRetry)
		r.gone(fsm.CauseOperator)
	})
}

// TestLogoutLooksLoggedOff: to the connection, a logout under way looks as if
// WhatsApp had silently logged it off. That is looked at once.
func TestLogoutLooksLoggedOff(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		c.off.Store(true)
		time.Sleep(r.timing.Check + time.Second) // strange, for the first time
		d := r.command("disconnect")
		time.Sleep(10 * time.Second)
		d.wantErr(t, nil)
		r.want(fsm.NoConnection, fsm.CauseLogoutUnconfirmed)
	})
}
