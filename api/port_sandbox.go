package api

import (
	"context"
	"time"
)

// Sandbox plays the phones, and the accidents, of a sandbox network. Besides
// the errors of [Instances] it answers [*SandboxError].
type Sandbox interface {
	// Scan lets a virtual phone scan the code that the instance shows. phone
	// chooses its number; empty, one is made up.
	Scan(ctx context.Context, id, phone string) (digits string, err error)
	// Type lets the virtual phone that the instance was last asked to link type the
	// pairing code on show. phone chooses another.
	Type(ctx context.Context, id, phone string) (digits string, err error)
	// Write lets a virtual phone write to the instance's account.
	Write(ctx context.Context, id string, l Letter) (Written, error)
	// Inbox answers what a phone has received, oldest first.
	Inbox(ctx context.Context, phone string) ([]Received, error)
	// Fault makes something go wrong with an instance's connection; with an empty
	// id, with the whole network.
	Fault(ctx context.Context, id string, f FaultSpec) error
	Kinds() []FaultKind
}

// Letter is what a virtual phone writes.
type Letter struct {
	From  string `json:"from,omitempty"`  // digits of the phone; empty: one that always writes
	Text  string `json:"text,omitempty"`  // the text, or the caption of the image
	Image []byte `json:"image,omitempty"` // JPEG or PNG; base64 in JSON
	Reply string `json:"reply,omitempty"` // id of the message that it answers
}

// Written is what became of a letter: it is on its way.
type Written struct {
	ID   string `json:"id"`   // of the message
	From string `json:"from"` // digits
	To   string `json:"to"`   // digits of the instance's account
}

// Received is one message as a virtual phone has it.
type Received struct {
	ID   string    `json:"id"`
	From string    `json:"from"` // digits
	To   string    `json:"to"`   // digits
	At   time.Time `json:"at"`
	Text string    `json:"text"`
	Type string    `json:"type"` // text, image, …
}

// FaultSpec is an accident to play. A kind passes over what it does not heed.
type FaultSpec struct {
	Kind  string `json:"kind"`
	NoGap bool   `json:"no_gap"`          // no time between the last word and the end of the socket
	Times int    `json:"times,omitempty"` // attempts that it strikes; 0 is one, below 0 all until heal
	Later bool   `json:"later,omitempty"` // wait for the next attempt; leave the present connection alone
	// Expire is how many seconds a ban lasts. 0 is an hour; below 0 it does not say.
	Expire int `json:"expire,omitempty"`
}

// FaultKind is one accident the sandbox can play.
type FaultKind struct {
	Name    string   `json:"name"`
	What    string   `json:"what"`              // one line for people
	Targets []string `json:"targets,omitempty"` // phone, code, network: whom it can befall
	Options []string `json:"options,omitempty"` // no_gap, times, later, expire: what it heeds
}

// SandboxError is a wish that the sandbox cannot fulfil as things are. Its text
// is for the caller.
type SandboxError struct{ Problem string }

func (e *SandboxError) Error() string { return e.Problem }
