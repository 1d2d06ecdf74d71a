//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// queueing brings an instance to 11, waiting for its turn to dial.
func (r *rig) queueing() {
	r.t.Helper()
	r.dials.gated = true
	r.start(newRecord(fsm.Authenticated), newSession())
	r.want(fsm.AuthenticatedClosed, fsm.CauseRestart)
	if r.dials.asked.Load() != 1 || len(r.driver.conns()) != 0 {
		r.t.Fatalf("asked for %d turns, opened %d connections", r.dials.asked.Load(), len(r.driver.conns()))
	}
}

// grant gives one turn out, which somebody must be waiting for.
func (r *rig) grant(turns chan struct{}) {
	r.t.Helper()
	select {
	case turns <- struct{}{}:
	case <-time.After(time.Hour):
		r.t.Fatal("nobody waits for a turn")
	}
	synctest.Wait()
}

func TestTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.queueing()
		time.Sleep(time.Hour)
		r.want(fsm.AuthenticatedClosed, fsm.CauseRestart)
		if n := r.dials.asked.Load(); n != 1 {
			t.Fatalf("asked for %d turns", n)
		}
		r.grant(r.dials.normal)
		r.want(fsm.Connecting, fsm.CauseRetry)
		if !r.conn().dialled.Load() || r.dials.asked.Load() != 1 {
			t.Fatal("the turn was not used")
		}
		r.authenticated()
	})
}

// TestTurnGivenUp leaves the queue for a command.
func TestTurnGivenUp(t *testing.T) {
	for command, want := range map[string]fsm.State{
		"close": fsm.NoConnection, "restore": fsm.Connecting, "disconnect": fsm.Connecting, "delete": fsm.NoConnection,
	} {
		t.Run(command, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.queueing()
				r.command(command)
				if st := r.Status().Record.State; st != want || r.dials.gaveWay.Load() != 1 {
					t.Fatalf("state %d, left the queue %d times", st, r.dials.gaveWay.Load())
				}
				if want != fsm.Connecting {
					return
				}
				c := r.conn()
				if c.dialled.Load() || r.dials.waitingUrgently.Load() != 1 {
					t.Fatal("dialled without a turn, or does not wait for an urgent one")
				}
				r.grant(r.dials.urgent)
				if !c.dialled.Load() {
					t.Fatal("not dialled")
				}
			})
		})
	}
	t.Run("stop", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.queueing()
			if err := r.stop(); err != nil || r.dials.gaveWay.Load() != 1 {
				t.Fatal(err)
			}
		})
	})
}

// hold keeps the loop busy, as a slow disk does, until the answer is called.
func (r *rig) hold() (release func()) {
	r.t.Helper()
	gate := make(chan struct{})
	r.journal.mu.Lock()
	r.journal.verdict = func(context.Context, instance.Change) error { <-gate; return nil }
	r.journal.mu.Unlock()
	r.command("clear")
	return func() {
		r.journal.fail(nil)
		close(gate)
		synctest.Wait()
	}
}

// TestStaleTurn lets a turn come when the instance has already moved on.
func TestStaleTurn(t *testing.T) {
	for name, commands := range map[string][]string{
		"closed":              {"close"},
		"restored":            {"restore"},
		"closed and restored": {"close", "restore"},
		"gone round":          {"close", "restore", "close", "restore"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.queueing()
				release := r.hold()
				for _, c := range commands {
					r.command(c)
				}
				r.grant(r.dials.normal)
				release()
				opened := len(r.driver.conns())
				if commands[len(commands)-1] == "close" {
					r.want(fsm.NoConnection, fsm.CauseOperator)
					return
				}
				r.want(fsm.Connecting, fsm.CauseOperator)
				if c := r.conn(); c.dialled.Load() || opened != len(r.driver.conns()) {
					t.Fatal("the turn of a connection that has gone was used")
				}
				r.grant(r.dials.urgent)
				r.authenticated()
			})
		})
	}
}

// TestStaleTurnOfAnEarlierWait lets the old turn meet a new wait in the same
// state.
func TestStaleTurnOfAnEarlierWait(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.queueing()
		r.driver.refuse = errUnreachable // so that the restore is back in 11 before the turn is read
		release := r.hold()
		r.command("close")
		r.command("restore")
		r.grant(r.dials.normal)
		r.trail()
		release()
		r.wantTrail("11>0 operator, 0>1 operator, 1>11 internal_error")
		wait := r.wait()
		time.Sleep(wait - 1)
		r.want(fsm.AuthenticatedClosed, fsm.CauseInternalError)
		r.driver.refuse = nil
		time.Sleep(time.Nanosecond)
		r.want(fsm.AuthenticatedClosed, fsm.CauseInternalError)
		r.grant(r.dials.normal)
		r.want(fsm.Connecting, fsm.CauseRetry)
	})
}

// TestUrgentWait does not count against the dial, and its command is answered in
// time although the turn never comes.
func TestUrgentWait(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.dials.gated = true
		r.start(newRecord(fsm.NoConnection), newSession())
		restore := r.command("restore")
		<-restore.done
		restore.wantErr(t, instance.ErrNotReady)
		time.Sleep(time.Hour)
		r.want(fsm.Connecting, fsm.CauseOperator)
		r.grant(r.dials.urgent)
		time.Sleep(r.timing.Dial - 1)
		r.conn().answer <- errUnreachable
		r.want(fsm.AuthenticatedClosed, fsm.CauseNetwork)
		if n := r.Status().Record.Attempts; n != 1 {
			t.Fatalf("%d failures: an hour in the queue is no steady connection", n)
		}
	})
}
