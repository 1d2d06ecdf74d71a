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

var outdated = instance.Fact{Kind: instance.FactRefused, Cause: fsm.CauseClientOutdated}

// TestOutdated: the version is renewed once, and the connection comes back if
// that has helped; if not it waits for an operator.
func TestOutdated(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		rec := newRecord(fsm.AuthenticatedClosed)
		rec.RetryAt = time.Now()
		r.driver.prepare = func(c *conn) {
			c.onRenew = func(context.Context) (bool, error) { return len(r.driver.opened) == 1, nil }
		}
		r.start(rec, newSession())
		first := r.connected()
		r.tell(first, outdated)
		second := r.connected()
		if second == first {
			t.Fatal("no second try")
		}
		if first.renewals.Load() != 1 {
			t.Errorf("renewed %d times", first.renewals.Load())
		}
		r.tell(second, outdated)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(r.driver.conns()); n != 2 {
			t.Errorf("%d tries: a loop", n)
		}
		if st := r.Status().Record; st.State != fsm.AuthenticatedClosed || st.Cause != fsm.CauseClientOutdated || !st.RetryAt.IsZero() {
			t.Errorf("%+v", st)
		}
	})
}

// TestOutdatedWhilePairing: whoever waits for a code gets it from the second try.
func TestOutdatedWhilePairing(t *testing.T) {
	for name, renews := range map[string]bool{"renewed": true, "nothing newer": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.driver.prepare = func(c *conn) {
					c.onRenew = func(context.Context) (bool, error) {
						if !renews {
							return false, errors.New("no page")
						}
						return true, nil
					}
				}
				r.start(newRecord(fsm.NoConnection), nil)
				got := make(chan codeAnswer, 1)
				go func() {
					code, err := r.Generate(t.Context(), nil)
					got <- codeAnswer{code, err}
				}()
				r.tell(r.connected(), outdated)
				if renews {
					r.tell(r.connected(), codes("q1"))
				}
				a := <-got
				var failed *instance.FailedError
				switch {
				case renews && (a.err != nil || a.code.Text != "q1"):
					t.Errorf("%+v", a)
				case !renews && (!errors.As(a.err, &failed) || failed.Cause != fsm.CauseClientOutdated):
					t.Errorf("%+v", a)
				}
			})
		})
	}
}

// TestSilentlyLoggedOff: a connection that answers pings and counts as logged off
// is given up; one that was so for a moment is not.
func TestSilentlyLoggedOff(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		time.Sleep(r.timing.Check - time.Second)
		c.off.Store(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		c.off.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := r.Status().Record.State; got != fsm.Authenticated {
			t.Fatalf("in %d after a moment", got)
		}
		c.off.Store(true)
		r.trail()
		time.Sleep(r.timing.Check + 5*time.Second)
		synctest.Wait()
		if got := r.trail(); !strings.HasPrefix(got, "10>11 server_error") {
			t.Errorf("trail %s", got)
		}
	})
}
