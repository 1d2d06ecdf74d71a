//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// TestStop records the stop of every live state and nothing of the others.
func TestStop(t *testing.T) {
	for place, want := range map[string]string{
		"0": "", "0+session": "", "1": "1>0 shutdown", "1+session": "1>11 shutdown", "2": "2>0 shutdown",
		"3": "3>0 shutdown", "4 scanned": "4>11 shutdown", "4 restoring": "4>11 shutdown", "10": "10>11 shutdown",
		"11 waits": "", "11 queues": "", "11 replaced": "", "13": "", "logging out": "10>0 logout_unconfirmed", "deleted": "",
	} {
		t.Run(place, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				places[place](r)
				r.trail()
				waiting := map[string]string{"1": "generate", "2": "generate", "1+session": "restore", "4 scanned": "restore"}[place]
				var waits *call
				if waiting != "" {
					waits = r.command(waiting)
				}
				began := time.Now()
				if err := r.stop(); err != nil || time.Since(began) != 0 {
					t.Fatalf("after %v: %v", time.Since(began), err)
				}
				if waits != nil {
					waits.wantErr(t, instance.ErrStopping)
				}
				r.wantTrail(want)
				r.agree()
				for _, c := range r.driver.conns() {
					if c.closed.Load() != 1 {
						t.Error("a connection was left open")
					}
				}
				if place == "deleted" {
					return
				}
				for command := range answerable {
					r.command(command).wantErr(t, instance.ErrStopping)
				}
				r.wantTrail("")
			})
		})
	}
}

// TestRestart takes what the disk says and makes it true.
func TestRestart(t *testing.T) {
	for _, c := range []struct {
		state   fsm.State
		session *record.Session
		trail   string
	}{
		{fsm.NoConnection, nil, ""},
		{fsm.NoConnection, newSession(), ""},
		{fsm.Connecting, nil, "1>0 restart"},
		{fsm.Connecting, newSession(), "1>11 restart, 11>1 retry"},
		{fsm.SocketOpen, nil, "2>0 restart"},
		{fsm.SocketOpen, newSession(), "2>11 restart, 11>1 retry"},
		{fsm.AwaitingScan, nil, "3>0 restart"},
		{fsm.AwaitingScan, newSession(), "3>11 restart, 11>1 retry"},
		{fsm.Starting, nil, "4>0 restart"},
		{fsm.Starting, newSession(), "4>11 restart, 11>1 retry"},
		{fsm.Authenticated, nil, "10>0 restart"},
		{fsm.Authenticated, newSession(), "10>11 restart, 11>1 retry"},
		{fsm.AuthenticatedClosed, newSession(), ""},
		{fsm.NotAuthenticated, nil, ""},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.start(newRecord(c.state), c.session)
			r.wantTrail(c.trail)
			r.agree()
		})
	}
	if _, err := instance.New(instance.Config{Record: newRecord(12)}); err == nil {
		t.Error("state 12 was taken")
	}
}

// TestRetryWithoutASession is a stored state that cannot be: a reconnect that has
// nothing to connect with. It must not spin.
func TestRetryWithoutASession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		rec := newRecord(fsm.AuthenticatedClosed)
		rec.RetryAt = time.Now().Add(time.Second)
		r.start(rec, nil)
		time.Sleep(time.Hour)
		if n := r.dials.asked.Load(); n != 0 {
			t.Errorf("asked for %d turns", n)
		}
		r.command("delete").wantErr(t, nil)
	})
}

// TestStopWhileTheMailboxIsFull lets more facts wait than fit.
func TestStopWhileTheMailboxIsFull(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		release := r.hold()
		reported := make(chan struct{}, 500)
		for range 500 {
			go func() {
				c.spec.Report(instance.Fact{Kind: instance.FactAnswered})
				reported <- struct{}{}
			}()
		}
		c.onClose = func() { // as a driver whose Close waits for its own callbacks
			for range 500 {
				<-reported
			}
		}
		synctest.Wait()
		r.cancel()
		release()
		began := time.Now()
		if err := r.stop(); err != nil || time.Since(began) != 0 {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		r.want(fsm.AuthenticatedClosed, fsm.CauseShutdown)
	})
}

// TestStopWhileTheDiskHangs gives up in time for the daemon's 10 s.
func TestStopWhileTheDiskHangs(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		r.journal.mu.Lock()
		r.journal.verdict = func(ctx context.Context, _ instance.Change) error {
			<-ctx.Done()
			return errFull
		}
		r.journal.mu.Unlock()
		r.tell(c, lost)
		time.Sleep(time.Hour)
		began := time.Now()
		if err := r.stop(); err == nil || time.Since(began) > 4*time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		r.journal.fail(nil)
	})
}

func TestDelete(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		waiting := r.command("disconnect")
		r.trail()
		r.command("delete").wantErr(t, nil)
		r.wantTrail("10>0 logout_unconfirmed, instance.deleted")
		if err := <-r.ended; err != nil {
			t.Fatal(err)
		}
		r.ended <- nil
		waiting.wantErr(t, instance.ErrDeleted)
		last := r.journal.events[len(r.journal.events)-1]
		if last.Kind != record.InstanceDeleted || last.Info == nil || last.Name != "desk" || c.closed.Load() != 1 || r.journal.session != nil {
			t.Errorf("last event %+v", last)
		}
		r.agree()
	})
}

// TestDeleteRefused leaves the instance usable.
func TestDeleteRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.authenticated()
		r.journal.mu.Lock()
		r.journal.verdict = func(_ context.Context, c instance.Change) error {
			if !c.Instance.DeletedAt.IsZero() {
				return errFull
			}
			return nil
		}
		r.journal.mu.Unlock()
		r.command("delete").wantErr(t, instance.ErrUnavailable)
		r.want(fsm.NoConnection, fsm.CauseLogoutUnconfirmed)
		r.journal.fail(nil)
		r.showing()
		r.command("delete").wantErr(t, nil)
	})
}
