package instance

import (
	"context"

	"github.com/switchhook/switchhook/fsm"
)

// turn is a reconnect's place in the queue for the budget of dials. The state
// stays 11 until the turn comes: nothing is being dialled yet.
type turn struct{ cancel context.CancelFunc }

// queueUp asks for the reconnect's turn to dial.
func (i *Instance) queueUp() {
	ctx, cancel := context.WithCancel(i.ctx)
	t := &turn{cancel}
	i.turn = t
	i.child(func() {
		defer cancel()
		if i.cfg.Dials.Acquire(ctx, false) == nil {
			i.post(mail{turn: t})
		}
	})
}

// leaveQueue gives the place up, if there is one. A turn that has come and not
// been handled yet is nobody's then.
func (i *Instance) leaveQueue() {
	if i.turn != nil {
		i.turn.cancel()
		i.turn = nil
	}
}

// turnCame begins the reconnect whose turn has come.
func (i *Instance) turnCame(ctx context.Context, t *turn) {
	if t == i.turn {
		i.must(ctx, func() error { return i.dialBy(fsm.RetryDue, fsm.CauseRetry, true) })
	}
}
