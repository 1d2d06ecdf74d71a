package outbox

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Log is the event log and the place where cursors are kept. Its methods are
// called on several goroutines at once, SaveLanes on one.
type Log interface {
	// Events answers up to most events of the stream with a seq above after, in
	// order. It begins later than after+1, or has a gap, only where the log was
	// pruned.
	Events(stream string, after uint64, most int) ([]record.Event, error)
	// Head is the seq of the last event committed. Events up to it can be read,
	// unless they were pruned. It is called on the scheduler's goroutine and
	// must answer from memory.
	Head(stream string) uint64
	// Streams answers every stream that has events in the log, in any order. It
	// is called on the scheduler's goroutine and must answer from memory.
	Streams() []string
	Endpoints() ([]record.Endpoint, error)
	Lanes() ([]record.Lane, error)
	// SaveLanes makes lanes and dead letters durable together. What it was
	// given is given again when it fails, dead letters included; the same
	// stream, endpoint and From is the same dead letter.
	SaveLanes(ctx context.Context, lanes []record.Lane, dead []record.DeadLetter) error
}

// Sender makes one try.
type Sender interface {
	// Send gives the events, at least one, to the endpoint in one request and
	// judges the answer, which counts for all of them. Several are given only for
	// an endpoint with a Bulk; they are of one stream and in order. prev is the seq
	// of the event before the first that was meant for this endpoint, 0 if there is
	// none. It bounds its own time and returns soon after ctx ends. It keeps and
	// changes nothing of ep and events, and has let go of ctx when it returns: the
	// next try may have the same.
	Send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event) Verdict
}

// Outcome is what a try came to.
type Outcome uint8

// The outcomes. The zero value is the one that loses nothing.
const (
	Retry     Outcome = 0 // not delivered: try again
	Delivered Outcome = 1 // acknowledged
	Disable   Outcome = 2 // the receiver wants nothing any more
)

// String is the outcome's name in logs.
func (o Outcome) String() string {
	switch o {
	case Delivered:
		return "delivered"
	case Disable:
		return "disable"
	default:
		return "retry"
	}
}

// Verdict is the judgement of one try.
type Verdict struct {
	Outcome    Outcome
	Slow       bool          // soon would be too soon: the schedule without its two quick first steps
	RetryAfter time.Duration // when the receiver asks to be tried again, within the sender's bounds; 0: it does not say
	Status     int           // of the answer; 0: there was none
	Err        error         // why it was not delivered; holds no secret, the address's path and query included
	Duration   time.Duration
	Excerpt    string // the beginning of the answer to a failed try, for people
}
