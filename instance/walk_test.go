//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func TestWalk(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		generate := r.command("generate")
		r.want(fsm.Connecting, fsm.CauseOperator)
		c := r.connected()
		r.want(fsm.SocketOpen, fsm.CauseProgress)
		if !generate.waits() {
			t.Fatal("answered before there was a code")
		}
		r.tell(c, codes("one", "two"))
		generate.wantErr(t, nil)
		if code := generate.value.(record.Code); code.Text != "one" || code.TTL != 20*time.Second || time.Until(code.ExpiresAt) != 20*time.Second {
			t.Fatalf("code %+v", code)
		}
		s := newSession()
		if err := r.save(c, s); err != nil {
			t.Fatal(err)
		}
		r.want(fsm.Starting, fsm.CauseScan)
		if st := r.Status(); st.Code != nil || !st.Info.CanRestore || st.Info.Phone != "15550001111" {
			t.Fatalf("after the scan: %+v", st)
		}
		r.tell(c, paired, redial)
		second := r.conn()
		if second == c || second.spec.Session == nil || second.spec.Session.ID != s.ID || c.closed.Load() != 1 {
			t.Fatal("no new connection for the login")
		}
		r.connected()
		r.tell(second, up)
		r.want(fsm.Authenticated, fsm.CauseProgress)
		r.wantTrail("0>1 operator, 1>2 progress, 2>3 progress, code one, 3>4 scan, 4>10 progress")
		synctest.Wait()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		r.wantTrail("10>11 shutdown")
	})
}

// TestOvertaking lets facts arrive before what they imply.
func TestOvertaking(t *testing.T) {
	t.Run("codes before the dial's answer", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.start(newRecord(fsm.NoConnection), nil)
			generate := r.command("generate")
			c := r.conn()
			r.tell(c, codes("one"))
			generate.wantErr(t, nil)
			r.connected()
			r.wantTrail("0>1 operator, 1>2 progress, 2>3 progress, code one")
		})
	})
	t.Run("up before the dial's answer", func(t *testing.T) {
		inBubble(t, func(_ *testing.T, r *rig) {
			r.start(newRecord(fsm.Authenticated), newSession())
			r.tell(r.conn(), up)
			r.connected()
			r.wantTrail("10>11 restart, 11>1 retry, 1>2 progress, 2>4 progress, 4>10 progress")
			time.Sleep(time.Minute)
			r.wantTrail("")
		})
	})
	t.Run("up before the redial's answer", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.tell(r.scanned(), paired, redial)
			r.tell(r.conn(), up)
			r.connected()
			r.want(fsm.Authenticated, fsm.CauseProgress)
			tries := r.journal.tries
			time.Sleep(time.Minute)
			r.want(fsm.Authenticated, fsm.CauseProgress)
			if r.journal.tries != tries {
				t.Fatal("something was tried though the connection stands")
			}
		})
	})
	t.Run("redial before the confirmation", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			c := r.showing()
			r.tell(c, redial)
			r.want(fsm.AwaitingScan, fsm.CauseProgress)
			if err := r.save(c, newSession()); err != nil {
				t.Fatal(err)
			}
			if r.conn() != c {
				t.Fatal("redialled before the scan was confirmed")
			}
			r.tell(c, paired)
			if r.conn() == c {
				t.Fatal("not redialled")
			}
			r.want(fsm.Starting, fsm.CauseScan)
		})
	})
	t.Run("lost before the dial's answer", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.start(newRecord(fsm.NoConnection), newSession())
			restore := r.command("restore")
			c := r.conn()
			r.tell(c, lost)
			restore.wantFailed(t, fsm.AuthenticatedClosed, fsm.CauseNetwork)
			c.answer <- nil
			r.wantTrail("0>1 operator, 1>2 progress, 2>4 progress, 4>11 network")
		})
	})
}

// TestNoRedialComes lets WhatsApp forget to ask for the connection after a scan.
func TestNoRedialComes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.scanned()
		r.tell(c, paired)
		time.Sleep(r.timing.Redial)
		second := r.connected()
		if second == c {
			t.Fatal("not redialled")
		}
		r.want(fsm.Starting, fsm.CauseScan)
		r.tell(second, up)
		r.want(fsm.Authenticated, fsm.CauseProgress)
	})
}

func TestRedialFails(t *testing.T) {
	for name, end := range map[string]struct {
		how  func(*rig, *conn)
		want fsm.Cause
		next fsm.State
	}{
		"dial":       {func(_ *rig, c *conn) { c.answer <- errors.New("unreachable") }, fsm.CauseNetwork, fsm.AuthenticatedClosed},
		"login":      {func(r *rig, c *conn) { c.answer <- nil; time.Sleep(r.timing.Login) }, fsm.CauseLoginTimeout, fsm.AuthenticatedClosed},
		"again":      {func(r *rig, c *conn) { c.answer <- nil; r.tell(c, redial) }, fsm.CauseServerError, fsm.AuthenticatedClosed},
		"logged out": {func(r *rig, c *conn) { c.answer <- nil; r.tell(c, loggedOut) }, fsm.CauseLoggedOut, fsm.NotAuthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(_ *testing.T, r *rig) {
				r.tell(r.scanned(), paired, redial)
				end.how(r, r.conn())
				r.want(end.next, end.want)
			})
		})
	}
}

// TestPairingFails ends pairings in 0 without a session.
func TestPairingFails(t *testing.T) {
	failed := instance.Fact{Kind: instance.FactPairFailed, Cause: fsm.CausePairingFailed}
	outdated := instance.Fact{Kind: instance.FactRefused, Cause: fsm.CauseClientOutdated}
	for name, c := range map[string]struct {
		begin func(*rig) *conn
		end   func(*rig, *conn)
		want  fsm.Cause
	}{
		"scan does not verify":       {(*rig).showing, func(r *rig, c *conn) { r.tell(c, failed) }, fsm.CausePairingFailed},
		"confirmation is not sent":   {(*rig).scanned, func(r *rig, c *conn) { r.tell(c, failed) }, fsm.CausePairingFailed},
		"lost on show":               {(*rig).showing, func(r *rig, c *conn) { r.tell(c, lost) }, fsm.CauseNetwork},
		"outdated on show":           {(*rig).showing, func(r *rig, c *conn) { r.tell(c, outdated) }, fsm.CauseClientOutdated},
		"logged out while unpaired":  {(*rig).showing, func(r *rig, c *conn) { r.tell(c, loggedOut) }, fsm.CausePairingFailed},
		"renewed with nothing":       {(*rig).showing, func(r *rig, c *conn) { r.tell(c, codes()) }, fsm.CauseServerError},
		"the store refuses for good": {(*rig).showing, refuseScan, fsm.CausePairingFailed},
		"nobody asks for three minutes": {(*rig).showing, func(r *rig, _ *conn) {
			r.tell(r.conn(), codes("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"))
			time.Sleep(r.timing.CodeIdle)
		}, fsm.CauseQRTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				conn := c.begin(r)
				c.end(r, conn)
				r.want(fsm.NoConnection, c.want)
				if r.Status().Info.CanRestore || conn.closed.Load() != 1 {
					t.Fatal("a session or a connection is left")
				}
				time.Sleep(time.Hour)
				r.want(fsm.NoConnection, c.want)
			})
		})
	}
}

// refuseScan lets the session of a scan be refused, and the library say so.
func refuseScan(r *rig, c *conn) {
	r.t.Helper()
	broken := errors.New("value too large")
	r.journal.fail(broken)
	if err := r.save(c, newSession()); !errors.Is(err, broken) {
		r.t.Fatalf("saved: %v", err)
	}
	r.journal.fail(nil)
	r.tell(c, instance.Fact{Kind: instance.FactPairFailed})
}

func TestWaysUpThatEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		generate := r.command("generate")
		r.connected()
		<-generate.done
		generate.wantErr(t, instance.ErrNotReady)
		if generate.took != r.timing.Command {
			t.Fatalf("answered after %v", generate.took)
		}
		time.Sleep(r.timing.Login - r.timing.Command)
		r.want(fsm.NoConnection, fsm.CauseLoginTimeout)
		r.wantTrail("0>1 operator, 1>2 progress, 2>0 login_timeout")
	})
}
