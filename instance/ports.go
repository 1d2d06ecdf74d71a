package instance

import (
	"context"
	"io"
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
	Same     bool            // Instance is as it was stored last, and need not be again
	Session  *record.Session // stored when not nil
	Drop     bool            // the saved session and its device keys end
	Webhook  bool            // the webhook was set, if only to the same address: deliveries start anew
	Aside    any             // what whoever configured it wants stored with it; see [Instance.Reconfigure]
	Picture  *record.Picture // stored when not nil; one without a token ends the one there is
	Events   []record.Event
	Keys     map[string][]byte // device keys of the session KeysOf; a nil value deletes
	KeysOf   string            // the session's id; empty without Keys
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
	// Deliver makes what has arrived durable and answers once it is; only then
	// may WhatsApp be told that it was received. An error means that nothing of
	// it is stored, that it must come again, and that this connection is over.
	Deliver func(ctx context.Context, d Delivery) error
}

// Delivery is something that arrived, with the device keys that its decryption
// has changed: both are stored, or neither.
type Delivery struct {
	Kind    record.Kind // empty: only the keys
	Message *record.Message
	Keys    map[string][]byte // of the session Spec was opened with, or has saved; a nil value deletes
	Session string            // the id of that session
}

// Conn is one connection attempt. Its methods are called on goroutines of
// their own and may block, except where they say that they do not; Close may be
// called during the others, and twice. One that heeds no context is left behind,
// and a panic ends the instance's Run.
type Conn interface {
	// Dial connects and shakes hands. ctx bounds the dial only, not the
	// connection.
	Dial(ctx context.Context) error
	// PairPhone asks for a code to type on the phone with these digits, once
	// FactCodes has been reported. An [*InvalidError] is about the number.
	PairPhone(ctx context.Context, digits string) (code string, err error)
	// Logout asks WhatsApp to forget the device.
	Logout(ctx context.Context) error
	Mail
	Faces
	// Renew looks for a newer client version than this connection has announced
	// and reports whether later connections will announce one. It may be called
	// after Close.
	Renew(ctx context.Context) (renewed bool, err error)
	// LoggedOn reports whether the connection still counts as logged in. It does
	// not block.
	LoggedOn() bool
	// Gauges answers what the account holds and what has passed this connection.
	// It does not block.
	Gauges() Gauges
	// Close ends the connection and everything that belongs to it. Nothing is
	// saved after it has returned, and what is still reported moves nothing. The
	// next connection is dialled when it has, or a moment later.
	Close()
}

// Mail is what goes over a connection to people, and the files that come from them.
type Mail interface {
	// SendText sends a text and answers what was sent once WhatsApp has taken it
	// over. An [*InvalidError] is about the recipient; after any other error the
	// text may have been sent.
	SendText(ctx context.Context, t Text) (record.Message, error)
	// Upload gives a file to WhatsApp's media servers, from the beginning of content
	// to its end, and answers how to send the message that it belongs to: at once, and
	// once. Nothing was sent before. An [*InvalidError] is about the recipient or the
	// file; with an error that wraps [ErrFull] there was no room for it on the disk,
	// and with [ErrNotConnected] the connection has ended.
	Upload(ctx context.Context, f File, content io.ReadSeeker) (Sending, error)
	// Download writes a file that came with a message to w.
	Download(ctx context.Context, m record.Media, w io.Writer) error
}

// Faces is what a connection shows, and sees of others.
type Faces interface {
	// SetPicture makes a JPEG the account's own picture and answers WhatsApp's
	// number of it. [ErrPictureRefused] is wrapped when WhatsApp does not take it;
	// after any other error it may have.
	SetPicture(ctx context.Context, jpeg []byte) (id string, err error)
	// SetName makes a name the account's own, and SetAbout a text what it says about
	// itself. [ErrProfileRefused] is wrapped when WhatsApp does not take it; nothing was
	// changed with [ErrNotConnected], [ErrNoSettingsKey] or [ErrBusy], the last when the
	// change before has not ended yet; after any other error it may have been. A new
	// name is offered to Save as well.
	SetName(ctx context.Context, name string) error
	SetAbout(ctx context.Context, about string) error
	// Contact asks who a phone number or a JID is. An [*InvalidError] is about the
	// spelling.
	Contact(ctx context.Context, jid string) (record.Contact, error)
}

// Text is a text to send to one person.
type Text struct {
	ID   string // the message's id; empty makes one up
	To   string // digits, or a JID
	Body string
}

// Sending sends a message and answers what was sent, as [Conn.SendText] does.
type Sending func(ctx context.Context) (record.Message, error)

// Gauges are figures of one connection.
type Gauges struct {
	Sent     int64 // bytes that have passed its socket
	Received int64
	Known    bool // whether the following are
	Contacts int
	Chats    int
}

// Files keeps what an instance has stored: an owner of its own for each. Its
// methods may be called from any goroutine.
type Files interface {
	// Write stores a file of about so many bytes in a folder and answers where it
	// is. What fill fails with is returned, and nothing is kept. [ErrFull] is
	// wrapped when there is no room.
	Write(folder, name string, bytes int64, fill func(io.Writer) error) (record.File, error)
	// Remove removes a stored file. Removing what is not there is harmless.
	Remove(folder, name string) error
	// Usage does not wait for the disk.
	Usage() record.Tree
	// Clear removes all of it.
	Clear() error
}

// Dials is the budget of dials that all instances share.
type Dials interface {
	// Acquire waits for a turn: for a command's dial, which is urgent, until it
	// may be made; for a reconnect until it may begin.
	Acquire(ctx context.Context, urgent bool) error
	// Pace waits until a reconnect that has begun may dial. Urgent dials go first.
	// land, which is harmless twice, says that it is usable or was given up.
	Pace(ctx context.Context) (land func(), err error)
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
	PhoneCode  time.Duration // one code to type on the phone
	Fetch      time.Duration // the download of one file
	Upload     time.Duration // the upload of one file, before its message is sent
	Command    time.Duration // a command's wait for its outcome
	RetryMin   time.Duration
	RetryMax   time.Duration
	Steady     time.Duration // connected for less than this counts as a failure
	DeafAfter  time.Duration // without an answered ping until the connection is given up
	Check      time.Duration // between looks at whether a connection still counts as logged in
	StoreRetry time.Duration // between tries of a commit
}

// DefaultTiming is the design's.
func DefaultTiming() Timing {
	return Timing{
		Dial: 20 * time.Second, Login: 30 * time.Second, Redial: 5 * time.Second,
		CodeShown: 20 * time.Second, CodeIdle: 3 * time.Minute, PhoneCode: 160 * time.Second,
		Command: 15 * time.Second, Fetch: 2 * time.Minute, Upload: 2 * time.Minute,
		RetryMin: time.Second, RetryMax: 5 * time.Minute, Steady: time.Minute,
		DeafAfter: 90 * time.Second, Check: 30 * time.Second, StoreRetry: time.Second,
	}
}
