package outbox

import "github.com/switchhook/switchhook/record"

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

// endReplay has the end of a replay written; with that the lane goes.
func (o *Outbox) endReplay(l *lane) {
	if !l.live() && l.rec.Acked >= l.rec.Until && !l.rec.Ended {
		l.rec.Ended = true
		o.markDirty(l)
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
