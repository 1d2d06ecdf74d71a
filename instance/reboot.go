package instance

import (
	"context"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// Reboot takes the connection of a saved session down and dials anew, and answers
// when that is under way: the status tells how it goes on. A pairing is ended, and
// begins anew when the next code is asked for; without either there is nothing to be
// done. It fails with a [*FencedError], [ErrLoggingOut], [ErrNotReady] or
// [ErrUnavailable].
func (i *Instance) Reboot(ctx context.Context) (record.Info, error) {
	r, err := i.ask(ctx, func(c *command) { i.answer(c, i.reboot()) })
	return r.info, err
}

func (i *Instance) reboot() error {
	switch {
	case i.logout != nil:
		return ErrLoggingOut
	case i.fenced() != nil:
		return i.fenced()
	case i.session == nil && !i.machine.Can(fsm.Closed):
		return nil
	case i.session == nil:
		if err := i.fire(fsm.Closed, fsm.CauseOperator, i.steadyUp); err != nil {
			return err
		}
		i.hangUp()
		return nil
	case i.machine.Can(fsm.ConnectionLost):
		// Not a close: whatever ends the daemon or the disk between these two commits,
		// a connection that was lost comes back by itself.
		if err := i.fire(fsm.ConnectionLost, fsm.CauseRestart, func(rec *record.Instance) {
			i.steadyUp(rec)
			i.retryNow(rec)
		}); err != nil {
			return err
		}
		i.hangUp()
	}
	return i.dialBy(fsm.RestoreRequested, fsm.CauseOperator, false)
}
