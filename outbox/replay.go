package outbox

import (
	"context"
	"fmt"

	"github.com/switchhook/switchhook/record"
)

// startReplay adds the lane of a replay; see [Outbox.StartReplay].
func (o *Outbox) startReplay(rec record.Lane) {
	t := o.targets[rec.Endpoint]
	if t == nil || rec.Replay == "" || !o.covers(t, rec.Stream) {
		return
	}
	s := o.streamOf(rec.Stream)
	if o.find(t, s, rec.Replay) != nil {
		return
	}
	o.place(o.addLane(t, s, rec))
}

// StopReplay ends a replay where it is: its lane is forgotten, on disk too, when
// StopReplay answers, and nothing is sent for it any more. What it has not
// delivered it leaves, and all dead letters. The error is [ErrNothingPending] if
// there is no such replay, ctx's, or says that Run does not run. When ctx ends
// early the replay ends nonetheless.
func (o *Outbox) StopReplay(ctx context.Context, endpoint, stream, replay string) error {
	answer := make(chan error, 1)
	err, failed := await(ctx, o, func() { o.stopReplay(endpoint, stream, replay, answer) }, answer)
	if failed != nil {
		return fmt.Errorf("stop a replay: %w", failed)
	}
	return err
}

func (o *Outbox) stopReplay(endpoint, stream, replay string, answer chan<- error) {
	var l *lane
	if t := o.targets[endpoint]; t != nil && replay != "" {
		l = o.find(t, o.streams[stream], replay)
	}
	if l == nil {
		answer <- ErrNothingPending
		return
	}
	l.stops = append(l.stops, answer)
	l.cutShort() // it ends when nothing of it is under way
	o.saver.hurry = true
	o.place(l)
}

// endReplay has the end of a replay written; with that the lane goes.
func (o *Outbox) endReplay(l *lane) {
	reached := l.rec.Acked >= l.rec.Until
	if l.live() || l.rec.Ended || !reached && len(l.stops) == 0 {
		return
	}
	l.rec.Ended, l.rec.Stopped = true, !reached
	endRuns(l)
	o.markDirty(l)
	if len(l.stops) > 0 {
		o.saver.hurry = true
	}
}

// lookBack finds the event before a replay's first that was meant for the
// endpoint, 0 if none of the last 1,024 was.
func (o *Outbox) lookBack(j *job) (prev uint64, err error) {
	from := uint64(0)
	if j.after > readMost {
		from = j.after - readMost
	}
	for ev, err := range o.read(j.stream, from, 64, readMost) {
		if err != nil {
			return 0, err
		}
		if ev.Seq > j.after {
			break
		}
		if o.cfg.Carries(j.ep, ev) {
			prev = ev.Seq
		}
	}
	return prev, nil
}
