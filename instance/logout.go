package instance

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// logout is a disconnect that has to tell WhatsApp first.
type logout struct {
	deadline time.Time
	sent     bool
}

// doubtFor is how long a logout that seems to fail may still turn out well.
const doubtFor = time.Second

// doubt shortens the wait of a logout that seems to fail: WhatsApp's answer, its
// "logged out" and the end of the socket come in any order.
func (l *logout) doubt() {
	if at := time.Now().Add(doubtFor); at.Before(l.deadline) {
		l.deadline = at
	}
}

type logoutResult struct {
	of  *logout
	err error
}

// Disconnect logs out and drops the session; it always ends in state 0.
// Offline, it dials once to tell WhatsApp. If WhatsApp cannot be told in time
// the session is dropped here all the same, and the cause says what is left to
// do on the phone. It fails with a [*FencedError], [ErrNotReady] or
// [ErrUnavailable] only.
func (i *Instance) Disconnect(ctx context.Context) (record.Info, error) {
	// The logout has a deadline of its own, Timing.Command; its outcome must
	// still find somebody who waits.
	r, err := i.ask(ctx, func(c *command) {
		switch {
		case i.logout != nil:
			i.wait(c, i.untilLoggedOut)
			return
		case i.fenced() != nil: // the session is somebody else's to end
			i.answer(c, i.fenced())
			return
		case i.session == nil && i.machine.Can(fsm.Disconnected):
			// A pairing that nobody wants any more, or 13.
			if err := i.fire(fsm.Disconnected, fsm.CauseOperator, i.steadyUp); err != nil {
				i.answer(c, err)
				return
			}
			i.hangUp()
			fallthrough
		case i.session == nil:
			i.answer(c, nil)
			return
		}
		if i.machine.Can(fsm.LogoutRequested) {
			if err := i.dialBy(fsm.LogoutRequested, fsm.CauseOperator, false); err != nil {
				i.answer(c, err)
				return
			}
		}
		i.logout = &logout{deadline: time.Now().Add(i.cfg.Timing.Command - i.cfg.Timing.Command/10)}
		if i.rec.State == fsm.Authenticated {
			i.logOut()
		}
		i.wait(c, i.untilLoggedOut)
	})
	return r.info, err
}

// logOut tells WhatsApp, in a child goroutine.
func (i *Instance) logOut() {
	if i.logout.sent || i.try == nil {
		return
	}
	i.logout.sent = true
	conn, of := i.try.conn, i.logout
	ctx, cancel := context.WithDeadline(i.ctx, of.deadline)
	i.child(func() {
		defer cancel()
		i.post(mail{out: &logoutResult{of, conn.Logout(ctx)}})
	})
}

// loggedOutBySelf is the answer to our own logout.
func (i *Instance) loggedOutBySelf(ctx context.Context, r *logoutResult) {
	switch {
	case i.logout != r.of:
	case r.err != nil:
		i.log.Warn("logout not confirmed", "err", r.err)
		i.logout.doubt()
	default:
		i.must(ctx, func() error { return i.finishLogout(fsm.CauseOperator) })
	}
}

// finishLogout drops the session, whatever state the connection is in.
func (i *Instance) finishLogout(cause fsm.Cause) error {
	if i.machine.Can(fsm.Disconnected) {
		if err := i.fire(fsm.Disconnected, cause, i.steadyUp); err != nil {
			return err
		}
	}
	i.logout = nil
	i.hangUp()
	return nil
}

func (i *Instance) untilLoggedOut() (result, bool) { return result{}, i.logout == nil }
