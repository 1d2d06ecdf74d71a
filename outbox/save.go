package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/switchhook/switchhook/record"
)

const (
	saveRetry    = time.Second     // between tries of a failing SaveLanes
	lastSaveWait = 3 * time.Second // for the save that ends Run
)

// saver gathers what the disk does not have yet. One save is under way at most;
// what changes meanwhile waits for the next.
type saver struct {
	dirty   []*lane
	since   time.Time // when the first of dirty became so
	hurry   bool      // a lane is stalled and the save under way does not help it
	busy    bool      // a save is under way
	riders  []*lane   // in it
	retryAt time.Time // not before, after a failure
	failed  string    // the last failure logged, empty while there is none
}

// due is when the next save begins; not ok: none is wanted, or one is under way.
func (s *saver) due(ackDelay time.Duration) (at time.Time, ok bool) {
	if s.busy || len(s.dirty) == 0 {
		return at, false
	}
	at = s.since
	if !s.hurry {
		at = at.Add(ackDelay)
	}
	if at.Before(s.retryAt) {
		at = s.retryAt
	}
	return at, true
}

func (o *Outbox) markDirty(l *lane) {
	if l.dirty {
		return
	}
	l.dirty = true
	if len(o.saver.dirty) == 0 {
		o.saver.since = o.now
	}
	o.saver.dirty = append(o.saver.dirty, l)
}

// startSave writes all dirty lanes, if it is time, on a goroutine of its own.
func (o *Outbox) startSave() {
	at, ok := o.saver.due(o.cfg.AckDelay)
	if !ok || at.After(o.now) {
		return
	}
	lanes, dead := o.gather()
	if len(lanes) == 0 {
		return
	}
	o.saver.busy = true
	o.group.Go(func() { o.saved <- o.cfg.Log.SaveLanes(o.work, lanes, dead) })
}

// gather takes a copy of everything dirty. The lanes become the save's riders.
func (o *Outbox) gather() ([]record.Lane, []record.DeadLetter) {
	s := &o.saver
	lanes := make([]record.Lane, 0, len(s.dirty))
	var dead []record.DeadLetter
	for _, l := range s.dirty {
		l.dirty = false
		if l.gone || l.starting { // half-way to its beginning is nowhere
			continue
		}
		lanes = append(lanes, l.rec)
		for _, g := range l.dead {
			dead = append(dead, g.DeadLetter)
		}
		l.riding, l.ridden, l.ending = l.unsaved, len(l.dead), l.rec.Ended
		s.riders = append(s.riders, l)
	}
	clear(s.dirty)
	s.dirty = s.dirty[:0]
	s.hurry = false
	return lanes, dead
}

// finishSave lets the riders go on, or makes them dirty again: after an error
// nobody knows what the disk has.
func (o *Outbox) finishSave(err error) {
	s := &o.saver
	s.busy = false
	for _, l := range s.riders {
		switch {
		case err == nil:
			o.saveDone(l)
		case !l.gone:
			o.markDirty(l)
		}
		l.riding, l.ridden, l.ending = 0, 0, false
		o.place(l)
	}
	clear(s.riders)
	s.riders = s.riders[:0]
	switch {
	case err != nil:
		s.retryAt = o.now.Add(saveRetry)
		if text := clip(err.Error()); s.failed != text {
			s.failed = text
			o.log.LogAttrs(o.work, slog.LevelError, "cursors not saved", slog.String("err", text))
		}
	case s.failed != "":
		s.failed = ""
		o.log.LogAttrs(o.work, slog.LevelInfo, "cursors saved again")
	}
}

// saveDone takes over that what l had in a save is on disk.
func (o *Outbox) saveDone(l *lane) {
	l.unsaved -= l.riding
	for _, g := range l.dead[:l.ridden] {
		for _, answer := range g.asked {
			answer <- skipped{dead: g.DeadLetter}
		}
		o.tell(Health{
			Endpoint: *l.to.ep, Kind: record.EndpointGaveUp, Stream: g.Stream, From: g.from, To: g.To,
			Reason: g.Reason, At: g.At,
		}, g.Replay, g.from != g.From)
	}
	l.dead = l.dead[l.ridden:]
	if l.ending && !l.gone {
		o.removeLane(l)
	}
}

// lastSave writes what is left when nothing is under way any more.
func (o *Outbox) lastSave() error {
	lanes, dead := o.gather()
	if len(lanes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.work), lastSaveWait)
	defer cancel()
	err := o.cfg.Log.SaveLanes(ctx, lanes, dead)
	o.finishSave(err)
	if err != nil {
		return fmt.Errorf("save cursors: %w", err)
	}
	return nil
}
