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
// becomes a dead letter, which is on disk when Skip answers. replay names the
// replay whose lane is meant, empty for that of the live events. A try under way
// is cut short. The error is [ErrNothingPending], the log's, ctx's, or says that
// Run does not run. When ctx ends early the event is skipped nonetheless.
func (o *Outbox) Skip(ctx context.Context, endpoint, stream, replay string) (record.DeadLetter, error) {
	answer := make(chan skipped, 1)
	s, err := await(ctx, o, func() { o.skip(endpoint, stream, replay, answer) }, answer)
	if err != nil {
		return record.DeadLetter{}, fmt.Errorf("skip an event: %w", err)
	}
	return s.dead, s.err
}

// await runs f on Run's goroutine and waits for the answer, which may follow
// much later. The error is ctx's, or says that Run does not run.
func await[T any](ctx context.Context, o *Outbox, f func(), answer <-chan T) (got T, err error) {
	if !o.ask(f) {
		return got, errStopped
	}
	select {
	case got = <-answer:
		return got, nil
	case <-ctx.Done():
		return got, ctx.Err()
	case <-o.stopped:
	}
	select {
	case got = <-answer:
		return got, nil
	default:
		return got, errStopped
	}
}

func (o *Outbox) skip(endpoint, stream, replay string, answer chan<- skipped) {
	var l *lane
	if t := o.targets[endpoint]; t != nil {
		l = o.find(t, o.streams[stream], replay)
	}
	if l == nil || l.pending() == 0 || len(l.stops) > 0 {
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
