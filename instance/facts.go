package instance

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// hear takes a fact of the live connection.
func (i *Instance) hear(ctx context.Context, f Fact) {
	switch f.Kind {
	case FactLost:
		i.log.Info("connection lost", "cause", string(f.Cause), "err", f.Err)
	case FactRefused:
		i.log.Warn("refused by WhatsApp", "cause", string(f.Cause), "err", f.Err)
	case FactLoggedOut:
		i.log.Warn("logged out by WhatsApp", "err", f.Err)
	case FactPairFailed:
		i.log.Warn("pairing failed", "err", f.Err)
	default: // the transition says it all
	}
	i.must(ctx, func() error { return i.fact(f) })
}

// fact moves the instance by what its connection reports. It may be called
// again with the same fact after a commit that failed.
func (i *Instance) fact(f Fact) error {
	if err := i.opened(); err != nil {
		return err
	}
	switch f.Kind {
	case FactCodes:
		return i.offer(f.Codes)
	case FactPaired:
		if i.try.paired && i.try.redial {
			i.redialForLogin()
		}
	case FactRedial:
		return i.redial()
	case FactUp:
		return i.up()
	case FactPairFailed:
		if i.session != nil && !i.try.paired {
			return i.down(fsm.ConnectionLost, fsm.CauseServerError, 0) // a session that was not being made is not lost
		}
		return i.down(fsm.PairingFailed, fsm.CausePairingFailed, 0)
	case FactLost:
		return i.down(fsm.ConnectionLost, f.Cause, 0)
	case FactRefused:
		return i.refused(f)
	case FactLoggedOut:
		return i.loggedOut()
	case FactUnanswered:
		if f.Silent >= i.cfg.Timing.DeafAfter && i.rec.State == fsm.Authenticated {
			return i.down(fsm.ConnectionLost, fsm.CauseKeepaliveTimeout, 0)
		}
	case FactAnswered:
	}
	return nil
}

// redial is WhatsApp's wish for a new connection. It ends a pairing, and may
// overtake the confirmation of the scan; on a connection that has logged in it
// is a goodbye.
func (i *Instance) redial() error {
	i.try.redial = true
	switch {
	case i.try.paired:
		i.redialForLogin()
	case i.session != nil:
		return i.down(fsm.ConnectionLost, fsm.CauseServerError, 0)
	}
	return nil
}

// up is the end of the way up.
func (i *Instance) up() error {
	if err := i.fire(fsm.LoginAccepted, fsm.CauseProgress, nil); err != nil {
		return err
	}
	i.try.landed()
	i.try.deadline = time.Time{}
	i.try.checkAt = time.Now().Add(i.cfg.Timing.Check)
	if i.logout != nil {
		i.logOut()
	}
	return nil
}

// refused is a refusal that only a person, or time, can lift.
func (i *Instance) refused(f Fact) error {
	event := fsm.LoginFailed
	switch {
	case i.rec.State == fsm.Authenticated:
		event = fsm.ConnectionLost
	case i.session == nil:
		event = fsm.PairingFailed
	}
	conn := i.try.conn
	if err := i.down(event, f.Cause, f.RetryAfter); err != nil {
		return err
	}
	if f.Cause == fsm.CauseClientOutdated && i.rec.Cause == f.Cause {
		i.renew(conn)
	}
	return nil
}

func (i *Instance) loggedOut() error {
	if i.logout != nil {
		// Our own logout, confirmed from the other side first.
		return i.finishLogout(fsm.CauseOperator)
	}
	switch {
	case i.session == nil && i.rec.State == fsm.AwaitingScan:
		return i.down(fsm.PairingFailed, fsm.CausePairingFailed, 0)
	case i.session == nil: // refused before a code was on show
		return i.down(fsm.PairingFailed, fsm.CauseConnectRefused, 0)
	}
	if err := i.fire(fsm.LoggedOut, fsm.CauseLoggedOut, i.steadyUp); err != nil {
		return err
	}
	i.hangUp()
	return nil
}

// down takes the connection to 0 or 11 and says when it comes back. after is
// when retrying can help where the cause itself forbids a loop; 0: never.
func (i *Instance) down(event fsm.Event, cause fsm.Cause, after time.Duration) error {
	if i.logout != nil && cause != fsm.CauseStoreUnavailable {
		// Somebody wants the session gone, and the way to tell WhatsApp is.
		if i.logout.sent && i.try != nil && !i.try.closed {
			i.logout.doubt()
			return nil
		}
		return i.finishLogout(fsm.CauseLogoutUnconfirmed)
	}
	steady := i.rec.State == fsm.Authenticated && time.Since(i.rec.Since) >= i.cfg.Timing.Steady
	err := i.fire(event, cause, func(rec *record.Instance) {
		rec.Attempts++
		if steady {
			rec.Attempts = 0
		}
		if rec.State != fsm.AuthenticatedClosed {
			rec.Attempts = 0
			return
		}
		switch {
		case cause.Retries():
			rec.RetryAt = time.Now().Add(backoff(rec.Attempts, i.cfg.Timing)).UTC()
		case after > 0:
			rec.RetryAt = time.Now().Add(after).UTC()
		}
	})
	if err != nil {
		return err
	}
	i.hangUp()
	return nil
}

// dialBy fires an event that leads to state 1 and dials; see begin for granted.
// A command begins the count of failures anew: whoever gave it has done something
// about them.
func (i *Instance) dialBy(event fsm.Event, cause fsm.Cause, granted bool) error {
	edit := i.steadyUp
	if event == fsm.RetryDue {
		edit = nil
	}
	if err := i.fire(event, cause, edit); err != nil {
		return err
	}
	i.leaveQueue()
	i.begin(granted)
	return nil
}
