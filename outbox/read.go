package outbox

import (
	"iter"
	"runtime/debug"

	"github.com/switchhook/switchhook/record"
)

// expire finds the run of events whose time is over, if what is next is one of
// them and was not delivered.
func (o *Outbox) expire(j *job) {
	defer func() {
		if p := recover(); p != nil {
			o.log.Error("a try panicked", "instance", j.stream, "endpoint", j.ep.ID,
				"panic", panicText(p), "stack", string(debug.Stack()))
		}
	}()
	if len(j.batch) == 0 || j.mode == skipping || j.enough > 0 ||
		j.mode == sending && (j.verdict.Outcome != Retry || j.firstAt.IsZero()) ||
		j.started.Before(deadline(j.headAt, j.firstAt, j.horizon)) {
		return
	}
	first := j.batch[0].Seq
	j.aged = span{first, first}
	if j.replay && j.mode == sending {
		return // all that it repeats is old: what follows has its try
	}
	next, left := first+1, expireMost
	for ev, err := range o.read(j.stream, first, readChunk, expireMost) {
		if err != nil || ev.Seq != next || j.replay && ev.Seq > j.until {
			return // the next try finds out
		}
		next++
		left--
		if !o.cfg.Carries(j.ep, ev) {
			continue
		}
		if j.started.Before(deadline(ev.At, j.firstAt, j.horizon)) {
			return
		}
		j.aged.to = ev.Seq
	}
	j.more = left == 0
}

// read answers the stream's events after a seq, at most so many: as many at
// first as will do most of the time, then more at a time.
func (o *Outbox) read(stream string, after uint64, begin, most int) iter.Seq2[*record.Event, error] {
	return func(yield func(*record.Event, error) bool) {
		for n, total := min(begin, readChunk), 0; total < most; n = min(4*n, readChunk) {
			events, err := o.cfg.Log.Events(stream, after, min(n, most-total))
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
