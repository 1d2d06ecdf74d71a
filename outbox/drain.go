package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// drain is somebody in WaitDrained.
type drain struct {
	ctx    context.Context
	stream string
	done   chan struct{}
}

// WaitDrained waits until every event of a stream, or of all streams for "",
// is done with at every endpoint and the cursors are on disk. A disabled
// endpoint with something pending keeps it waiting; a replay does not. The error is ctx's, or says
// that Run has ended.
func (o *Outbox) WaitDrained(ctx context.Context, stream string) error {
	d := drain{ctx: ctx, stream: stream, done: make(chan struct{})}
	o.mail.post(func() { o.drains = append(o.drains, d) })
	select {
	case <-d.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for deliveries: %w", ctx.Err())
	case <-o.stopped:
		return errors.New("wait for deliveries: the outbox has stopped")
	}
}

// checkDrains tells everybody whose streams have drained.
func (o *Outbox) checkDrains() {
	if len(o.drains) == 0 {
		return
	}
	o.drains = slices.DeleteFunc(o.drains, func(d drain) bool {
		if d.ctx.Err() != nil {
			return true
		}
		if !o.drained(d.stream) {
			return false
		}
		close(d.done)
		return true
	})
}

func (o *Outbox) drained(name string) bool {
	if name != "" {
		st := o.streams[name]
		return st == nil || o.streamDrained(name, st)
	}
	if o.inFlight > 0 || o.saver.busy || len(o.saver.dirty) > 0 {
		return false
	}
	for name, st := range o.streams {
		if !o.streamDrained(name, st) {
			return false
		}
	}
	return true
}

func (o *Outbox) streamDrained(name string, st *stream) bool {
	head := o.cfg.Log.Head(name)
	for _, l := range st.lanes {
		if !l.live() {
			continue
		}
		if l.rec.Acked < head || l.dirty || l.riding > 0 || l.ridden > 0 || l.cancel != nil {
			return false
		}
	}
	return true
}
