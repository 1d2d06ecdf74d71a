package outbox

import (
	"log/slog"

	"github.com/switchhook/switchhook/record"
)

// Why an event was given up; two are followed by the detail.
const (
	reasonExpired     = "expired"
	reasonUndelivered = "undelivered: "
	reasonDisabled    = "disabled: "
	reasonSkipped     = "skipped by operator"
)

// lose moves the cursor past what was pruned.
func (o *Outbox) lose(l *lane, s span) {
	if l.live() {
		o.giveUp(l, s, reasonExpired)
		return
	}
	o.log.LogAttrs(o.work, slog.LevelWarn, "replay passes over pruned events", l.attrs(s.from,
		slog.Uint64("to", s.to), slog.String("replay", l.rec.Replay))...)
	o.advance(l, s.to)
	l.rec.Prev = s.to
}

// given is a dead letter that is not on disk yet.
type given struct {
	record.DeadLetter
	asked []chan<- skipped // to be told when it is
}

// giveUp moves the cursor past events that will not be delivered. The lane
// waits until the dead letter is on disk; see place.
func (o *Outbox) giveUp(l *lane, s span, reason string) {
	g := given{DeadLetter: record.DeadLetter{
		Endpoint: l.to.ep.ID, Stream: l.st.name, From: s.from, To: s.to, Reason: reason,
		At: o.now.Round(0), Attempts: l.rec.Attempts,
		Replay: l.rec.Replay, // its end shall not delete what it gave up itself
	}}
	if n := len(l.rec.Tries); n > 0 && reason != reasonExpired {
		last := l.rec.Tries[n-1]
		g.Last = &last
	}
	if reason == reasonSkipped {
		g.asked, l.skips = l.skips, nil
	}
	l.dead = append(l.dead, g)
	o.log.LogAttrs(o.work, slog.LevelError, "postback given up", l.attrs(s.from,
		slog.Uint64("to", s.to), slog.String("reason", reason))...)
	o.advance(l, s.to)
	l.rec.Prev = s.to // so that the receiver can see the gap
}

// why is the reason for a dead letter that came without a try.
func (o *Outbox) why(l *lane, j *job) string {
	switch {
	case j.mode == skipping:
		return reasonSkipped
	case j.ep.Disabled != "":
		return reasonDisabled + j.ep.Disabled
	case l.rec.LastError != "":
		return reasonUndelivered + l.rec.LastError
	}
	return reasonUndelivered + l.to.brk.err
}
