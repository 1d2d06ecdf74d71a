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

// everyFact is one fact of each kind.
var everyFact = []instance.Fact{
	codes("late"), codes(), paired, redial, up, lost, replaced, loggedOut,
	{Kind: instance.FactPairFailed, Cause: fsm.CausePairingFailed},
	{Kind: instance.FactUnanswered, Silent: time.Hour},
	{Kind: instance.FactAnswered},
	{Kind: "unknown"},
}

// TestLateFacts lets a connection that has been given up go on talking.
func TestLateFacts(t *testing.T) {
	places := map[string]func(*rig) *conn{
		"0": func(r *rig) *conn { c := r.showing(); r.command("close"); return c },
		"1": func(r *rig) *conn {
			c := r.authenticated()
			r.command("close")
			r.command("restore")
			return c
		},
		"3 refreshed": func(r *rig) *conn {
			c := r.showing()
			time.Sleep(time.Minute)
			r.tell(r.connected(), codes("fresh"))
			return c
		},
		"4": func(r *rig) *conn { c := r.scanned(); r.tell(c, paired, redial); return c },
		"10": func(r *rig) *conn {
			c := r.authenticated()
			r.tell(c, lost)
			time.Sleep(r.wait())
			r.authenticated()
			return c
		},
		"11": func(r *rig) *conn { c := r.authenticated(); r.tell(c, replaced); return c },
		"13": func(r *rig) *conn { c := r.authenticated(); r.tell(c, loggedOut); return c },
	}
	for name, begin := range places {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				old := begin(r)
				before, opened := r.Status(), len(r.driver.conns())
				r.trail()
				r.tell(old, everyFact...)
				if err := r.save(old, newSession()); err == nil {
					t.Error("a connection that has gone saved a session")
				}
				r.wantTrail("")
				if r.Status().Record != before.Record || len(r.driver.conns()) != opened {
					t.Errorf("moved from %+v to %+v", before.Record, r.Status().Record)
				}
			})
		})
	}
}

// TestFactsThatDoNotFit lets a live connection say what cannot be now.
func TestFactsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*rig) *conn
		facts []instance.Fact
	}{
		"1": {func(r *rig) *conn {
			r.start(newRecord(fsm.NoConnection), nil)
			r.command("generate")
			return r.conn()
		}, []instance.Fact{{Kind: instance.FactAnswered}}},
		"3":  {(*rig).showing, []instance.Fact{up, paired, redial, {Kind: instance.FactUnanswered, Silent: time.Hour}, {Kind: "unknown"}}},
		"4":  {(*rig).scanned, []instance.Fact{codes("x"), codes(), paired, {Kind: instance.FactUnanswered, Silent: time.Hour}}},
		"10": {(*rig).authenticated, []instance.Fact{codes("x"), codes(), paired, up, {Kind: instance.FactAnswered}}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				conn := c.begin(r)
				want := r.Status().Record.State
				if want == fsm.Connecting {
					want = fsm.SocketOpen // any word means that the socket is open
				}
				r.tell(conn, c.facts...)
				if got := r.Status().Record.State; got != want || r.conn() != conn {
					t.Fatalf("state %d, want %d", got, want)
				}
				r.agree()
			})
		})
	}
}

// TestForeignPairing lets WhatsApp speak of a pairing to a session that exists:
// it is not lost.
func TestForeignPairing(t *testing.T) {
	for name, begin := range map[string]func(*rig) *conn{
		"login":    func(r *rig) *conn { r.start(newRecord(fsm.Authenticated), newSession()); return r.connected() },
		"redialed": func(r *rig) *conn { r.tell(r.scanned(), paired, redial); return r.connected() },
		"10":       (*rig).authenticated,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.tell(begin(r), codes(), instance.Fact{Kind: instance.FactPairFailed, Cause: fsm.CausePairingFailed})
				r.want(fsm.AuthenticatedClosed, fsm.CauseServerError)
				if !r.Status().Info.CanRestore {
					t.Fatal("the session was dropped")
				}
			})
		})
	}
}

// TestSaveAgain stores what changes later without a transition.
func TestSaveAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		r.trail()
		s := newSession()
		s.PushName, s.LID = "Front desk", "77:1@lid"
		if err := r.save(c, s); err != nil {
			t.Fatal(err)
		}
		r.agree()
		r.wantTrail("")
		if got := r.Status().Info.PushName; got != "Front desk" || r.journal.session.LID != "77:1@lid" || !s.SavedAt.IsZero() {
			t.Errorf("name %q, stored %+v; the caller's own %+v", got, r.journal.session, s)
		}
		r.journal.fail(errFull)
		if err := r.save(c, s); !errors.Is(err, instance.ErrUnavailable) {
			t.Errorf("answer %v", err)
		}
		r.journal.fail(nil)
		r.want(fsm.Authenticated, fsm.CauseProgress)
	})
}

// TestSaveGivesUp ends with its caller's context, with the connection and with
// the instance.
func TestSaveGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.showing()
		release := r.hold()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.spec.Save(ctx, newSession()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("answer %v", err)
		}
		saved := make(chan error, 2)
		r.command("close")
		go func() { saved <- c.spec.Save(t.Context(), newSession()) }()
		synctest.Wait()
		release()
		if err := <-saved; err == nil {
			t.Fatal("saved after the close")
		}
		if r.Status().Info.CanRestore {
			t.Fatal("a session is left")
		}
		c = r.showing()
		release = r.hold()
		go func() { saved <- c.spec.Save(t.Context(), newSession()) }()
		synctest.Wait()
		r.cancel()
		release()
		if err := <-saved; err == nil && !r.Status().Info.CanRestore {
			t.Fatal("saved and not stored")
		}
	})
}

// TestCrashAroundTheScan restarts from what was stored just before and just
// after the scan: session and transition are one change.
func TestCrashAroundTheScan(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*rig) *conn
		trail string
	}{
		"before": {(*rig).showing, "3>0 restart"},
		"after":  {(*rig).scanned, "4>11 restart, 11>1 retry"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c.begin(r)
				r.trail()
				rec, session := r.journal.rec, r.journal.session
				r.halt()
				r.trail()
				r.journal.rec, r.journal.session = rec, session // the stop never happened
				r.restart(fsm.CauseRestart)
				r.wantTrail(c.trail)
				if session != nil {
					r.authenticated()
				}
			})
		})
	}
}
