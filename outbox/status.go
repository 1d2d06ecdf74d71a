package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/record"
)

// LaneStatus is where one lane stands.
type LaneStatus struct {
	Endpoint string
	Stream   string
	Replay   string // names a replay; empty: the live events
	Until    uint64 // where the replay ends
	Acked    uint64 // every event up to this one is done with
	Head     uint64 // the stream's last event
	Pending  uint64 // Head - Acked; events the format does not carry included
	InFlight bool   // a try is under way

	Attempts  int       // failed tries of the next event
	FirstAt   time.Time // of its first try, zero if it had none
	NextAt    time.Time // of its next, zero if that is due or nothing is pending
	LastError string
	Tries     []record.Try // the last few failed ones since something was delivered, oldest first
	Excerpt   string       // what the receiver answered; not kept over a restart
	Disabled  string       // why nothing is sent
}

// EndpointStatus is how one endpoint does.
type EndpointStatus struct {
	ID        string
	State     string    // "ok", "failing" while the breaker is open, or "paused"
	Since     time.Time // when the breaker opened; zero while it is closed
	Fails     int       // failed tries in a row, over all lanes
	ProbeAt   time.Time // of the next try while the breaker is open; zero: it is due
	LastError string
	Lanes     int          // streams that lead here
	Pending   uint64       // events that wait, those not meant for it included
	InFlight  int          // requests under way
	Failures  []record.Try // the last failed tries, oldest first; not kept over a restart
}

// Endpoints answers how an endpoint does, or how all of them do for "", by id.
// It answers nil while Run does not run.
func (o *Outbox) Endpoints(id string) []EndpointStatus {
	var out []EndpointStatus
	o.ask(func() {
		for _, l := range o.lanes {
			if id == "" || l.ep.ID == id {
				out = append(out, EndpointStatus{ID: l.ep.ID, State: "ok", Lanes: 1, Pending: l.pending()})
			}
		}
	})
	slices.SortFunc(out, func(a, b EndpointStatus) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Status answers the lanes of a stream, or of all streams for "", by endpoint.
// It answers nil while Run does not run.
func (o *Outbox) Status(stream string) []LaneStatus {
	var out []LaneStatus
	ok := o.ask(func() {
		for _, l := range o.lanes {
			if stream == "" || l.ep.Stream == stream {
				out = append(out, l.status())
			}
		}
	})
	if !ok {
		return nil
	}
	slices.SortFunc(out, func(a, b LaneStatus) int { return strings.Compare(a.Endpoint, b.Endpoint) })
	return out
}

func (l *lane) status() LaneStatus {
	s := LaneStatus{
		Endpoint: l.ep.ID, Stream: l.ep.Stream,
		Acked: l.rec.Acked, Head: l.st.head, Pending: l.pending(), InFlight: l.cancel != nil,
		Attempts: l.rec.Attempts, FirstAt: l.rec.FirstAt, LastError: l.rec.LastError,
		Excerpt: l.excerpt, Disabled: l.ep.Disabled,
	}
	if l.slot >= 0 && l.ep.Disabled == "" {
		s.NextAt = l.due.Round(0)
	}
	if l.trouble != "" {
		s.LastError = l.trouble
	}
	return s
}

// drain is somebody in WaitDrained.
type drain struct {
	ctx    context.Context
	stream string
	done   chan struct{}
}

// WaitDrained waits until every event of a stream, or of all streams for "",
// is done with at every endpoint and the cursors are on disk. A disabled
// endpoint with something pending keeps it waiting. The error is ctx's, or says
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
		if l.rec.Acked < head || l.dirty || l.riding > 0 || l.ridden > 0 || l.cancel != nil {
			return false
		}
	}
	return true
}
