package outbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/switchhook/switchhook/record"
)

// job is what a try needs to know: copies, and two pointers that it only hands
// back.
type job struct {
	lane *lane
	recv *receiver
	gen  uint64

	ep      record.Endpoint
	started time.Time
	after   uint64    // the lane's cursor
	prev    uint64    // the last event meant for this endpoint
	head    uint64    // of the stream when the try began
	firstAt time.Time // of the first try of the next event, zero if it had none
}

// result is what came of a job. The parts apply in the order they stand here.
type result struct {
	job
	passed  uint64  // the format carries nothing up to here; 0: nothing was passed over
	lost    span    // pruned before the lane got there
	aged    span    // older than the horizon, at a disabled endpoint
	seq     uint64  // the event that was tried; 0: none was
	verdict Verdict // on it
	until   time.Time
	err     error // the log could not be read
}

// span is a run of events, empty if to is 0.
type span struct{ from, to uint64 }

// readMost bounds how many events one try passes over, so that a long stretch
// the format does not carry leaves room for other lanes.
const readMost = 1024

// try runs on a goroutine of its own. It reads on from the cursor to the first
// event that the format carries, and sends that.
func (o *Outbox) try(ctx context.Context, j job) (r result) {
	r = result{job: j}
	defer func() {
		if p := recover(); p != nil {
			o.log.Error("a try panicked", "instance", j.ep.Stream, "endpoint", j.ep.ID, "seq", r.seq,
				"panic", panicText(p), "stack", string(debug.Stack()))
			r.fail(fmt.Errorf("the try panicked: %s", panicText(p)))
		}
	}()
	next := j.after + 1
	for ev, err := range o.read(j.ep.Stream, j.after) {
		if err != nil {
			r.err = err
			return r
		}
		if ev.Seq != next {
			r.gap(next, ev.Seq)
			return r
		}
		next++
		r.seq = ev.Seq
		carried := o.cfg.Carries(&j.ep, ev)
		if carried && j.ep.Disabled == "" {
			r.verdict = o.cfg.Sender.Send(ctx, &j.ep, j.prev, []*record.Event{ev})
			return r
		}
		r.seq = 0
		if !carried {
			if r.aged.to == 0 {
				r.passed = ev.Seq
			}
			continue
		}
		if until := r.heldUntil(ev, o.cfg.Horizon); j.started.Before(until) {
			r.until = until
			return r
		}
		if r.aged.from == 0 {
			r.aged.from = ev.Seq
		}
		r.aged.to = ev.Seq
	}
	if next <= j.head && next-j.after <= readMost {
		// The log ended early: the rest was pruned, unless it is being erased or
		// reopened, which its head shows.
		if o.cfg.Log.Head(j.ep.Stream) < j.head {
			r.err = errors.New("the log is shorter than it was")
			return r
		}
		r.gap(next, j.head+1)
	}
	return r
}

// gap notes that the events from next up to before seq are not in the log, or
// that a log which answers backwards cannot be followed.
func (r *result) gap(next, seq uint64) {
	switch {
	case seq < next:
		r.err = fmt.Errorf("the log answered event %d after %d", seq, next-1)
	case r.aged.to == 0: // else the next try meets the gap again
		r.lost = span{next, seq - 1}
	}
}

// fail ends the try of the event it had come to, if any.
func (r *result) fail(err error) {
	if r.seq == 0 {
		r.err = err
		return
	}
	r.verdict = Verdict{Outcome: Retry, Err: err}
}

// heldUntil is when an event that is not tried becomes a dead letter.
func (r *result) heldUntil(ev *record.Event, horizon time.Duration) time.Time {
	from := ev.At
	if r.aged.to == 0 && r.firstAt.After(from) {
		from = r.firstAt
	}
	return from.Add(horizon)
}

// read answers the stream's events after a seq, at most readMost: one at first,
// because the first is nearly always the one to send, then more at a time.
func (o *Outbox) read(stream string, after uint64) iter.Seq2[*record.Event, error] {
	return func(yield func(*record.Event, error) bool) {
		for n, total := 1, 0; total < readMost; n = min(4*n, 64) {
			events, err := o.cfg.Log.Events(stream, after, min(n, readMost-total))
			if err != nil {
				yield(nil, err)
				return
			}
			if len(events) == 0 {
				return
			}
			for i := range events {
				if !yield(&events[i], nil) {
					return
				}
			}
			total += len(events)
			after = events[len(events)-1].Seq
		}
	}
}

// panicText says what went wrong without what a panic's value may hold: only
// the runtime's own errors are known to be free of secrets.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}
