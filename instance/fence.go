package instance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// ErrFenced is what [FencedError] is.
var ErrFenced = errors.New("the instance was exported and must not run here")

// FencedError is the answer to a command that would connect an instance which
// may be running elsewhere: two clients with one session's keys break both. It
// is an [ErrFenced].
type FencedError struct{ At time.Time }

func (e *FencedError) Error() string {
	return fmt.Sprintf("exported on %s: to take it back, export it where it runs and import that file here; "+
		"if the file was imported nowhere, unfence the instance; if it is lost, export it again; or delete the instance",
		e.At.UTC().Format("2006-01-02 15:04 UTC"))
}

// Is makes the error an [ErrFenced].
func (e *FencedError) Is(target error) bool { return target == ErrFenced }

// errFencing is why a command is refused while the connection is being closed
// for an export.
var errFencing = fmt.Errorf("%w: an export is under way", ErrNotReady)

// fenced answers why the instance must not connect, nil if it may.
func (i *Instance) fenced() error {
	switch {
	case !i.rec.ExportedAt.IsZero():
		return &FencedError{i.rec.ExportedAt}
	case i.fencing != nil && i.fencing.Err() == nil:
		return errFencing
	}
	return nil
}

// Fence closes the connection for an export, waits until nothing of it is left
// that could write the session's keys, and stores that the instance must not
// connect any more. It answers the record and the session as they then are: they
// do not change until the fence is lifted. Fencing twice keeps the first fence.
// It fails with [ErrNothingToRestore] without a session, [ErrLoggingOut],
// [ErrNotReady] when the connection did not close in time, [ErrUnavailable] or
// [ErrDeleted]; then there is no fence, but the connection may be closed. Only a
// disk that takes longer than the command may leave one behind an [ErrNotReady].
func (i *Instance) Fence(ctx context.Context, export string) (rec record.Instance, s *record.Session, err error) {
	ctx, cancel := context.WithTimeout(ctx, i.cfg.Timing.Command)
	defer cancel() // and with it what beginFence has begun, however this ends
	closing, err := i.beginFence(ctx)
	if err != nil {
		return rec, nil, err
	}
	for _, gone := range closing {
		select {
		case <-gone:
		case <-ctx.Done():
			return rec, nil, ErrNotReady
		case <-i.done:
			return rec, nil, i.ended()
		}
	}
	var out fence
	_, err = i.ask(ctx, func(c *command) {
		if i.fencing != ctx { // another one has begun since: this one was over
			i.answer(c, ErrNotReady)
			return
		}
		i.fencing = nil
		err := i.raise(export)
		out = fence{i.rec, i.session}
		i.answer(c, err)
	})
	if err != nil {
		return record.Instance{}, nil, err // out may still be written
	}
	return out.rec, out.session, nil
}

type fence struct {
	rec     record.Instance
	session *record.Session
}

// beginFence closes the connection and refuses commands that would open another.
// It answers what is closed when the connections that there were have ended. All
// of it ends with ctx.
func (i *Instance) beginFence(ctx context.Context) (closing []<-chan struct{}, err error) {
	var open []<-chan struct{}
	_, err = i.ask(ctx, func(c *command) {
		switch {
		case i.fencing != nil && i.fencing.Err() == nil:
			i.answer(c, errFencing)
			return
		case i.logout != nil:
			i.answer(c, ErrLoggingOut)
			return
		case i.session == nil:
			i.answer(c, ErrNothingToRestore)
			return
		}
		if i.machine.Can(fsm.Closed) {
			if err := i.fire(fsm.Closed, fsm.CauseOperator, i.steadyUp); err != nil {
				i.answer(c, err)
				return
			}
		}
		i.hangUp()
		i.fencing = ctx
		open = slices.Clone(i.open)
		i.answer(c, nil)
	})
	if err != nil {
		return nil, err // open may still be written
	}
	return open, nil
}

// raise stores the fence.
func (i *Instance) raise(export string) error {
	if !i.rec.ExportedAt.IsZero() {
		return nil
	}
	rec := i.rec
	rec.ExportID, rec.ExportedAt, rec.RetryAt = export, time.Now().UTC(), time.Time{}
	return i.store(rec, nil, record.Event{
		Stream: record.DaemonStream, Kind: record.InstanceExported, At: rec.ExportedAt, Name: rec.Name,
		Data: fmt.Appendf(nil, `{"instance":%q,"export":%q}`, rec.ID, export),
	})
}

// Unfence lets the instance connect here again, in the state it has; nobody
// dials by himself. commit stores what belongs to it: it gets the record without
// the fence and answers record and session as they are from now on; its error
// leaves the fence. It runs on the loop and must be quick. Without a fence it fails with an
// [*InvalidError].
func (i *Instance) Unfence(ctx context.Context, commit func(rec record.Instance) (record.Instance, *record.Session, error)) (record.Info, error) {
	r, err := i.ask(ctx, func(c *command) {
		if i.rec.ExportedAt.IsZero() {
			i.answer(c, errNotFenced)
			return
		}
		rec := i.rec
		rec.ExportID, rec.ExportedAt = "", time.Time{}
		rec, s, err := commit(rec)
		if err == nil {
			i.rec, i.session = rec, s
			i.publish()
		}
		i.answer(c, err)
	})
	return r.info, err
}

// errNotFenced is the answer where there is no fence to lift.
var errNotFenced = &InvalidError{Field: "instance", Problem: "is not exported, there is nothing to lift"}
