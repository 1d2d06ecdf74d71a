package outbox

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/record"
)

const (
	readRetry = time.Second // between reads of a log that cannot be read
	maxError  = 500         // bytes kept of an error's text
)

// Why an event was given up; the last two are followed by the detail.
const (
	reasonExpired     = "expired"
	reasonUndelivered = "undelivered: "
	reasonDisabled    = "disabled: "
)

// finish applies what came of a try.
func (o *Outbox) finish(r result) {
	l := r.lane
	r.recv.inFlight--
	o.inFlight--
	o.offer(r.recv)
	l.cancel()
	l.cancel = nil
	if l.gone {
		return
	}
	// The endpoint changed meanwhile, or the try was cut short by a stop: only an
	// acknowledgement counts.
	if (r.gen != l.gen || o.work.Err() != nil) && r.verdict.Outcome != Delivered {
		o.place(l)
		return
	}
	if r.passed > 0 {
		o.advance(l, r.passed)
	}
	if r.lost.to > 0 {
		o.giveUp(l, r.lost, reasonExpired)
	}
	if r.aged.to > 0 {
		o.giveUp(l, r.aged, reasonDisabled+r.ep.Disabled)
	}
	l.due, l.trouble = r.until, ""
	switch {
	case r.err != nil:
		o.unreadable(l, r.err)
	case r.seq == 0:
	case r.verdict.Outcome == Delivered:
		o.acknowledge(l, r.seq)
	case r.verdict.Outcome == Disable:
		o.disable(l, r)
	default:
		o.retryLater(l, r)
	}
	o.place(l)
}

// advance moves the cursor to seq; the next event starts afresh.
func (o *Outbox) advance(l *lane, seq uint64) {
	l.rec.Acked = seq
	l.resetTries()
	o.markDirty(l)
}

func (o *Outbox) acknowledge(l *lane, seq uint64) {
	if l.logged != "" {
		o.log.LogAttrs(o.work, slog.LevelInfo, "postback delivered again", l.attrs(seq,
			slog.Int("attempt", l.rec.Attempts+1))...)
		l.logged = ""
	}
	o.advance(l, seq)
	l.rec.Prev = seq
	l.unsaved++
}

// giveUp moves the cursor past events that will not be delivered. The lane
// waits until the dead letter is on disk; see place.
func (o *Outbox) giveUp(l *lane, s span, reason string) {
	l.dead = append(l.dead, record.DeadLetter{
		Endpoint: l.ep.ID, Stream: l.ep.Stream, From: s.from, To: s.to, Reason: reason, At: o.now.Round(0),
	})
	o.log.LogAttrs(o.work, slog.LevelError, "postback given up", l.attrs(s.from,
		slog.Uint64("to", s.to), slog.String("reason", reason))...)
	o.advance(l, s.to)
	l.rec.Prev = s.to // so that the receiver can see the gap
}

// retryLater counts a failed try and sets the next, or gives the event up.
func (o *Outbox) retryLater(l *lane, r result) {
	o.countTry(l, r)
	end := l.rec.FirstAt.Add(o.cfg.Horizon)
	if !o.now.Before(end) {
		l.logged = "given up" // so that the next delivery is told
		o.giveUp(l, span{r.seq, r.seq}, reasonUndelivered+l.rec.LastError)
		return
	}
	wait := r.verdict.RetryAfter
	if wait <= 0 {
		wait = delay(o.cfg.Schedule, l.rec.Attempts)
	}
	next := o.now.Add(wait)
	if next.After(end) {
		next = end
	}
	l.due = next
	l.rec.NextAt = next.Round(0)
	if l.logged != l.rec.LastError {
		l.logged = l.rec.LastError
		o.log.LogAttrs(o.work, slog.LevelWarn, "postback failed", l.attrs(r.seq,
			slog.Int("attempt", l.rec.Attempts), slog.Int("status", r.verdict.Status),
			slog.String("err", l.rec.LastError), slog.Duration("duration", r.verdict.Duration),
			slog.Time("next", l.rec.NextAt))...)
	}
}

// disable stops the lane because its receiver asked for it. The event stays
// pending, until its horizon or until the endpoint is enabled again.
func (o *Outbox) disable(l *lane, r result) {
	o.countTry(l, r)
	if l.ep.Disabled != "" {
		return // an operator was faster
	}
	l.ep.Disabled = l.rec.LastError
	l.logged = l.rec.LastError
	o.log.LogAttrs(o.work, slog.LevelError, "endpoint disabled by its receiver", l.attrs(r.seq,
		slog.Int("status", r.verdict.Status))...)
	ep, reason := r.ep, l.ep.Disabled
	o.group.Go(func() { o.cfg.OnDisable(ep, reason) })
}

// countTry notes a try that did not deliver.
func (o *Outbox) countTry(l *lane, r result) {
	if l.rec.FirstAt.IsZero() {
		l.rec.FirstAt = r.started.Round(0)
	}
	l.rec.Attempts++
	l.rec.NextAt = time.Time{}
	l.rec.LastError = errorText(r.verdict)
	l.excerpt = r.verdict.Excerpt
	o.markDirty(l)
}

// unreadable lets the lane wait for the log. It is no try: nothing is counted.
func (o *Outbox) unreadable(l *lane, err error) {
	l.due = o.now.Add(readRetry)
	l.trouble = clip(err.Error())
	if l.logged != l.trouble {
		l.logged = l.trouble
		o.log.LogAttrs(o.work, slog.LevelError, "event log unreadable", l.attrs(l.rec.Acked+1,
			slog.String("err", l.trouble))...)
	}
}

// attrs are the attributes that every line about a lane carries.
func (l *lane) attrs(seq uint64, more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{
		slog.String("instance", l.ep.Stream), slog.String("endpoint", l.ep.ID), slog.Uint64("seq", seq),
	}, more...)
}

func errorText(v Verdict) string {
	if v.Err != nil {
		return clip(v.Err.Error())
	}
	return "status " + strconv.Itoa(v.Status)
}

func clip(s string) string {
	if len(s) > maxError {
		return s[:maxError]
	}
	return s
}
