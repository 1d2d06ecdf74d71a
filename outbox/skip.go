package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchhook/switchhook/record"
)

// ErrNothingPending is the error of [Outbox.Skip] when a lane has nothing to
// skip, or is not there.
var ErrNothingPending = errors.New("nothing is pending")

var errStopped = errors.New("the outbox does not run")

// skipped is the answer to a Skip.
type skipped struct {
	dead record.DeadLetter
	err  error
}

// Skip gives up the event that a lane is stuck with, or the batch of events: it
// becomes a dead letter, which is on disk when Skip answers. A try under way is
// cut short. The error is [ErrNothingPending], the log's, ctx's, or says that
// Run does not run. When ctx ends early the event is skipped nonetheless.
func (o *Outbox) Skip(ctx context.Context, endpoint, stream string) (record.DeadLetter, error) {
	answer := make(chan skipped, 1)
	if !o.ask(func() { o.skip(endpoint, stream, answer) }) {
		return record.DeadLetter{}, fmt.Errorf("skip an event: %w", errStopped)
	}
	select {
	case s := <-answer:
		return s.dead, s.err
	case <-ctx.Done():
		return record.DeadLetter{}, fmt.Errorf("skip an event: %w", ctx.Err())
	case <-o.stopped:
	}
	select {
	case s := <-answer:
		return s.dead, s.err
	default:
		return record.DeadLetter{}, fmt.Errorf("skip an event: %w", errStopped)
	}
}

func (o *Outbox) skip(endpoint, stream string, answer chan<- skipped) {
	var l *lane
	if t := o.targets[endpoint]; t != nil {
		l = o.find(t, o.streams[stream], "")
	}
	if l == nil || l.pending() == 0 {
		answer <- skipped{err: ErrNothingPending}
		return
	}
	l.skips = append(l.skips, answer)
	l.cutShort()
	o.place(l)
}

// refuseSkips tells everybody who waits that nothing was skipped.
func (l *lane) refuseSkips(err error) {
	for _, answer := range l.skips {
		answer <- skipped{err: err}
	}
	l.skips = nil
}
