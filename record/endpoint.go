package record

import (
	"slices"
	"time"
)

// Endpoint is an address that events are delivered to: those of one instance, of
// all instances of a tenant, or of the whole daemon.
type Endpoint struct {
	ID   string `json:"id"`             // not secret; logs, events and file keys carry it
	Name string `json:"name,omitempty"` // unique among the endpoints of one owner

	// The owner: at most one of these is set, and neither for the whole daemon.
	Stream string `json:"stream,omitempty"` // an instance
	Tenant string `json:"tenant,omitempty"`

	URL    string `json:"url"`    // secret: it may hold credentials
	Format string `json:"format"` // the name of an encoder: "witi", "greenapi", "tencent", "standard", "cloudevents"
	// Version is of the format, where it has several: "1.0" or "1.1" of WITI's.
	Version string `json:"version,omitempty"`

	Secrets  []string          `json:"secrets"`            // every one signs, the newest is the first
	Retiring []Retiring        `json:"retiring,omitempty"` // these sign too, for a while
	Headers  map[string]string `json:"headers,omitempty"`  // further headers of every request; their values are secrets
	Bearer   string            `json:"bearer,omitempty"`   // secret: the token of an Authorization header

	Filter Filter `json:"filter,omitzero"`
	Bulk   *Bulk  `json:"bulk,omitempty"` // nil: a request for each event

	// Zero values leave these to the format or to the configuration.
	Timeout  time.Duration   `json:"timeout,omitempty"`   // of one try
	InFlight int             `json:"in_flight,omitempty"` // requests under way at once
	Schedule []time.Duration `json:"schedule,omitempty"`  // waits between tries, the last one repeats
	Horizon  time.Duration   `json:"horizon,omitempty"`   // after so long without success an event becomes a dead letter
	Jitter   *int            `json:"jitter,omitempty"`    // by how many percent a wait is shorter or longer at most

	FollowRedirects bool `json:"follow_redirects,omitempty"` // each new address is checked like the first

	Disabled  string    `json:"disabled,omitempty"` // why nothing is sent, empty while it is
	Gone      bool      `json:"gone,omitempty"`     // it was the receiver who disabled it, with 410
	CreatedAt time.Time `json:"created_at"`
}

// Retiring is a secret that was rotated away and signs until its time has come.
type Retiring struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until"`
}

// Bulk says how events are gathered into one request.
type Bulk struct {
	Most int           `json:"most"` // events in a request
	Wait time.Duration `json:"wait"` // how long the first of them waits for more
}

// Signing answers the secrets that sign at a moment, the newest first.
func (e *Endpoint) Signing(at time.Time) []string {
	out := e.Secrets
	for _, r := range e.Retiring {
		if at.Before(r.Until) {
			out = append(slices.Clip(out), r.Secret)
		}
	}
	return out
}

// Lane is how far the deliveries of one stream to one endpoint have come: of the
// live events, or of a replay beside them.
type Lane struct {
	Endpoint string `json:"endpoint"`
	Stream   string `json:"stream"`
	Acked    uint64 `json:"acked"` // every event up to and including this seq is done with
	Prev     uint64 `json:"prev"`  // the last seq done with that the endpoint's filter let through

	// Replay names a replay, empty for the live events. It begins after Acked and
	// ends with Until.
	Replay string `json:"replay,omitempty"`
	Until  uint64 `json:"until,omitempty"`
	From   uint64 `json:"from,omitempty"` // of a replay, its first event
	// Ended asks the store to forget a replay that has come to its end, and the
	// dead letters that it has delivered.
	Ended bool `json:"-"`
	// Stopped says that it ended before it got there: the dead letters stay.
	Stopped bool `json:"-"`

	// The tries under way of what follows Acked.
	Attempts  int       `json:"attempts,omitempty"`
	Step      int       `json:"step,omitempty"`    // failed ones since something was delivered: where the schedule stands
	FirstAt   time.Time `json:"first_at,omitzero"` // the first failed one since something was delivered
	NextAt    time.Time `json:"next_at,omitzero"`
	LastError string    `json:"last_error,omitempty"`
	BatchTo   uint64    `json:"batch_to,omitempty"` // the request that failed went up to here, and its repetition will
	Tries     []Try     `json:"tries,omitempty"`    // the last few failed ones, oldest first

	// Receipts is for a stream that is fetched instead of sent: what was deleted
	// behind Acked, in rising order. The numbers are those of package queue.
	Receipts []int64 `json:"receipts,omitempty"`
}

// Try is a request that did not deliver.
type Try struct {
	At     time.Time     `json:"at"`
	Seq    uint64        `json:"seq"`              // of the event, the last one of a batch
	Status int           `json:"status,omitempty"` // of the answer; 0: there was none
	Error  string        `json:"error,omitempty"`
	Took   time.Duration `json:"took"`
	Answer string        `json:"answer,omitempty"` // its first KB, one printable line; it may quote what was sent
}

// DeadLetter is an event, or a run of events, that was given up.
type DeadLetter struct {
	Endpoint string    `json:"endpoint"`
	Stream   string    `json:"stream"`
	From     uint64    `json:"from"`
	To       uint64    `json:"to"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	Attempts int       `json:"attempts,omitempty"`
	Last     *Try      `json:"last,omitempty"` // the last failed try, nil if there was none
	// Replay names the replay that gave it up, once more; empty: it was live. The
	// end of a replay deletes what it has delivered, and keeps this.
	Replay string `json:"replay,omitempty"`
}

// PostBack is what a format makes of events: one request, or none where it has no
// body and no More.
type PostBack struct {
	Body        []byte
	ContentType string
	// Query is added to that of the endpoint's address, encoded. Empty: the
	// address is used as it was given.
	Query string
	// More are further requests of the same event, for a format that says it in
	// several. Each is sent once the one before was accepted; where one was not, the
	// event is repeated from its first request. They have no More of their own.
	More []PostBack
}

// Policy is how the tries of an endpoint are made and spread. Whatever is zero is left
// to the configuration.
type Policy struct {
	Timeout  time.Duration   // of one try
	Schedule []time.Duration // waits between tries, the last one repeats
	Horizon  time.Duration   // after so long without success an event is given up
	Jitter   *int            // a wait is up to so many percent shorter or longer
	InFlight int             // tries under way at once
}
