package instance

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// command is a request with its reply; at most one result is sent, and one
// always while somebody waits for it.
type command struct {
	ctx   context.Context // ended: nobody waits any more
	do    func(*command)
	reply chan result // buffered
}

type result struct {
	info    record.Info
	code    record.Code
	message record.Message
	file    record.File
	picture record.Picture
	contact record.Contact
	err     error
}

// ask is askFor, for Timing.Command.
func (i *Instance) ask(ctx context.Context, do func(*command)) (result, error) {
	return i.askFor(ctx, i.cfg.Timing.Command, do)
}

// askFor runs do on the loop and waits for its result, at most limit and no
// longer than ctx. A command whose time is up before it is begun is not begun
// any more; one that was goes on, and the status tells how.
func (i *Instance) askFor(ctx context.Context, limit time.Duration, do func(*command)) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := &command{ctx, do, make(chan result, 1)}
	select {
	case i.mailbox <- mail{cmd: c}:
	case <-ctx.Done():
		return result{info: i.Status().Info}, ErrNotReady
	case <-i.done:
		return result{info: i.Status().Info}, i.ended()
	}
	select {
	case r := <-c.reply:
		return r, r.err
	case <-ctx.Done():
		return result{info: i.Status().Info}, ErrNotReady
	case <-i.done:
		select {
		case r := <-c.reply:
			return r, r.err
		default:
			return result{info: i.Status().Info}, i.ended()
		}
	}
}

// ended says why a loop that has ended answers nothing.
func (i *Instance) ended() error {
	switch {
	case !i.Status().Record.DeletedAt.IsZero():
		return ErrDeleted
	case i.stopped.Load():
		return ErrStopping
	default:
		return ErrRestarting
	}
}

func (i *Instance) command(c *command) {
	if c.ctx.Err() == nil {
		c.do(c)
	}
}

func (i *Instance) info() record.Info { return i.describe(i.current(), i.session) }

// answer ends a command with the state as it is now.
func (i *Instance) answer(c *command, err error) { c.reply <- result{info: i.info(), err: err} }

// Close takes the connection down and keeps the session. Where nothing is
// connected there is nothing to be done.
func (i *Instance) Close(ctx context.Context) (record.Info, error) {
	r, err := i.ask(ctx, func(c *command) {
		if i.logout != nil { // it ends in 0 as well, and more
			i.wait(c, i.untilLoggedOut)
			return
		}
		if i.machine.Can(fsm.Closed) {
			if err := i.fire(fsm.Closed, fsm.CauseOperator, i.steadyUp); err != nil {
				i.answer(c, err)
				return
			}
			i.hangUp()
		}
		i.answer(c, nil)
	})
	return r.info, err
}

// Restore connects the saved session and waits until it is usable. It fails
// with [ErrNothingToRestore], [ErrLoggingOut], a [*FailedError], [ErrNotReady]
// or [ErrUnavailable]. Connected already, it answers at once.
func (i *Instance) Restore(ctx context.Context) (record.Info, error) {
	r, err := i.ask(ctx, func(c *command) {
		switch {
		case i.logout != nil:
			i.answer(c, ErrLoggingOut)
			return
		case i.fenced() != nil:
			i.answer(c, i.fenced())
			return
		case i.session == nil:
			i.answer(c, ErrNothingToRestore)
			return
		case i.machine.Can(fsm.RestoreRequested):
			if err := i.dialBy(fsm.RestoreRequested, fsm.CauseOperator, false); err != nil {
				i.answer(c, err)
				return
			}
		}
		i.wait(c, i.untilUp)
	})
	return r.info, err
}

// Save writes the session snapshot anew. It fails with [ErrNothingToRestore]
// without a session, or [ErrUnavailable].
func (i *Instance) Save(ctx context.Context) error {
	_, err := i.ask(ctx, func(c *command) {
		if i.session == nil {
			i.answer(c, ErrNothingToRestore)
			return
		}
		s := *i.session
		s.SavedAt = time.Now().UTC()
		i.answer(c, i.store(i.current(), &s))
	})
	return err
}

// Configure changes the configuration: all of the patch, or nothing and an
// [*InvalidError]. Setting the webhook, if only to the address it has, starts
// its deliveries anew: it is how an operator says that the receiver is well
// again.
func (i *Instance) Configure(ctx context.Context, p Patch) (record.Info, error) {
	return i.Reconfigure(ctx, p, nil)
}

// Reconfigure is [Instance.Configure]; aside, if it is not nil, is handed to the
// journal with the change.
func (i *Instance) Reconfigure(ctx context.Context, p Patch, aside any) (record.Info, error) {
	if p.Webhook != nil && *p.Webhook != "" && i.cfg.CheckWebhook != nil {
		if err := i.cfg.CheckWebhook(*p.Webhook); err != nil {
			return i.Status().Info, &InvalidError{"webhook", err.Error()}
		}
	}
	r, err := i.ask(ctx, func(c *command) {
		rec := i.current()
		var err error
		if rec.Config, err = p.Apply(rec.Config); err == nil && (rec.Config != i.rec.Config || p.Webhook != nil || aside != nil) {
			if err = i.commit(Change{Instance: rec, Webhook: p.Webhook != nil, Aside: aside}); err == nil {
				i.stored(rec)
				i.publish()
			}
		}
		i.answer(c, err)
	})
	return r.info, err
}

// Between runs fn on the loop, where no change of this instance is being
// committed, and answers its error. fn must be quick.
func (i *Instance) Between(ctx context.Context, fn func() error) error {
	_, err := i.ask(ctx, func(c *command) { i.answer(c, fn()) })
	return err
}

// Delete drops what session is left, marks the instance deleted, appends its
// last event and ends its loop. The caller has disconnected it before, if
// WhatsApp is to be told.
func (i *Instance) Delete(ctx context.Context) error {
	_, err := i.ask(ctx, func(c *command) {
		cause := fsm.CauseOperator
		if i.session != nil && i.rec.ExportedAt.IsZero() { // an exported one lives on elsewhere
			cause = fsm.CauseLogoutUnconfirmed
		}
		if err := i.finishLogout(cause); err != nil {
			i.answer(c, err)
			return
		}
		rec := i.rec
		now := time.Now().UTC()
		rec.DeletedAt, rec.RetryAt = now, time.Time{}
		info := i.describe(rec, nil)
		last := record.Event{Stream: i.id, Kind: record.InstanceDeleted, At: now, Name: rec.Name, Info: &info}
		err := i.commit(Change{Instance: rec, Drop: true, Events: []record.Event{last}})
		if err == nil {
			i.rec, i.session, i.deleted = rec, nil, true
			i.publish()
		}
		i.answer(c, err)
	})
	return err
}
