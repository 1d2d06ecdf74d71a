package instance

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// backoff is how long to wait before dialling again after failures in a row:
// exponential with full jitter, so that connections that went down together do
// not come back together.
func backoff(failures int, t Timing) time.Duration {
	limit := t.RetryMin
	for n := 0; n < failures && limit < t.RetryMax; n++ {
		limit *= 2
	}
	limit = max(1, min(limit, t.RetryMax))
	return min(t.RetryMax, t.RetryMin/2+rand.N(limit)) //nolint:gosec // jitter is no secret
}

// never is a deadline's distance when there is none.
const never = time.Duration(1<<63 - 1)

// untilDeadline is how long the loop may wait before something is due.
func (i *Instance) untilDeadline(now time.Time) time.Duration {
	d := never
	note := func(at time.Time) {
		if !at.IsZero() {
			d = min(d, max(0, at.Sub(now)))
		}
	}
	if i.try != nil {
		note(i.try.deadline)
		if i.rec.State == fsm.Authenticated {
			note(i.try.checkAt)
		}
		if i.rec.State == fsm.AwaitingScan {
			if i.try.typed != nil {
				note(i.try.typed.ExpiresAt)
			}
			if i.try.code != nil {
				note(i.try.code.ExpiresAt)
			}
			note(i.asked.Add(i.cfg.Timing.CodeIdle))
		}
	}
	if i.logout != nil {
		note(i.logout.deadline)
	}
	if i.comesBack() {
		note(i.rec.RetryAt)
	}
	return d
}

// comesBack reports whether a reconnect is scheduled and not yet queueing.
func (i *Instance) comesBack() bool {
	return i.rec.State == fsm.AuthenticatedClosed && i.turn == nil && i.machine.Can(fsm.RetryDue)
}

// expire does what has become due. The commits it makes are facts: they are
// retried until they are on disk.
func (i *Instance) expire(ctx context.Context, now time.Time) {
	due := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	switch {
	case i.logout != nil && due(i.logout.deadline):
		i.must(ctx, func() error { return i.finishLogout(fsm.CauseLogoutUnconfirmed) })
	case i.try != nil && due(i.try.deadline):
		i.must(ctx, i.phaseExpired)
	case i.try != nil && i.rec.State == fsm.AwaitingScan && due(i.asked.Add(i.cfg.Timing.CodeIdle)):
		i.must(ctx, func() error { return i.down(fsm.CodesUnasked, fsm.CauseQRTimeout, 0) })
	case i.try != nil && i.rec.State == fsm.AwaitingScan && i.try.code != nil && due(i.try.code.ExpiresAt):
		i.must(ctx, i.nextCode)
	case i.try != nil && i.rec.State == fsm.AwaitingScan && i.try.typed != nil && due(i.try.typed.ExpiresAt):
		i.must(ctx, i.phoneCodeExpired)
	case i.try != nil && i.rec.State == fsm.Authenticated && due(i.try.checkAt):
		i.must(ctx, func() error { return i.look(now) })
	case i.comesBack() && due(i.rec.RetryAt):
		i.queueUp()
	}
}

// phaseExpired is a connection that stands still on its way up.
func (i *Instance) phaseExpired() error {
	i.try.deadline = time.Time{}
	switch {
	case i.rec.State == fsm.Starting && i.try.paired:
		// The scan is stored; WhatsApp's wish to redial did not arrive.
		i.redialForLogin()
		return nil
	case i.session != nil:
		return i.down(fsm.LoginFailed, fsm.CauseLoginTimeout, 0)
	default:
		return i.down(fsm.PairingFailed, fsm.CauseLoginTimeout, 0)
	}
}
