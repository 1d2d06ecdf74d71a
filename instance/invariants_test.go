//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// look holds what is true between any two things that happen. The journal holds
// that every transition is legal and begins where the last one ended.
func (w *walk) look() {
	w.t.Helper()
	synctest.Wait()
	w.agree()
	w.lookAtConnections()
	w.lookAtTime()
	w.calls = slices.DeleteFunc(w.calls, func(c *named) bool {
		if !c.waits() {
			w.lookAtAnswer(c)
			return true
		}
		return false
	})
}

// lookAtConnections: one at most is open, and only where the state has one.
func (w *walk) lookAtConnections() {
	st := w.Status()
	open := 0
	for _, c := range w.driver.conns() {
		if n := c.closed.Load(); n > 1 {
			w.t.Errorf("a connection was closed %d times", n)
		} else if n == 0 {
			open++
		}
	}
	switch {
	case open > 1:
		w.t.Errorf("%d connections are open", open)
	case open > 0 && !st.Record.State.Live() && st.Degraded == "":
		w.t.Errorf("a connection is open in %d", st.Record.State)
	case open == 0 && st.Record.State.Live() && st.Degraded == "":
		w.t.Errorf("no connection is open in %d", st.Record.State)
	}
	if open > 0 && !st.Record.ExportedAt.IsZero() {
		w.t.Error("a connection is open behind the fence")
	}
	if (st.Code != nil) && st.Record.State != fsm.AwaitingScan {
		w.t.Errorf("a code is on show in %d", st.Record.State)
	}
}

// lookAtTime: nothing stands still that must not.
func (w *walk) lookAtTime() {
	st := w.Status()
	if st.Degraded != "" || w.dials.gated {
		return
	}
	limits := map[fsm.State]time.Duration{
		fsm.Connecting:   w.timing.Dial,
		fsm.SocketOpen:   w.timing.Login,
		fsm.AwaitingScan: 20 * time.Hour, // see asked
		fsm.Starting:     w.timing.Redial + w.timing.Dial + w.timing.Login,
	}
	if limit, ok := limits[st.Record.State]; ok && time.Since(st.Record.Since) > limit {
		w.t.Errorf("in %d for %v", st.Record.State, time.Since(st.Record.Since))
	}
	switch st.Record.State {
	case fsm.AwaitingScan:
		if time.Since(w.asked) > w.timing.CodeIdle {
			w.t.Errorf("nobody has asked for a code for %v", time.Since(w.asked))
		}
		if st.Code == nil || time.Until(st.Code.ExpiresAt) <= 0 {
			w.t.Errorf("on show is %+v", st.Code)
		}
	case fsm.AuthenticatedClosed:
		at := st.Record.RetryAt
		if at.IsZero() == st.Record.Cause.Retries() {
			w.t.Errorf("%s, and comes back at %v", st.Record.Cause, at)
		}
		if !at.IsZero() && !at.After(time.Now()) {
			w.t.Errorf("overdue by %v", time.Since(at))
		}
	}
}

// lookAtAnswer: in time, and true.
func (w *walk) lookAtAnswer(c *named) {
	limit := w.timing.Command
	if c.name == "send file" {
		limit += w.timing.Upload
	}
	if c.took > limit {
		w.t.Errorf("%s was answered after %v", c.name, c.took)
	}
	known := []error{
		instance.ErrEstablished, instance.ErrSavedSession, instance.ErrNothingToRestore, instance.ErrNotReady,
		instance.ErrUnavailable, instance.ErrStopping, instance.ErrRestarting, instance.ErrLoggingOut, instance.ErrDeleted,
		instance.ErrFenced, instance.ErrNotConnected, instance.ErrBusy, errUnreachable, context.DeadlineExceeded,
	}
	var failed *instance.FailedError
	var invalid *instance.InvalidError
	if c.err != nil {
		typed := errors.As(c.err, &failed) || c.name == "unfence" && errors.As(c.err, &invalid) || c.err.Error() == "value too large"
		for _, err := range known {
			typed = typed || errors.Is(c.err, err)
		}
		if !typed {
			w.t.Errorf("%s was answered with %v", c.name, c.err)
		}
		return
	}
	info, _ := c.value.(record.Info)
	switch c.name {
	case "generate":
		if code := c.value.(record.Code); code.Text == "" {
			w.t.Error("an empty code was answered")
		}
	case "close":
		if info.State != fsm.NoConnection && info.State != fsm.NotAuthenticated {
			w.t.Errorf("closed, and in %d", info.State)
		}
	case "restore":
		if info.State != fsm.Authenticated {
			w.t.Errorf("restored, and in %d", info.State)
		}
	case "disconnect":
		if info.State != fsm.NoConnection || info.CanRestore {
			w.t.Errorf("disconnected, and in %d, with a session: %t", info.State, info.CanRestore)
		}
	}
}

// revive does what a supervisor does when Run has ended by itself.
func (w *walk) revive() {
	select {
	case err := <-w.ended:
		w.ended <- err
		w.notef("ended with %v", err)
		w.broken = false
		w.journal.fail(nil)
		if !w.journal.rec.DeletedAt.IsZero() {
			w.journal.rec, w.journal.session = newRecord(fsm.NoConnection), (*record.Session)(nil)
			w.restart(fsm.CauseRestart)
			return
		}
		w.restart(fsm.CauseInternalError)
	default:
	}
}

// finish lets the world be well again and sees everything come to rest.
func (w *walk) finish() {
	w.journal.fail(nil)
	w.broken = false
	w.halt()
	w.dials.gated = false
	w.restart(fsm.CauseRestart)
	w.driver.mu.Lock()
	w.driver.prepare = func(c *conn) { c.answer <- nil; go func() { time.Sleep(time.Second); c.spec.Report(up) }() }
	w.driver.mu.Unlock()
	time.Sleep(10 * time.Minute)
	synctest.Wait()
	w.look()
	rec := w.Status().Record
	if rec.State == fsm.AuthenticatedClosed && !rec.RetryAt.IsZero() && time.Until(rec.RetryAt) > 0 && rec.Cause.Retries() {
		w.t.Errorf("still on its way after ten minutes: %+v", rec)
	}
	for _, c := range w.calls {
		if c.waits() {
			w.t.Errorf("%s was never answered", c.name)
		}
	}
	w.lookAtArrivals()
}

// lookAtArrivals: what was acknowledged is in the log once, what was refused is
// not, and each has been one of the two.
func (w *walk) lookAtArrivals() {
	logged := make(map[string]int)
	for _, id := range w.messages() {
		logged[id]++
	}
	for n := 1; n <= w.arrivals; n++ {
		id := fmt.Sprint("in", n)
		taken, answered := w.taken.Load(id)
		if want := map[any]int{true: 1}[taken]; !answered || logged[id] != want {
			w.t.Errorf("delivery %s: answered %t, taken %v, %d times in the log", id, answered, taken, logged[id])
		}
	}
}
