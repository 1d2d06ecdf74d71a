package api

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Endpoints is what can be asked about deliveries. An endpoint is named by its
// id, a stream by the id of its instance or record.DaemonStream. Any goroutine
// may call any method. Errors are those of [Instances], but for an endpoint
// ErrNoEndpoint, ErrAmbiguous, ErrEndpointTaken and ErrNothingPending.
type Endpoints interface {
	EndpointRegistry
	EndpointCommands
	Deliveries
}

// EndpointRegistry knows which endpoints there are.
type EndpointRegistry interface {
	// Endpoints answers those of one owner, or all of them, by owner and name.
	Endpoints(ctx context.Context, of Owner) ([]Endpoint, error)
	// Endpoint answers the one of an id or of what [ParseRef] reads. It fails with
	// ErrAmbiguous for a bare name that several have.
	Endpoint(ctx context.Context, ref string) (Endpoint, error)
	AddEndpoint(ctx context.Context, spec EndpointSpec) (Endpoint, error)
	// ChangeEndpoint sets what is not nil. What is pending is tried at once.
	ChangeEndpoint(ctx context.Context, id string, change EndpointChange) (Endpoint, error)
	// RemoveEndpoint forgets the endpoint with its lanes and dead letters.
	RemoveEndpoint(ctx context.Context, id string) error
	// RotateSecret makes a new signing secret, or takes the given one. The others
	// sign beside it for as long as keep says, and then no more.
	RotateSecret(ctx context.Context, id, secret string, keep time.Duration) (Endpoint, error)
}

// EndpointCommands are what can be asked of one endpoint.
type EndpointCommands interface {
	// PauseEndpoint sends nothing more until ResumeEndpoint, which also enables an
	// endpoint that its receiver has disabled and tries all that waits at once.
	PauseEndpoint(ctx context.Context, id, reason string) (Endpoint, error)
	ResumeEndpoint(ctx context.Context, id string) (Endpoint, error)
	// RetryEndpoint tries what waits now, also while the endpoint is failing.
	RetryEndpoint(ctx context.Context, id string) (Endpoint, error)
	// TestEndpoint sends an endpoint.test event at once, beside the lanes and
	// without retries, and answers what came of it.
	TestEndpoint(ctx context.Context, id string) (Tested, error)
	// SkipEvent gives up the event that a lane is stuck with, that of the live events
	// or of the replay that is named: it becomes a dead letter. It may fail with
	// ErrNothingPending or ErrNoReplay.
	SkipEvent(ctx context.Context, id, stream, replay string) (DeadLetter, error)
}

// Deliveries tells how deliveries go, and repeats them.
type Deliveries interface {
	// Deliveries answers the lanes of a stream, or of all streams for "".
	Deliveries(ctx context.Context, stream string) ([]Lane, error)
	// DeadLetters answers what was given up, in the order of [DeadKey].
	DeadLetters(ctx context.Context, q DeadQuery) ([]DeadLetter, error)
	// DeleteDeadLetters forgets what was given up and answers how many went.
	DeleteDeadLetters(ctx context.Context, of DeadRange) (int, error)
	// Replay delivers events of the log once more, beside the live ones, and
	// answers the lanes it made, one for each endpoint. It fails with an
	// *instance.InvalidError if there is nothing to deliver to any.
	Replay(ctx context.Context, spec ReplaySpec) ([]Lane, error)
	// StopReplays ends replays under way where they are and answers their lanes as
	// they were. It fails with ErrNoReplay if there is none such.
	StopReplays(ctx context.Context, of ReplayRef) ([]Lane, error)
}

// What the methods of [Endpoints] fail with, beside the errors of [Instances].
var (
	ErrNoEndpoint     = errors.New("no such endpoint")
	ErrAmbiguous      = errors.New("several endpoints have that name: say whose, as INSTANCE/NAME, @TENANT/NAME, or /NAME for the daemon's")
	ErrEndpointTaken  = errors.New("an endpoint of that name exists already for that owner")
	ErrNothingPending = errors.New("nothing waits to be delivered there")
	ErrNoReplay       = errors.New("no such replay is under way: it may have ended")
)

// Owner says whose endpoints are meant; the zero value is everybody's. At most
// one is set.
type Owner struct {
	Instance string // an id; what [ParseRef] answers may be a name
	Tenant   string
	Daemon   bool
}

// ParseRef reads INSTANCE/NAME, @TENANT/NAME, and /NAME for an endpoint of the
// whole daemon. Anything else is a name, or an id, of nobody in particular.
func ParseRef(ref string) (of Owner, name string) {
	owner, name, owned := strings.Cut(ref, "/")
	tenant, ofTenant := strings.CutPrefix(owner, "@")
	switch {
	case !owned:
		return Owner{}, ref
	case owner == "":
		return Owner{Daemon: true}, name
	case ofTenant && tenant != "": // an owner without a name is nobody, not anybody
		return Owner{Tenant: tenant}, name
	default:
		return Owner{Instance: owner}, name
	}
}

// EndpointSpec is what an endpoint is made from.
type EndpointSpec struct {
	Name     string `json:"name"`
	Instance string `json:"instance,omitempty"` // an id or a name; neither this nor Tenant: the whole daemon
	Tenant   string `json:"tenant,omitempty"`
	// Secret is the first signing secret; empty: one is made.
	Secret string `json:"secret,omitempty"`
	// After is the seq after which deliveries begin; nil: with the next event. Where
	// many streams lead to the endpoint it can be 0 only, all that the log holds.
	After *uint64 `json:"after,omitempty"`
	EndpointChange
}

// EndpointChange is what may be set on an endpoint; nil leaves a value as it is,
// or at its default in a new one. Durations are texts such as "15s".
type EndpointChange struct {
	URL             *string            `json:"url,omitempty"`
	Format          *string            `json:"format,omitempty"` // "standard" if it is not given
	Version         *string            `json:"version,omitempty"`
	Headers         *map[string]string `json:"headers,omitempty"`
	Bearer          *string            `json:"bearer,omitempty"`
	Kinds           *[]string          `json:"kinds,omitempty"`
	States          *[]int             `json:"states,omitempty"`
	Bulk            *Bulk              `json:"bulk,omitempty"` // most 0 or 1: a request for each event
	Timeout         *Span              `json:"timeout,omitempty"`
	InFlight        *int               `json:"in_flight,omitempty"`
	Schedule        *[]Span            `json:"schedule,omitempty"`
	Horizon         *Span              `json:"horizon,omitempty"`
	Jitter          *int               `json:"jitter,omitempty"` // percent
	FollowRedirects *bool              `json:"follow_redirects,omitempty"`
}

// Bulk gathers events into one request.
type Bulk struct {
	Most int  `json:"most"`
	Wait Span `json:"wait"`
}

// Endpoint is one endpoint as its operator sees it. It holds secrets and is
// never logged.
type Endpoint struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Instance  string    `json:"instance,omitempty"` // its id
	Owner     string    `json:"owner,omitempty"`    // the instance's name, or @ and the tenant's; empty: the daemon
	CreatedAt time.Time `json:"created_at"`
	EndpointChange
	Secrets []Secret `json:"secrets"`
	// Begins is the first event that a new one gets, where the log does not reach
	// back as far as its After asked for.
	Begins uint64 `json:"begins,omitempty"`
	Health
}

// Ref names the endpoint as [ParseRef] reads it.
func (e Endpoint) Ref() string { return e.Owner + "/" + e.Name }

// Secret is a signing secret.
type Secret struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until,omitzero"` // it signs until then; zero: until it is rotated
}

// Health is how an endpoint does.
type Health struct {
	// State is "ok", "failing" while the breaker is open, or "paused".
	State       string       `json:"state"`
	Since       time.Time    `json:"since,omitzero"`     // of failing
	Reason      string       `json:"reason,omitempty"`   // of paused, or the last error of failing
	Fails       int          `json:"fails,omitempty"`    // failed tries in a row
	ProbeAt     time.Time    `json:"probe_at,omitzero"`  // the next try while failing
	Lanes       int          `json:"lanes"`              // streams that lead here
	Pending     uint64       `json:"pending"`            // events that wait, filtered ones included
	InFlightNow int          `json:"in_flight_now"`      // requests under way
	Failures    []record.Try `json:"failures,omitempty"` // the last failed tries, oldest first
}

// Lane is one stream on its way to one endpoint, or a replay of it.
type Lane struct {
	Endpoint   string       `json:"endpoint"`
	Name       string       `json:"name"`
	Owner      string       `json:"owner,omitempty"`
	Format     string       `json:"format"`
	Stream     string       `json:"stream"`
	StreamName string       `json:"stream_name,omitempty"` // of the instance
	Replay     string       `json:"replay,omitempty"`
	Until      uint64       `json:"until,omitempty"`
	Acked      uint64       `json:"acked"`
	Head       uint64       `json:"head"`
	Pending    uint64       `json:"pending"`
	InFlight   bool         `json:"in_flight"`
	State      string       `json:"state"` // of the endpoint
	Attempts   int          `json:"attempts,omitempty"`
	FirstAt    time.Time    `json:"first_at,omitzero"`
	NextAt     time.Time    `json:"next_at,omitzero"`
	LastError  string       `json:"last_error,omitempty"`
	Tries      []record.Try `json:"tries,omitempty"`
}

// Ref names the lane's endpoint as [ParseRef] reads it.
func (l Lane) Ref() string { return l.Owner + "/" + l.Name }

// DeadLetter is an event, or a run of events, that was given up, with what an
// operator wants to know of it.
type DeadLetter struct {
	record.DeadLetter
	Name       string      `json:"name,omitempty"`        // of the endpoint
	Owner      string      `json:"owner,omitempty"`       // of the endpoint, as in [Endpoint]
	StreamName string      `json:"stream_name,omitempty"` // of the instance
	Kind       record.Kind `json:"kind,omitempty"`        // of the first event, empty if it was pruned
	EventAt    time.Time   `json:"event_at,omitzero"`     // of the first event, zero if it was pruned
}

// Key is the place of the dead letter.
func (d DeadLetter) Key() DeadKey { return DeadKey{d.Endpoint, d.Stream, d.From, d.Replay} }

// Ref names the endpoint as [ParseRef] reads it.
func (d DeadLetter) Ref() string { return d.Owner + "/" + d.Name }

// DeadQuery says which dead letters are wanted.
type DeadQuery struct {
	Endpoint string  // an id; empty: of all
	Stream   string  // empty: of all
	After    DeadKey // only those behind it
	Limit    int     // at most so many, above 0
}

// DeadRange says which dead letters are meant: those wholly between two seqs, both
// included.
type DeadRange struct {
	Endpoint string // an id; empty: of all
	Stream   string // empty: of all
	From, To uint64 // a To of 0 is no bound
}

// DeadKey is the place of a dead letter among all of them, which are ordered by
// endpoint, stream, the seq of their first event and their replay.
type DeadKey struct {
	Endpoint, Stream string
	From             uint64
	Replay           string // empty: it was given up live
}

// Compare orders two places.
func (k DeadKey) Compare(o DeadKey) int {
	return cmp.Or(strings.Compare(k.Endpoint, o.Endpoint), strings.Compare(k.Stream, o.Stream), cmp.Compare(k.From, o.From), strings.Compare(k.Replay, o.Replay))
}

// Tested is what came of a test.
type Tested struct {
	Delivered bool          `json:"delivered"`
	Status    int           `json:"status,omitempty"`
	Error     string        `json:"error,omitempty"`
	Answer    string        `json:"answer,omitempty"` // its first KB
	Took      time.Duration `json:"took_ns"`
}

// ReplaySpec says what is delivered once more: both ends included, and the
// events of the very moments, too. One of From and FromTime is set, at most one
// of To and ToTime; without an end it is what the log ends with now.
type ReplaySpec struct {
	Stream   string    `json:"-"`
	Endpoint string    `json:"endpoint,omitempty"` // an id; empty: every endpoint of the stream
	From     uint64    `json:"from,omitempty"`
	FromTime time.Time `json:"from_time,omitzero"`
	To       uint64    `json:"to,omitempty"`
	ToTime   time.Time `json:"to_time,omitzero"`
}

// ReplayRef says which replays of a stream are meant.
type ReplayRef struct {
	Stream   string
	Endpoint string // an id; empty: to every endpoint
	Replay   string // empty: all
}

// Span is a duration as text in JSON: "1m30s".
type Span time.Duration

// MarshalText is for package encoding.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText is for package encoding. It takes what time.ParseDuration takes.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*s = Span(d)
	return nil
}
