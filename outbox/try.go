package outbox

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/switchhook/switchhook/record"
)

// mode is what a try is for.
type mode uint8

const (
	sending  mode = iota // send what is next
	aging                // nothing may be sent: see whether what is next is too old
	skipping             // give up what is next
)

const (
	// readMost bounds how many events one try passes over, so that a long stretch
	// that is not carried leaves room for other lanes.
	readMost = 1024
	// expireMost bounds how many events one try finds too old.
	expireMost = 16 * readMost
	readChunk  = 64 // events read at once
	// batchBytes bounds a batch by the estimated length of its events.
	batchBytes = 4 << 20
)

// job is a try: what it needs to know, and what came of it. While it is under
// way it belongs to a goroutine of its own, which only hands the pointers back.
type job struct {
	scope
	lane *lane
	to   *target
	org  *origin
	gen  uint64
	mode mode

	ep       *record.Endpoint
	horizon  time.Duration
	stream   string
	replay   bool
	started  time.Time
	seen     time.Time // bulk: when the first event that waits was seen
	gathered time.Time // bulk: when a batch goes that is not full
	after    uint64    // the lane's cursor
	prev     uint64    // the last event meant for this endpoint
	head     uint64    // where the lane ended when the try began
	until    uint64    // of a replay, its end
	batchTo  uint64    // the batch to repeat ends here, 0: there is none
	firstAt  time.Time // of the first failed try since something was delivered
	starting bool      // the lane begins with the first event since the endpoint was made

	batch []*record.Event // what was sent
	full  bool            // no more goes into it, although it holds fewer than it may
	result
}

// result is what came of a try. The parts apply in the order they stand here.
type result struct {
	passed  uint64 // nothing that is meant for the endpoint comes up to here; 0: nothing was passed over
	lost    span   // pruned before the lane got there
	aged    span   // given up: too old, at last, or skipped
	more    bool   // what follows may be too old as well
	seq     uint64 // the last event that was sent; 0: nothing was
	verdict Verdict
	headAt  time.Time // when the next event was committed, if it was read
	enough  uint64    // bulk: too few so far, a batch is full with this event
	err     error     // the log could not be read
}

// span is a run of events, empty if to is 0.
type span struct{ from, to uint64 }

// keptWorkers is how many goroutines wait for another try: one that has made a
// request has the stack that the next needs.
const keptWorkers = 64

// makeTries makes a try, and then others as long as it is of use. It says that it is
// free before its result is known: whoever takes that may have the next one ready.
func (o *Outbox) makeTries(j *job) {
	for {
		o.try(j)
		stays := o.stay()
		o.results <- j
		if !stays {
			return
		}
		var more bool
		if j, more = <-o.jobs; !more {
			return
		}
	}
}

// stay counts the worker among those that are free, unless there are enough. It never
// counts one too many, not for a moment: a try could be given to it that another then
// has to make, when it is done with its own.
func (o *Outbox) stay() bool {
	for {
		n := o.free.Load()
		if n >= keptWorkers {
			return false
		}
		if o.free.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// try runs on a goroutine of its own. It reads on from the cursor to what is
// meant for the endpoint, and sends that.
func (o *Outbox) try(j *job) {
	defer func() {
		if p := recover(); p != nil {
			o.log.Error("a try panicked", "instance", j.stream, "endpoint", j.ep.ID, "seq", j.seq,
				"panic", panicText(p), "stack", string(debug.Stack()))
			j.fail(fmt.Errorf("the try panicked: %s", panicText(p)))
		}
		o.expire(j)
	}()
	if j.replay && j.prev == 0 && j.after > 0 && j.mode == sending {
		if j.prev, j.err = o.lookBack(j); j.err != nil {
			return
		}
	}
	o.collect(j)
	if len(j.batch) == 0 || j.short() {
		return
	}
	j.headAt = j.batch[0].At
	switch j.mode {
	case skipping:
		j.aged = j.span()
	case sending:
		j.seq = j.span().to
		j.verdict = o.cfg.Sender.Send(j.ctx, j.ep, j.prev, j.batch)
	case aging:
	}
}

// span is what the batch holds.
func (j *job) span() span { return span{j.batch[0].Seq, j.batch[len(j.batch)-1].Seq} }

// short reports whether a batch waits for more, and notes when it will be full.
func (j *job) short() bool {
	missing := j.most() - len(j.batch)
	if j.mode != sending || j.full || j.batchTo > 0 || missing <= 0 || !j.started.Before(j.gathered) || !j.firstAt.IsZero() {
		return false
	}
	j.enough = j.head + uint64(missing)
	return true
}

// most is how many events go into a request.
func (j *job) most() int {
	if j.mode == aging || j.ep.Bulk == nil || j.mode == skipping && j.batchTo == 0 {
		return 1
	}
	return max(1, j.ep.Bulk.Most)
}

// size estimates what an event takes in a request. It depends on the event alone,
// so that a batch that is collected again is the same.
func size(ev *record.Event) int {
	n := 512 + len(ev.Name) + len(ev.Data) // 512: names of fields, times, ids
	if m := ev.Message; m != nil {
		n += len(m.Text) + len(m.Name) + 64*len(m.Targets)
		if m.Media != nil {
			n += len(m.Media.FileName) + len(m.Media.Ref)
		}
	}
	return n
}

// collect reads the batch: what is meant for the endpoint, as much as goes into
// one request, or what the last request held.
func (o *Outbox) collect(j *job) {
	next, read, most, bytes := j.after+1, 0, j.most(), 0
	for ev, err := range o.read(j.stream, j.after, most, readMost) {
		if err != nil {
			if len(j.batch) == 0 { // else it is met again
				j.err = err
			}
			return
		}
		read++
		if j.replay && ev.Seq > j.until {
			j.gap(next, j.until+1)
			return
		}
		if j.starting {
			if ev.At.Before(j.ep.CreatedAt) {
				next, j.passed = ev.Seq+1, ev.Seq
				continue
			}
			j.starting, j.passed, next = false, ev.Seq-1, ev.Seq
		}
		if ev.Seq != next {
			j.gap(next, ev.Seq)
			return
		}
		next++
		switch {
		case o.cfg.Carries(j.ep, ev):
			if bytes += size(ev); bytes > batchBytes && len(j.batch) > 0 {
				j.full = true
				return
			}
			j.batch = append(j.batch, ev)
		case len(j.batch) == 0:
			j.passed = ev.Seq
		}
		if len(j.batch) >= most || j.batchTo > 0 && ev.Seq >= j.batchTo && len(j.batch) > 0 {
			return
		}
	}
	if read < readMost {
		o.ended(j, next)
	}
}

// ended looks at a log that has no event from next on.
func (o *Outbox) ended(j *job, next uint64) {
	switch {
	case len(j.batch) > 0:
	case j.starting: // there is no event since the endpoint was made
		j.starting = false
		j.passed = max(next-1, j.head)
	case next > j.head:
	case o.cfg.Log.Head(j.stream) < j.head:
		j.err = errors.New("the log is shorter than it was") // it is being erased or reopened
	default:
		j.gap(next, j.head+1) // the rest was pruned
	}
}

// gap notes that the events from next up to before seq are not in the log, or
// that a log which answers backwards cannot be followed.
func (j *job) gap(next, seq uint64) {
	switch {
	case len(j.batch) > 0: // the next try meets it again
	case seq < next:
		j.err = fmt.Errorf("the log answered event %d after %d", seq, next-1)
	case seq > next:
		j.lost = span{next, seq - 1}
	}
}

// fail ends the try of what it had come to, if anything.
func (j *job) fail(err error) {
	if j.seq == 0 {
		j.err, j.batch = err, nil
		return
	}
	j.verdict = Verdict{Outcome: Retry, Err: err}
}

// panicText says what went wrong without what a panic's value may hold: only
// the runtime's own errors are known to be free of secrets.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}
