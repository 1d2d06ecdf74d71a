//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// TestDegraded keeps a fact at the head while the store cannot be written.
func TestDegraded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), newSession())
		r.command("restore")
		c := r.connected()
		r.trail()
		r.journal.fail(errFull)
		r.tell(c, up)
		st := r.Status()
		if st.Degraded == "" || st.Record.State != fsm.Starting || c.closed.Load() != 1 {
			t.Fatalf("%d times closed; %+v", c.closed.Load(), st)
		}
		tries := r.journal.tries
		for range 60 {
			for command := range answerable {
				call := r.command(command)
				call.wantErr(t, instance.ErrUnavailable)
				if call.took != 0 {
					t.Fatalf("%s answered after %v", command, call.took)
				}
			}
			time.Sleep(r.timing.StoreRetry)
		}
		synctest.Wait()
		if n := r.journal.tries - tries; n != 60 {
			t.Errorf("tried %d times in 60 seconds", n)
		}
		r.tell(c, lost, loggedOut) // what else the connection still says waits its turn
		r.journal.fail(nil)
		time.Sleep(r.timing.StoreRetry)
		r.wantTrail("4>10 progress, 10>11 store_unavailable")
		if d := r.Status().Degraded; d != "" {
			t.Errorf("still degraded: %s", d)
		}
		time.Sleep(r.wait())
		r.authenticated()
		r.command("close").wantErr(t, nil)
	})
}

var answerable = map[string]bool{
	"generate": true, "close": true, "restore": true, "disconnect": true, "save": true, "reboot": true, "clear": true, "configure": true, "delete": true,
}

// TestDegradedKeepsOrder retries each kind of trouble and goes on as if it had
// come at the moment it could be written.
func TestDegradedKeepsOrder(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*rig) *conn
		does  func(*rig, *conn)
		trail string
	}{
		"logged out": {(*rig).authenticated, func(r *rig, c *conn) { r.tell(c, loggedOut, lost) }, "10>13 logged_out"},
		"lost":       {(*rig).authenticated, func(r *rig, c *conn) { r.tell(c, lost, loggedOut) }, "10>11 network"},
		"codes": {func(r *rig) *conn {
			r.start(newRecord(fsm.NoConnection), nil)
			r.command("generate")
			return r.conn()
		}, func(r *rig, c *conn) { r.tell(c, codes("one")) }, "1>2 progress, 2>3 progress, code one, 3>0 store_unavailable"},
		"next code":   {(*rig).showing, func(r *rig, _ *conn) { time.Sleep(20 * time.Second) }, "3>0 store_unavailable"},
		"codes used":  {(*rig).showing, usedUp, "3>0 store_unavailable"},
		"nobody asks": {(*rig).showing, nobodyAsks, "3>0 qr_timeout"},
		"scan": {(*rig).showing, func(r *rig, c *conn) {
			if err := r.save(c, newSession()); !errors.Is(err, instance.ErrUnavailable) {
				r.t.Errorf("answer %v", err)
			}
			r.tell(c, instance.Fact{Kind: instance.FactPairFailed})
		}, "3>0 pairing_failed"},
		"dial": {func(r *rig) *conn {
			r.start(newRecord(fsm.NoConnection), newSession())
			r.command("restore")
			return r.conn()
		}, func(_ *rig, c *conn) { c.answer <- errUnreachable }, "1>11 network"},
		"login timeout": {func(r *rig) *conn {
			r.start(newRecord(fsm.NoConnection), newSession())
			r.command("restore")
			return r.connected()
		}, func(r *rig, _ *conn) { time.Sleep(r.timing.Login) }, "4>11 login_timeout"},
		"retry due": {func(r *rig) *conn {
			c := r.authenticated()
			r.tell(c, lost)
			return c
		}, func(r *rig, _ *conn) { time.Sleep(r.wait()) }, "11>1 retry"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				conn := c.begin(r)
				r.trail()
				r.journal.fail(errFull)
				c.does(r, conn)
				synctest.Wait()
				if r.Status().Degraded == "" {
					t.Fatal("not degraded")
				}
				r.agree()
				time.Sleep(10 * time.Second)
				r.wantTrail("")
				r.journal.fail(nil)
				time.Sleep(r.timing.StoreRetry)
				r.wantTrail(c.trail)
				r.agree()
				if r.Status().Degraded != "" || conn.closed.Load() != 1 {
					t.Errorf("closed %d times, degraded %q", conn.closed.Load(), r.Status().Degraded)
				}
			})
		})
	}
}

func usedUp(r *rig, c *conn) {
	r.journal.fail(nil)
	r.tell(c, codes("only"))
	r.trail()
	r.journal.fail(errFull)
	time.Sleep(20 * time.Second)
}

func nobodyAsks(r *rig, c *conn) {
	r.journal.fail(nil)
	r.tell(c, codes("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"))
	time.Sleep(3*time.Minute - 1)
	r.trail()
	r.journal.fail(errFull)
	time.Sleep(time.Nanosecond)
}

// TestDegradedAtStop ends after a try or two and says that the stop was not recorded.
func TestDegradedAtStop(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		r.trail()
		r.journal.mu.Lock()
		r.journal.verdict = func(context.Context, instance.Change) error { time.Sleep(time.Second); return errFull }
		r.journal.mu.Unlock()
		r.tell(c, lost, lost, lost, lost, lost)
		time.Sleep(90 * time.Second)
		began := time.Now()
		err := r.stop()
		if !errors.Is(err, instance.ErrUnavailable) || time.Since(began) > 2*time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		r.journal.fail(nil)
		r.restart(fsm.CauseRestart)
		r.wantTrail("10>11 restart, 11>1 retry")
	})
}

// TestDegradedAtStart waits for the store before it says anything.
func TestDegradedAtStart(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.journal.fail(errFull)
		r.start(newRecord(fsm.Authenticated), newSession())
		r.command("restore").wantErr(t, instance.ErrUnavailable)
		time.Sleep(time.Minute)
		r.want(fsm.Authenticated, "")
		r.journal.fail(nil)
		time.Sleep(r.timing.StoreRetry)
		r.wantTrail("10>11 restart, 11>1 retry")
	})
}

// TestCommandsMeetTheStoreFirst are refused and change nothing; no fact waits,
// so nothing is degraded.
func TestCommandsMeetTheStoreFirst(t *testing.T) {
	broken := errors.New("value too large")
	for _, err := range []error{errFull, broken} {
		for _, place := range []string{"0", "0+session", "3", "10", "11 replaced", "13"} {
			for command := range answerable {
				t.Run(fmt.Sprintf("%s %s %v", place, command, err), func(t *testing.T) {
					inBubble(t, func(t *testing.T, r *rig) {
						places[place](r)
						before, opened, tries := r.Status(), len(r.driver.conns()), r.journal.tries
						r.journal.fail(err)
						c := r.command(command)
						if r.journal.tries > tries {
							c.wantErr(t, err)
						}
						r.agree()
						if got := r.Status(); got.Record != before.Record || got.Degraded != "" || len(r.driver.conns()) != opened {
							t.Errorf("changed to %+v", got)
						}
						r.journal.fail(nil)
					})
				})
			}
		}
	}
}

// TestFactRefusedForGood ends the loop: the record would no longer be true.
func TestFactRefusedForGood(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		broken := errors.New("value too large")
		c := r.authenticated()
		waiting := r.call(func(ctx context.Context) (any, error) { return r.Disconnect(ctx) })
		r.journal.fail(broken)
		r.tell(c, loggedOut)
		if err := <-r.ended; !errors.Is(err, broken) {
			t.Fatalf("Run answers %v", err)
		}
		r.ended <- nil
		waiting.wantErr(t, instance.ErrRestarting)
		r.command("close").wantErr(t, instance.ErrRestarting)
		r.journal.fail(nil)
		r.restart(fsm.CauseInternalError)
		time.Sleep(r.wait())
		synctest.Wait()
		r.wantTrail("10>11 restart, 11>1 retry, 1>2 progress, 2>4 progress, 4>10 progress, 10>11 internal_error, 11>1 retry")
	})
}
