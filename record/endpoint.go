package record

import "time"

// Endpoint is an address that the events of one stream are delivered to.
type Endpoint struct {
	ID        string    `json:"id"`
	Stream    string    `json:"stream"` // the instance it belongs to
	URL       string    `json:"url"`    // secret: it may hold credentials
	Format    string    `json:"format"` // the name of an encoder: "witi", "standard"
	Secrets   []string  `json:"secrets"`
	Disabled  string    `json:"disabled,omitempty"` // why nothing is sent, empty while it is
	CreatedAt time.Time `json:"created_at"`
}

// Lane is how far the deliveries of one stream to one endpoint have come.
type Lane struct {
	Endpoint string `json:"endpoint"`
	Stream   string `json:"stream"`
	Acked    uint64 `json:"acked"` // every event up to and including this seq is done with
	Prev     uint64 `json:"prev"`  // the last seq done with that the endpoint's filter let through

	// The try that is under way for the event after Acked.
	Attempts  int       `json:"attempts,omitempty"`
	FirstAt   time.Time `json:"first_at,omitzero"` // of its first try
	NextAt    time.Time `json:"next_at,omitzero"`  // of its next
	LastError string    `json:"last_error,omitempty"`
}

// DeadLetter is an event, or a run of events, that was given up.
type DeadLetter struct {
	Endpoint string    `json:"endpoint"`
	Stream   string    `json:"stream"`
	From     uint64    `json:"from"`
	To       uint64    `json:"to"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}
