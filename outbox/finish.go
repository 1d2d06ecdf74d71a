package outbox

import (
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/record"
)

const (
	readRetry = time.Second // between reads of a log that cannot be read
	maxError  = 500         // bytes kept of an error's text
	maxAnswer = 1 << 10     // bytes kept of an answer
	keptTries = 5           // of a lane
)

// finish applies what came of a try.
func (o *Outbox) finish(j *job) {
	l, t := j.lane, j.to
	t.inFlight--
	j.org.inFlight--
	o.inFlight--
	o.idle = false
	o.forget(j.org)
	l.cancel = nil
	o.leave(j.scope)
	probe := t.brk.probing == l
	if probe {
		t.brk.probing = nil
	}
	if !l.gone {
		// The endpoint changed meanwhile, or the try was cut short by a stop: only an
		// acknowledgement counts.
		if stale := j.gen != l.gen || o.work.Err() != nil; !stale || j.seq > 0 && j.verdict.Outcome == Delivered {
			o.apply(l, j, probe, stale)
		} else if l.seen.IsZero() {
			l.seen = j.seen
		}
		o.place(l)
	}
	if probe && t.brk.open && t.brk.probing == nil && t.brk.alarm.slot == 0 {
		o.probe(t) // it found out nothing: the next lane's turn
	}
}

func (o *Outbox) apply(l *lane, j *job, probe, stale bool) {
	l.due, l.notSoon, l.trouble = time.Time{}, time.Time{}, ""
	if j.passed > 0 && !stale {
		o.pass(l, j)
	}
	if l.starting && !j.starting {
		l.starting = false
		o.markDirty(l)
	}
	if j.lost.to > 0 {
		o.lose(l, j.lost)
	}
	l.headAt, l.enough = j.headAt, j.enough
	switch {
	case j.err != nil:
		o.unreadable(l, j.err)
	case j.mode != sending:
		if j.aged.to > 0 {
			o.giveUp(l, j.aged, o.why(l, j))
		}
	case j.seq == 0:
	case j.verdict.Outcome == Delivered:
		o.acknowledge(l, j.seq)
		if !stale {
			o.succeeded(l.to)
		}
	case j.verdict.Outcome == Disable:
		o.disable(l, j, probe)
	default:
		o.retryLater(l, j, probe)
	}
	if !j.seen.IsZero() && l.rec.Acked < j.head { // more of what was seen then
		l.seen = j.seen
	}
}

// advance moves the cursor to seq. The next event has had no try; the schedule
// stands where it stood.
func (o *Outbox) advance(l *lane, seq uint64) {
	l.rec.Acked = seq
	l.rec.Attempts, l.rec.BatchTo = 0, 0
	l.rec.NextAt = time.Time{}
	l.headAt, l.enough = time.Time{}, 0
	o.markDirty(l)
}

// pass moves the cursor over what is not meant for the endpoint. A lane that
// looks for its beginning is not written before it has found it.
func (o *Outbox) pass(l *lane, j *job) {
	if l.starting {
		l.rec.Acked = j.passed
		return
	}
	o.advance(l, j.passed)
}

func (o *Outbox) acknowledge(l *lane, seq uint64) {
	if l.logged != "" {
		o.log.LogAttrs(o.work, slog.LevelInfo, "postback delivered again", l.attrs(seq,
			slog.Int("attempt", l.rec.Attempts+1))...)
		l.logged = ""
	}
	o.advance(l, seq)
	l.forgetTries()
	l.rec.Prev = seq
	l.unsaved++
	l.refuseSkips(ErrNothingPending) // it was not stuck after all
}

// retryLater counts a failed try and sets the next, or gives up what is too old.
func (o *Outbox) retryLater(l *lane, j *job, probe bool) {
	o.countTry(l, j)
	next := o.now.Add(l.to.wait(l.rec.Step, j.verdict))
	if j.aged.to > 0 {
		l.logged = l.rec.LastError // so that the next delivery is told, and this not again
		// What follows has its try at once: it may have been this event that the
		// receiver does not take. But not if this one had its own in that way.
		waits := l.rec.Attempts < min(2, l.rec.Step) || j.verdict.RetryAfter > 0
		o.giveUp(l, j.aged, reasonUndelivered+l.rec.LastError)
		if waits && !j.more {
			l.due, l.rec.NextAt = next, next.Round(0)
		}
		o.failed(l, j.verdict, probe)
		return
	}
	// The last try comes when the time of what is next is over. Where something was
	// given up before, it keeps to the schedule: else there would be one for each
	// event that waits.
	if end := deadline(l.headAt, l.rec.FirstAt, l.to.horizon); next.After(end) && l.rec.Attempts == l.rec.Step {
		next = end
	}
	l.due = next
	l.rec.NextAt = next.Round(0)
	if l.logged != l.rec.LastError {
		l.logged = l.rec.LastError
		o.log.LogAttrs(o.work, slog.LevelWarn, "postback failed", l.attrs(j.seq,
			slog.Int("attempt", l.rec.Attempts), slog.Int("status", j.verdict.Status),
			slog.String("err", l.rec.LastError), slog.Duration("duration", j.verdict.Duration),
			slog.Time("next", l.rec.NextAt))...)
	}
	o.failed(l, j.verdict, probe)
}

// disable stops the endpoint because its receiver asked for it. What is pending
// stays so, until its horizon or until the endpoint is enabled again.
func (o *Outbox) disable(l *lane, j *job, probe bool) {
	o.countTry(l, j)
	t := l.to
	o.failed(l, j.verdict, probe)
	if t.paused() {
		return // an operator was faster, or another lane
	}
	ep := *t.ep
	ep.Disabled = l.rec.LastError
	t.ep = &ep
	o.closeBreaker(t)
	l.logged = l.rec.LastError
	o.log.LogAttrs(o.work, slog.LevelError, "endpoint disabled by its receiver", l.attrs(j.seq,
		slog.Int("status", j.verdict.Status))...)
	sent, reason := *j.ep, ep.Disabled
	o.group.Go(func() { o.cfg.OnDisable(sent, reason) })
	for _, other := range t.lanes {
		o.place(other)
	}
}

// countTry notes a try that did not deliver.
func (o *Outbox) countTry(l *lane, j *job) {
	if l.rec.FirstAt.IsZero() {
		l.rec.FirstAt = j.started.Round(0)
	}
	l.rec.Step = max(l.rec.Step, l.rec.Attempts) + 1
	l.rec.Attempts++
	l.rec.NextAt = time.Time{}
	l.rec.LastError = errorText(j.verdict)
	if j.ep.Bulk != nil {
		l.rec.BatchTo = j.seq
	}
	t := l.to
	try := record.Try{
		At: j.started.Round(0), Seq: j.seq, Status: j.verdict.Status, Error: l.rec.LastError,
		Took: j.verdict.Duration, Answer: cut(j.verdict.Excerpt, maxAnswer),
	}
	if n := len(t.failures); n > 0 { // equal texts are kept once
		last := &t.failures[n-1]
		if last.Error == try.Error {
			try.Error, l.rec.LastError = last.Error, last.Error
		}
		if last.Answer == try.Answer {
			try.Answer = last.Answer
		}
	}
	t.failures = keep(t.failures, try, keptFailures)
	l.rec.Tries = keep(l.rec.Tries, try, keptTries)
	o.markDirty(l)
}

// keep answers the last few tries with one more, in a slice of their own: a save
// under way may be reading the old one.
func keep(tries []record.Try, one record.Try, most int) []record.Try {
	if n := len(tries); n >= most {
		tries = tries[n-most+1:]
	}
	return append(slices.Clip(tries), one)
}

// unreadable lets the lane wait for the log. It is no try: nothing is counted.
func (o *Outbox) unreadable(l *lane, err error) {
	l.notSoon = o.now.Add(readRetry)
	l.trouble = clip(err.Error())
	if l.logged != l.trouble {
		l.logged = l.trouble
		o.log.LogAttrs(o.work, slog.LevelError, "event log unreadable", l.attrs(l.rec.Acked+1,
			slog.String("err", l.trouble))...)
	}
	l.refuseSkips(err)
}

// attrs are the attributes that every line about a lane carries.
func (l *lane) attrs(seq uint64, more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{
		slog.String("instance", l.st.name), slog.String("endpoint", l.to.ep.ID), slog.Uint64("seq", seq),
	}, more...)
}

func errorText(v Verdict) string {
	if v.Err != nil {
		return clip(v.Err.Error())
	}
	return "status " + strconv.Itoa(v.Status)
}

func clip(s string) string { return cut(s, maxError) }

// cut answers the beginning of s, whole characters only.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most]
}
