package outbox

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/record"
)

// lane is one stream on its way to one target, or a replay of a part of it. It
// is idle (nothing is pending), stalled (until the disk has caught up), waits
// for its alarm, stands in a queue of its target (its turn is to come, or the
// breaker holds it, then with an alarm beside), or is under way (cancel is set).
// Only place moves it between these.
type lane struct {
	to       *target
	st       *stream
	inTarget int         // index in to.lanes
	inStream int         // index in st.lanes
	rec      record.Lane // the truth; a save writes a copy
	gen      uint64      // goes up when the answer of a try under way no longer counts

	turn   link[lane]
	alarm  alarm
	cancel context.CancelFunc // of the try under way
	gone   bool               // removed

	due      time.Time // by the schedule, not before; zero: at once
	notSoon  time.Time // the log could not be read: not before, whatever else
	headAt   time.Time // when the event that is next was committed, zero if not known
	guessed  bool      // no cursor was stored or given, and nothing has been tried since
	starting bool      // its first event has still to be found

	seen   time.Time // bulk: when the first event that waits was seen, zero if none was
	enough uint64    // bulk: a batch is full with this event

	skips []chan<- skipped // what was asked to be given up; see skip.go
	stops []chan<- error   // a replay is to end, and who waits for that

	dirty   bool // rec or dead differ from the last save begun
	unsaved int  // acknowledged requests whose cursor is not on disk
	riding  int  // of those, in the save under way
	dead    []given
	ridden  int // of dead, in the save under way
	run     givenRun
	ending  bool // the end of a replay is in the save under way

	logged  string // the last trouble logged, empty while there is none
	trouble string // why the log cannot be read
}

func (l *lane) live() bool { return l.rec.Replay == "" }

// end is the last event that the lane leads to for now.
func (l *lane) end() uint64 {
	if l.live() {
		return l.st.head
	}
	return min(l.rec.Until, l.st.head)
}

// pending is how many events of the stream lie behind the cursor.
func (l *lane) pending() uint64 {
	if end := l.end(); l.rec.Acked < end {
		return end - l.rec.Acked
	}
	return 0
}

func (o *Outbox) addLane(t *target, s *stream, rec record.Lane) *lane {
	l := &lane{to: t, st: s, rec: rec, inTarget: len(t.lanes), inStream: len(s.lanes)}
	l.turn.item, l.alarm.lane = l, l
	t.lanes = append(t.lanes, l)
	s.lanes = append(s.lanes, l)
	return l
}

// removeLane forgets l. It is not written again.
func (o *Outbox) removeLane(l *lane) {
	t, s := l.to, l.st
	l.gone = true
	if l.cancel != nil {
		l.cancel()
	}
	l.turn.leave()
	o.waits.set(&l.alarm, time.Time{})
	o.offer(t)
	last := t.lanes[len(t.lanes)-1]
	t.lanes[l.inTarget], last.inTarget = last, l.inTarget
	t.lanes[len(t.lanes)-1] = nil
	t.lanes = t.lanes[:len(t.lanes)-1]
	last = s.lanes[len(s.lanes)-1]
	s.lanes[l.inStream], last.inStream = last, l.inStream
	s.lanes[len(s.lanes)-1] = nil
	s.lanes = s.lanes[:len(s.lanes)-1]
	l.refuseSkips(ErrNothingPending)
	for _, answer := range l.stops {
		answer <- nil
	}
	l.stops = nil
	o.leaveBreaker(l)
}

// cutShort ends the try under way, of which only an acknowledgement will count.
func (l *lane) cutShort() {
	l.gen++
	if l.cancel != nil {
		l.cancel()
	}
}

// forgetTries begins afresh, as if nothing had failed.
func (l *lane) forgetTries() {
	l.rec.Attempts, l.rec.Step, l.rec.BatchTo = 0, 0, 0
	l.rec.FirstAt, l.rec.NextAt = time.Time{}, time.Time{}
	l.rec.LastError, l.rec.Tries = "", nil
}

// deadline is when an event is given up: the horizon counts from its commit, or
// from the lane's first failure if that came later.
func deadline(eventAt, firstAt time.Time, horizon time.Duration) time.Time {
	return later(eventAt, firstAt).Add(horizon)
}

// place puts l where it belongs. It is called after anything about the lane or
// its target has changed; while a try is under way that is its place already.
func (o *Outbox) place(l *lane) {
	if l.gone || l.cancel != nil {
		return
	}
	q, at := o.spot(l)
	held := q == &l.to.held
	if held && l.rec.Step == 0 {
		l.turn.moveFirst(q) // who has not failed probes before those that have
	} else {
		l.turn.move(q)
	}
	o.waits.set(&l.alarm, at)
	o.offer(l.to)
	if held {
		o.probeFresh(l)
	}
}

// spot answers in which queue l belongs, if in any, and when it is looked at
// again, if ever.
func (o *Outbox) spot(l *lane) (q *queue[lane], at time.Time) {
	t := l.to
	switch {
	case l.pending() == 0 || len(l.stops) > 0:
		o.endReplay(l)
		l.refuseSkips(ErrNothingPending)
		return nil, at
	case l.unsaved > 1 || len(l.dead) > 0:
		// Stalled. If the save under way cannot help, the next one shall not wait.
		if l.riding == 0 && l.ridden == 0 {
			o.saver.hurry = true
		}
		return nil, at
	case l.notSoon.After(o.now):
		return nil, l.notSoon
	case len(l.skips) > 0:
		return l.line(), at
	case t.paused():
		if at = o.agesAt(l); at.After(o.now) {
			return nil, at
		}
		return l.line(), time.Time{}
	}
	if at = o.gathersUntil(l); at.After(o.now) {
		return nil, at
	}
	switch {
	case t.brk.open && t.brk.probing != l:
		if t.brk.only == l { // its last try is a probe
			return &t.held, time.Time{}
		}
		if at = o.agesAt(l); at.After(o.now) {
			return &t.held, at
		}
	case !t.brk.open && l.due.After(o.now):
		return nil, l.due
	}
	return l.line(), time.Time{}
}

// line is where l stands when it may be tried.
func (l *lane) line() *queue[lane] {
	if l.live() {
		return &l.to.ready
	}
	return &l.to.replays
}

// mode is what a try of l that begins now is for.
func (l *lane) mode() mode {
	switch b := &l.to.brk; {
	case len(l.skips) > 0:
		return skipping
	case l.to.paused(), b.open && b.probing != l:
		return aging
	}
	return sending
}

// agesAt is when a lane that is not tried is looked at, because its next event
// may be too old. The event has to be read once to know its age.
func (o *Outbox) agesAt(l *lane) time.Time {
	if !l.live() && l.rec.FirstAt.IsZero() {
		l.rec.FirstAt = o.now.Round(0) // what is replayed is old already
		o.markDirty(l)
	}
	switch {
	case !l.headAt.IsZero():
		return deadline(l.headAt, l.rec.FirstAt, l.to.horizon)
	case l.to.brk.open: // it may close soon, and nothing was read for nothing
		return l.to.brk.since.Add(min(time.Minute, l.to.horizon/8))
	}
	return time.Time{}
}

// gathersUntil is when a lane that gathers a batch stops waiting for more; zero:
// it does not wait.
func (o *Outbox) gathersUntil(l *lane) time.Time {
	b := l.to.ep.Bulk
	if b == nil || !l.live() || b.Most <= 1 || b.Wait <= 0 || l.rec.Attempts > 0 || l.rec.BatchTo > 0 || l.starting {
		return time.Time{}
	}
	if l.seen.IsZero() {
		l.seen = o.now
	}
	if l.st.head >= max(l.enough, l.rec.Acked+uint64(b.Most)) {
		return time.Time{}
	}
	return l.gatherTime()
}

// gatherTime is when a batch that is not full goes nonetheless.
func (l *lane) gatherTime() time.Time {
	// A replay's events are all there, and a probe shall not keep the others waiting.
	if b := l.to.ep.Bulk; b != nil && !l.seen.IsZero() && l.live() && l.to.brk.probing != l {
		return l.seen.Add(b.Wait)
	}
	return time.Time{}
}
