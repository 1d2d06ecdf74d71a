package api

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Endpoints is what can be asked about deliveries. An endpoint is named by its
// id. Errors are those of [Instances]; instance.ErrNotFound stands for an
// endpoint, too.
type Endpoints interface {
	// Endpoints answers those of one owner, or all of them, by owner and name.
	Endpoints(ctx context.Context, of Owner) ([]Endpoint, error)
	// Endpoint answers the one of an id, or of a name that only one has: NAME,
	// INSTANCE/NAME or @TENANT/NAME.
	Endpoint(ctx context.Context, ref string) (Endpoint, error)
	AddEndpoint(ctx context.Context, spec EndpointSpec) (Endpoint, error)
	// ChangeEndpoint sets what is not nil. What is pending is tried at once.
	ChangeEndpoint(ctx context.Context, id string, change EndpointChange) (Endpoint, error)
	// RemoveEndpoint forgets the endpoint with its lanes and dead letters.
	RemoveEndpoint(ctx context.Context, id string) error
	// RotateSecret makes a new signing secret, or takes the given one. The others
	// sign beside it for as long as keep says, and then no more.
	RotateSecret(ctx context.Context, id, secret string, keep time.Duration) (Endpoint, error)
	// PauseEndpoint sends nothing more until ResumeEndpoint, which also enables an
	// endpoint that its receiver has disabled and tries all that waits at once.
	PauseEndpoint(ctx context.Context, id, reason string) (Endpoint, error)
	ResumeEndpoint(ctx context.Context, id string) (Endpoint, error)
	// TestEndpoint sends an endpoint.test event at once, beside the lanes and
	// without retries, and answers what came of it.
	TestEndpoint(ctx context.Context, id string) (Tested, error)
	// SkipEvent gives up the event that a lane is stuck with: it becomes a dead
	// letter. It fails if nothing is pending.
	SkipEvent(ctx context.Context, id, stream string) (record.DeadLetter, error)

	// Deliveries answers the lanes of a stream, or of all streams for "".
	Deliveries(ctx context.Context, stream string) ([]Lane, error)
	// DeadLetters answers what was given up, oldest first, of one endpoint, one
	// stream, or both or all if they are empty.
	DeadLetters(ctx context.Context, endpoint, stream string) ([]record.DeadLetter, error)
	// Replay delivers events of the log once more, beside the live ones.
	Replay(ctx context.Context, spec ReplaySpec) ([]Lane, error)
}

// Owner says whose endpoints are meant; the zero value is everybody's. At most
// one is set.
type Owner struct {
	Instance string // an id
	Tenant   string
	Daemon   bool
}

// EndpointSpec is what an endpoint is made from.
type EndpointSpec struct {
	Name     string `json:"name"`
	Instance string `json:"instance,omitempty"` // an id or a name; neither this nor Tenant: the whole daemon
	Tenant   string `json:"tenant,omitempty"`
	// After is the seq after which deliveries begin, of an instance's stream; nil:
	// with the next event.
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
	Health
}

// Secret is a signing secret.
type Secret struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until,omitzero"` // it signs until then; zero: until it is rotated
}

// Health is how an endpoint does.
type Health struct {
	// State is "ok", "failing" while the breaker is open, or "paused".
	State    string       `json:"state"`
	Since    time.Time    `json:"since,omitzero"`     // of failing
	Reason   string       `json:"reason,omitempty"`   // of paused, or the last error of failing
	Fails    int          `json:"fails,omitempty"`    // failed tries in a row
	ProbeAt  time.Time    `json:"probe_at,omitzero"`  // the next try while failing
	Lanes    int          `json:"lanes"`              // streams that lead here
	Pending  uint64       `json:"pending"`            // events that wait, filtered ones included
	InFlight int          `json:"in_flight_now"`      // requests under way
	Failures []record.Try `json:"failures,omitempty"` // the last failed tries, oldest first
}

// Lane is one stream on its way to one endpoint, or a replay of it.
type Lane struct {
	Endpoint  string       `json:"endpoint"`
	Name      string       `json:"name"`
	Owner     string       `json:"owner,omitempty"`
	Format    string       `json:"format"`
	Stream    string       `json:"stream"`
	Replay    string       `json:"replay,omitempty"`
	Until     uint64       `json:"until,omitempty"`
	Acked     uint64       `json:"acked"`
	Head      uint64       `json:"head"`
	Pending   uint64       `json:"pending"`
	InFlight  bool         `json:"in_flight"`
	State     string       `json:"state"` // of the endpoint
	Attempts  int          `json:"attempts,omitempty"`
	FirstAt   time.Time    `json:"first_at,omitzero"`
	NextAt    time.Time    `json:"next_at,omitzero"`
	LastError string       `json:"last_error,omitempty"`
	Tries     []record.Try `json:"tries,omitempty"`
}

// Tested is what came of a test.
type Tested struct {
	Delivered bool          `json:"delivered"`
	Status    int           `json:"status,omitempty"`
	Error     string        `json:"error,omitempty"`
	Answer    string        `json:"answer,omitempty"` // its first KB
	Took      time.Duration `json:"took_ns"`
}

// ReplaySpec says what is delivered once more. From and FromTime, To and ToTime
// exclude each other; without an end it is what the log ends with now.
type ReplaySpec struct {
	Stream   string    `json:"-"`
	Endpoint string    `json:"endpoint,omitempty"` // empty: every endpoint of the stream
	From     uint64    `json:"from,omitempty"`
	FromTime time.Time `json:"from_time,omitzero"`
	To       uint64    `json:"to,omitempty"`
	ToTime   time.Time `json:"to_time,omitzero"`
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
