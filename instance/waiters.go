package instance

import "github.com/switchhook/switchhook/fsm"

// waiter is a command whose outcome has not come yet. done looks at the state
// and answers whether it has.
type waiter struct {
	*command
	done func() (result, bool)
}

// wait keeps a command until done says that its outcome is there.
func (i *Instance) wait(c *command, done func() (result, bool)) {
	i.waiters = append(i.waiters, &waiter{c, done})
}

// settle answers the commands whose outcome is there, and forgets those whose
// caller has gone. The loop calls it after everything it does.
func (i *Instance) settle() {
	kept := i.waiters[:0]
	for _, w := range i.waiters {
		if w.ctx.Err() != nil {
			continue
		}
		if r, ok := w.done(); ok {
			r.info = i.info()
			w.reply <- r
			continue
		}
		kept = append(kept, w)
	}
	clear(i.waiters[len(kept):])
	i.waiters = kept
}

func (i *Instance) untilUp() (result, bool) {
	switch i.rec.State {
	case fsm.Authenticated:
		return result{}, true
	case fsm.Connecting, fsm.SocketOpen, fsm.AwaitingScan, fsm.Starting:
		return result{}, false
	default:
		return result{err: i.failed()}, true
	}
}

func (i *Instance) failed() error {
	return &FailedError{State: i.rec.State, Cause: i.rec.Cause, RetryAt: i.rec.RetryAt}
}
