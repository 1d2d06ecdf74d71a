package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// fire moves the instance by event: the table agrees, the change is committed,
// then memory moves. edit may adjust the record that is committed; events of
// further may ride along. On an error nothing has moved.
func (i *Instance) fire(event fsm.Event, cause fsm.Cause, edit func(*record.Instance), further ...func(record.Instance, *record.Session) record.Event) error {
	return i.fireWith(event, cause, nil, edit, further...)
}

// fireWith is fire for the transition that makes a session.
func (i *Instance) fireWith(event fsm.Event, cause fsm.Cause, made *record.Session, edit func(*record.Instance), further ...func(record.Instance, *record.Session) record.Event) error {
	var (
		rec     record.Instance
		session *record.Session
		t       fsm.Transition
	)
	err := i.machine.Fire(event, func(row fsm.Row) error {
		now := time.Now().UTC()
		rec, session = i.current(), i.session
		before := record.Before{Cause: rec.Cause, CanRestore: session != nil && rec.ExportedAt.IsZero()}
		rec.State, rec.Cause, rec.Since, rec.RetryAt = row.To, cause, now, time.Time{}
		change := Change{}
		switch {
		case row.Makes:
			session, change.Session = made, made
		case row.Drops:
			session, change.Drop = nil, true
			rec.Stats.Contacts, rec.Stats.Chats = 0, 0
		}
		if edit != nil {
			edit(&rec)
		}
		t = fsm.Transition{From: row.From, To: row.To, Event: event, Cause: cause, Hint: cause.Hint(), At: now}
		info := i.describe(rec, session)
		change.Instance = rec
		change.Events = append(change.Events, record.Event{
			Stream: i.id, Kind: record.ConnectionChanged, At: now, Name: rec.Name, Transition: &t, Before: &before, Info: &info,
		})
		for _, more := range further {
			change.Events = append(change.Events, more(rec, session))
		}
		return i.commit(change)
	})
	if err != nil {
		return err
	}
	i.stored(rec)
	i.session = session
	i.log.Info("connection changed", "from", int(t.From), "to", int(t.To), "event", string(event), "cause", string(cause))
	i.publish()
	return nil
}

// describe is the connection information of this moment.
func (i *Instance) describe(rec record.Instance, session *record.Session) record.Info {
	info := record.Describe(rec, session)
	if i.cfg.Files != nil {
		info.Storage = i.cfg.Files.Usage()
	}
	return info
}

// commit is the one way to the journal.
func (i *Instance) commit(c Change) error {
	if c.Drop && i.picture != nil {
		c.Picture = new(record.Picture) // it was that account's
	}
	err := i.cfg.Journal.Commit(i.ctx, c)
	if err == nil && c.Picture != nil {
		i.pictured(c.Picture)
	}
	if err == nil && i.degraded != nil {
		i.degraded = nil
		i.log.Info("commits work again")
	}
	return err
}

// store commits a change of the record that is no transition.
func (i *Instance) store(rec record.Instance, session *record.Session, events ...record.Event) error {
	c := Change{Instance: rec, Events: events}
	if session != nil && session != i.session {
		c.Session = session
	}
	if err := i.commit(c); err != nil {
		return err
	}
	i.stored(rec)
	if session != nil {
		i.session = session
	}
	i.publish()
	return nil
}

// must does what a fact demands and does not return before it is committed: a
// fact cannot be refused. While the store is unavailable the connection is
// closed and commands are refused. An event that is illegal now is a fact that
// came too late; it is logged and dropped. Any other error ends the loop: the
// record would no longer be true, and whoever supervises the instance starts it
// again from what the store holds.
func (i *Instance) must(ctx context.Context, do func() error) {
	for {
		err := do()
		var illegal *fsm.IllegalError
		switch {
		case err == nil:
			return
		case errors.As(err, &illegal):
			i.log.Debug("fact came too late", "err", err)
			return
		case !errors.Is(err, ErrUnavailable):
			i.broken = fmt.Errorf("record a fact of %s: %w", i.id, err)
			return
		}
		i.degrade(err)
		if !i.pause(ctx, i.cfg.Timing.StoreRetry) {
			return
		}
	}
}

// degrade closes the connection: what it brings could not be kept.
func (i *Instance) degrade(err error) {
	if i.degraded != nil {
		return
	}
	i.degraded = err
	i.log.Error("nothing can be committed; the connection is closed until it can", "err", err)
	i.publish()
	i.lose(fsm.CauseStoreUnavailable, err)
}

// pause waits, refusing commands and keeping facts for later. It answers false
// when the instance is to stop.
func (i *Instance) pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
			return true
		case m := <-i.mailbox:
			switch {
			case m.cmd != nil:
				m.cmd.reply <- result{info: i.info(), err: ErrUnavailable}
			case m.request != nil:
				if m.request.take() {
					m.request.reply <- ErrUnavailable
				}
			default:
				i.backlog = append(i.backlog, m)
			}
		}
	}
}
