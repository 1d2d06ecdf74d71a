//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

var errUnreachable = errors.New("unreachable")

// unreachable makes every dial fail at once.
func (r *rig) unreachable() {
	r.driver.prepare = func(c *conn) {
		c.onDial = func(context.Context) error { return errUnreachable }
	}
}

// wait is how long the instance will wait before it dials again.
func (r *rig) wait() time.Duration {
	r.t.Helper()
	synctest.Wait()
	rec := r.Status().Record
	if rec.State != fsm.AuthenticatedClosed || rec.RetryAt.IsZero() {
		r.t.Fatalf("no retry is scheduled in %d (%s)", rec.State, rec.Cause)
	}
	return time.Until(rec.RetryAt)
}

// TestBackoff holds the bounds of each wait, that the instance keeps to what it
// has stored, and that waits are spread over their whole range.
func TestBackoff(t *testing.T) {
	const rounds, failures = 60, 12
	var early, late int
	for range rounds {
		inBubble(t, func(t *testing.T, r *rig) {
			r.unreachable()
			r.start(newRecord(fsm.Authenticated), newSession())
			limit := r.timing.RetryMin
			for n := 1; n <= failures; n++ {
				limit = min(2*limit, r.timing.RetryMax)
				d := r.wait()
				if d < r.timing.RetryMin/2 || d > min(limit+r.timing.RetryMin/2, r.timing.RetryMax) {
					t.Fatalf("after %d failures: %v", n, d)
				}
				if n == failures {
					switch {
					case d < limit/4:
						early++
					case d > 3*limit/4:
						late++
					}
					return
				}
				time.Sleep(d - 1)
				synctest.Wait()
				if got := len(r.driver.conns()); got != n {
					t.Fatalf("%d dials after %d waits", got, n)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
			}
		})
	}
	if early < 2 || late < 2 {
		t.Errorf("of %d waits %d are short and %d are long", rounds, early, late)
	}
}

func TestRetryAtSurvivesARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.unreachable()
		rec := newRecord(fsm.AuthenticatedClosed)
		rec.Cause, rec.RetryAt, rec.Attempts = fsm.CauseNetwork, time.Now().Add(3*time.Minute), 7
		r.start(rec, newSession())
		for range 3 {
			time.Sleep(50 * time.Second)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			r.restart(fsm.CauseRestart)
		}
		if r.Status().Record != rec || len(r.driver.conns()) != 0 {
			t.Fatalf("after three restarts: %+v, %d dials", r.Status().Record, len(r.driver.conns()))
		}
		time.Sleep(30 * time.Second)
		r.want(fsm.AuthenticatedClosed, fsm.CauseNetwork)
		if got := r.Status().Record.Attempts; len(r.driver.conns()) != 1 || got != 8 {
			t.Fatalf("%d dials, %d failures in a row", len(r.driver.conns()), got)
		}
	})
}

// TestFlapping backs off although each connection comes up, until one is steady.
func TestFlapping(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		for n := 1; n <= 10; n++ {
			time.Sleep(r.timing.Steady - 1)
			r.tell(c, lost)
			if got := r.Status().Record.Attempts; got != n {
				t.Fatalf("%d failures counted after %d", got, n)
			}
			time.Sleep(r.wait())
			c = r.authenticated()
		}
		time.Sleep(r.timing.Steady)
		r.tell(c, lost)
		if d := r.wait(); d > 3*r.timing.RetryMin/2 || r.Status().Record.Attempts != 0 {
			t.Fatalf("after a steady connection: %v, %d failures", d, r.Status().Record.Attempts)
		}
	})
}

// TestNoLoop leaves alone what coming back would make worse.
func TestNoLoop(t *testing.T) {
	for _, cause := range []fsm.Cause{fsm.CauseStreamReplaced, fsm.CauseClientOutdated, fsm.CauseConnectRefused, fsm.CauseTemporaryBan} {
		for name, begin := range map[string]func(*rig) *conn{
			"10": (*rig).authenticated,
			"login": func(r *rig) *conn {
				r.start(newRecord(fsm.Authenticated), newSession())
				return r.connected()
			},
		} {
			t.Run(string(cause)+" in "+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					r.tell(begin(r), instance.Fact{Kind: instance.FactRefused, Cause: cause})
					r.want(fsm.AuthenticatedClosed, cause)
					time.Sleep(48 * time.Hour)
					r.halt()
					r.restart(fsm.CauseRestart)
					time.Sleep(48 * time.Hour)
					r.want(fsm.AuthenticatedClosed, cause)
					if len(r.driver.conns()) != 1 {
						t.Fatal("dialled by itself")
					}
					r.command("restore")
					r.authenticated()
				})
			})
		}
	}
}

func TestBanExpires(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ban := instance.Fact{Kind: instance.FactRefused, Cause: fsm.CauseTemporaryBan, RetryAfter: 36 * time.Hour}
		r.tell(r.authenticated(), ban)
		if d := r.wait(); d != 36*time.Hour {
			t.Fatalf("comes back in %v", d)
		}
		time.Sleep(12 * time.Hour)
		r.halt()
		r.restart(fsm.CauseRestart)
		time.Sleep(24*time.Hour - 1)
		r.want(fsm.AuthenticatedClosed, fsm.CauseTemporaryBan)
		time.Sleep(time.Nanosecond)
		r.want(fsm.Connecting, fsm.CauseRetry)
	})
}

func TestDeaf(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		silent := func(d time.Duration) instance.Fact {
			return instance.Fact{Kind: instance.FactUnanswered, Silent: d}
		}
		c := r.authenticated()
		r.tell(c, silent(35*time.Second), silent(70*time.Second), instance.Fact{Kind: instance.FactAnswered}, silent(89*time.Second))
		r.want(fsm.Authenticated, fsm.CauseProgress)
		r.tell(c, silent(90*time.Second))
		r.want(fsm.AuthenticatedClosed, fsm.CauseKeepaliveTimeout)
		time.Sleep(r.wait())
		r.want(fsm.Connecting, fsm.CauseRetry)
	})
}

// TestTimeouts ends what stands still on its way up.
func TestTimeouts(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.Authenticated), newSession())
		time.Sleep(r.timing.Dial - 1)
		r.want(fsm.Connecting, fsm.CauseRetry)
		time.Sleep(time.Nanosecond)
		r.want(fsm.AuthenticatedClosed, fsm.CauseNetwork)
		time.Sleep(r.wait())
		r.connected()
		r.want(fsm.Starting, fsm.CauseProgress)
		time.Sleep(r.timing.Login - 1)
		r.want(fsm.Starting, fsm.CauseProgress)
		time.Sleep(time.Nanosecond)
		r.want(fsm.AuthenticatedClosed, fsm.CauseLoginTimeout)
		if got := r.Status().Record.Attempts; got != 2 {
			t.Fatalf("%d failures", got)
		}
		for _, c := range r.driver.conns() {
			if c.closed.Load() != 1 {
				t.Error("a connection was left open")
			}
		}
	})
}

// TestOpenFails takes a driver's refusal for what it is: a fault of ours.
func TestOpenFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var log bytes.Buffer
		r.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		r.driver.refuse = errors.New("session unreadable")
		r.start(newRecord(fsm.NoConnection), newSession())
		r.command("restore").wantFailed(t, fsm.AuthenticatedClosed, fsm.CauseInternalError)
		for range 5 {
			time.Sleep(r.wait())
		}
		r.wantTrail("0>1 operator, 1>11 internal_error" + strings.Repeat(", 11>1 retry, 1>11 internal_error", 5))
		if n := strings.Count(log.String(), "session unreadable"); n != 1 {
			t.Errorf("said %d times", n)
		}
		r.driver.mu.Lock()
		r.driver.refuse = nil
		r.driver.mu.Unlock()
		time.Sleep(r.wait())
		r.authenticated()
	})
}
