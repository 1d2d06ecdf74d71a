package instance

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// Journal makes an instance's changes durable.
type Journal interface {
	// Commit stores all of c, or nothing. An error that wraps [ErrUnavailable]
	// may pass; any other is final for this change, and where a fact demanded
	// it, for the instance's Run. ctx ends when the stop takes too long.
	Commit(ctx context.Context, c Change) error
}

// Change is what one transition, or one change of configuration, writes.
type Change struct {
	Instance record.Instance
	Session  *record.Session // stored when not nil
	Drop     bool            // the saved session and its device keys end
	Webhook  bool            // the webhook was set, if only to the same address: deliveries start anew
	Events   []record.Event
}

// Driver opens connections to WhatsApp.
type Driver interface {
	// Open prepares one connection attempt. It dials nothing and does not
	// block. A connection is used for one attempt and then thrown away.
	Open(spec Spec) (Conn, error)
}

// Spec is what an attempt needs to know.
type Spec struct {
	Instance  string
	Session   *record.Session // nil: pair a new device
	UserAgent string

	// Report takes what happens on the connection, in the order it happened.
	// It may block while the mailbox is full; it never waits for the network.
	Report func(Fact)
	// Save makes the identity-level session durable and answers once it is. An
	// error refuses it. The first call of a pairing is the scan itself.
	Save func(ctx context.Context, s *record.Session) error
}

// Conn is one connection attempt. Its methods are called on goroutines of
// their own and may block; Close may be called during the others, and twice.
// One that heeds no context is left behind, and a panic ends the instance's Run.
type Conn interface {
	// Dial connects and shakes hands. ctx bounds the dial only, not the
	// connection.
	Dial(ctx context.Context) error
	// Logout asks WhatsApp to forget the device.
	Logout(ctx context.Context) error
	// Close ends the connection and everything that belongs to it. Nothing is
	// saved after it has returned, and what is still reported moves nothing. The
	// next connection is dialled when it has, or a moment later.
	Close()
}

// Dials is the budget of dials that all instances share.
type Dials interface {
	// Acquire waits for a turn: for a command's dial, which is urgent, until it
	// may be made; for a reconnect until it may begin.
	Acquire(ctx context.Context, urgent bool) error
	// Pace waits until a reconnect that has begun may dial. Urgent dials go first.
	Pace(ctx context.Context) error
	// Report tells whether a dial has reached the far end. Dials that were given
	// up are not reported.
	Report(reached bool)
}

// Fact is something that happened on a connection.
type Fact struct {
	Kind       FactKind
	Codes      []string      // FactCodes: pairing codes, in the order to show them
	Cause      fsm.Cause     // FactLost, FactRefused, FactLoggedOut, FactPairFailed: why
	RetryAfter time.Duration // FactRefused: when trying again can help; 0: never by itself
	Silent     time.Duration // FactUnanswered: since the last ping that was answered
	Err        error         // detail for the log; holds no secret
}

// FactKind names what a [Fact] tells.
type FactKind string

// The kinds of fact.
const (
	FactCodes      FactKind = "codes"       // WhatsApp offers pairing codes
	FactPaired     FactKind = "paired"      // the scan was confirmed
	FactPairFailed FactKind = "pair_failed" // the scan did not verify
	FactRedial     FactKind = "redial"      // WhatsApp asks for a new connection to log in
	FactUp         FactKind = "up"          // logged in and usable
	FactLost       FactKind = "lost"        // the socket is down, or the server is
	FactRefused    FactKind = "refused"     // refused in a way that retrying at once cannot help
	FactLoggedOut  FactKind = "logged_out"  // the session is no longer valid
	FactUnanswered FactKind = "unanswered"  // a ping was not answered
	FactAnswered   FactKind = "answered"    // pings are answered again
)

// Timing holds the spans that DESIGN.md "Time" fixes.
type Timing struct {
	Dial       time.Duration // dial and handshake
	Login      time.Duration // from login sent to usable
	Redial     time.Duration // from the scan to the redial that WhatsApp asks for
	CodeShown  time.Duration // one pairing code
	CodeIdle   time.Duration // without anyone asking for a code
	Command    time.Duration // a command's wait for its outcome
	RetryMin   time.Duration
	RetryMax   time.Duration
	Steady     time.Duration // connected for less than this counts as a failure
	DeafAfter  time.Duration // without an answered ping until the connection is given up
	StoreRetry time.Duration // between tries of a commit
}

// DefaultTiming is the design's.
func DefaultTiming() Timing {
	return Timing{
		Dial: 20 * time.Second, Login: 30 * time.Second, Redial: 5 * time.Second,
		CodeShown: 20 * time.Second, CodeIdle: 3 * time.Minute, Command: 15 * time.Second,
		RetryMin: time.Second, RetryMax: 5 * time.Minute, Steady: time.Minute,
		DeafAfter: 90 * time.Second, StoreRetry: time.Second,
	}
}
