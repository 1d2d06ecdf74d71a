package outbox

import (
	"cmp"
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
	FirstAt   time.Time // the first failed try since something was delivered, zero if there is none
	NextAt    time.Time // of its next, zero if that is due or nothing is pending
	LastError string
	Tries     []record.Try // the last few failed ones since something was delivered, oldest first; not to be changed
	Excerpt   string       // what the receiver last answered
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
	ok := o.ask(func() {
		if t := o.targets[id]; t != nil {
			out = append(out, t.status())
		}
		if id != "" {
			return
		}
		for _, t := range o.targets {
			out = append(out, t.status())
		}
	})
	if !ok {
		return nil
	}
	slices.SortFunc(out, func(a, b EndpointStatus) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func (t *target) status() EndpointStatus {
	b := &t.brk
	s := EndpointStatus{
		ID: t.ep.ID, State: "ok", Fails: b.fails, LastError: b.err, InFlight: t.inFlight,
		Failures: slices.Clone(t.failures),
	}
	for _, l := range t.lanes {
		if l.live() {
			s.Lanes++
			s.Pending += l.pending()
		}
	}
	switch {
	case t.paused():
		s.State = "paused"
	case b.open:
		s.State, s.Since = "failing", b.since.Round(0)
		s.ProbeAt = b.probeAt()
	}
	return s
}

// probeAt is when the next probe is due, zero if it is.
func (b *breaker) probeAt() time.Time {
	if b.alarm.slot == 0 {
		return time.Time{}
	}
	return b.alarm.at.Round(0)
}

// Status answers the lanes of a stream, or of all streams for "", by endpoint,
// stream and replay. It answers nil while Run does not run.
func (o *Outbox) Status(stream string) []LaneStatus {
	var out []LaneStatus
	ok := o.ask(func() {
		if s := o.streams[stream]; s != nil {
			for _, l := range s.lanes {
				out = append(out, l.status())
			}
		}
		if stream != "" {
			return
		}
		for _, t := range o.targets {
			for _, l := range t.lanes {
				out = append(out, l.status())
			}
		}
	})
	if !ok {
		return nil
	}
	slices.SortFunc(out, func(a, b LaneStatus) int {
		return cmp.Or(strings.Compare(a.Endpoint, b.Endpoint), strings.Compare(a.Stream, b.Stream), strings.Compare(a.Replay, b.Replay))
	})
	return out
}

func (l *lane) status() LaneStatus {
	s := LaneStatus{
		Endpoint: l.to.ep.ID, Stream: l.st.name, Replay: l.rec.Replay, Until: l.rec.Until,
		Acked: l.rec.Acked, Head: l.st.head, Pending: l.pending(), InFlight: l.cancel != nil,
		Attempts: l.rec.Attempts, FirstAt: l.rec.FirstAt, LastError: l.rec.LastError,
		Tries: l.rec.Tries, Disabled: l.to.ep.Disabled,
	}
	if n := len(s.Tries); n > 0 {
		s.Excerpt = s.Tries[n-1].Answer
	}
	switch b := &l.to.brk; {
	case l.to.paused() || s.Pending == 0:
	case l.turn.in == &l.to.held:
		s.NextAt = b.probeAt()
	case l.alarm.slot > 0:
		s.NextAt = l.alarm.at.Round(0)
	}
	if l.trouble != "" {
		s.LastError = l.trouble
	}
	return s
}
