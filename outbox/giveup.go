package outbox

import (
	"log/slog"
	"strings"

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
	from  uint64           // the first event of it that is news; what was before is on disk
	asked []chan<- skipped // to be told when it is
}

// givenRun is what a lane gave up last: what follows it at once makes the same
// dead letter longer, as long as the process lives.
type givenRun struct {
	from, to uint64
	kind     string // of the reason
}

// giveUp moves the cursor past events that will not be delivered. The lane
// waits until the dead letter is on disk; see place.
func (o *Outbox) giveUp(l *lane, s span, reason string) {
	g := given{from: s.from, DeadLetter: record.DeadLetter{
		Endpoint: l.to.ep.ID, Stream: l.st.name, From: s.from, To: s.to, Reason: reason,
		At: o.now.Round(0), Attempts: l.rec.Attempts,
		Replay: l.rec.Replay, // its end shall not delete what it gave up itself
	}}
	if n := len(l.rec.Tries); n > 0 && reason != reasonExpired {
		last := l.rec.Tries[n-1]
		g.Last = &last
	}
	kind, _, _ := strings.Cut(reason, ":")
	if o.extends(l, s, kind) {
		g.From = l.run.from
	}
	l.run = givenRun{g.From, s.to, kind}
	if reason == reasonSkipped { // what an operator did stands for itself
		g.asked, l.skips, l.run = l.skips, nil, givenRun{}
	}
	l.dead = append(l.dead, g)
	o.advance(l, s.to)
	l.rec.Prev = s.to // so that the receiver can see the gap
}

// extends reports whether what is given up follows what was given up last, for the
// same kind of reason and with nothing delivered in between. A replay that is under
// way there will delete what it has delivered: that shall not grow beyond it.
func (o *Outbox) extends(l *lane, s span, kind string) bool {
	r := l.run
	if r.to == 0 || r.kind != kind || r.to >= s.from || l.rec.Prev != r.to {
		return false
	}
	among := l.st.lanes
	if len(l.to.lanes) < len(among) {
		among = l.to.lanes
	}
	for _, x := range among {
		if x != l && x.to == l.to && x.st == l.st && !x.live() && x.rec.Until >= r.from {
			return false
		}
	}
	return true
}

// endRuns has what a replay deletes not made longer.
func endRuns(replay *lane) {
	for _, l := range replay.st.lanes {
		if l != replay && l.to == replay.to {
			l.run = givenRun{}
		}
	}
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
