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
	// Behave says how a virtual phone takes messages from now on.
	Behave(ctx context.Context, b Behaviour) error
	// Inbox answers what a phone has received, oldest first.
	Inbox(ctx context.Context, phone string) ([]Received, error)
	// Profile answers what a phone's account says of itself, and Rename changes its name
	// as the owner does on the phone.
	Profile(ctx context.Context, phone string) (PhoneProfile, error)
	Rename(ctx context.Context, phone, name string) error
	// Fault makes something go wrong with an instance's connection; with an empty
	// id, with the whole network.
	Fault(ctx context.Context, id string, f FaultSpec) error
	Kinds() []FaultKind
}

// Letter is what a virtual phone writes: one thing.
type Letter struct {
	From string `json:"from,omitempty"` // digits of the phone; empty: one that always writes
	Name string `json:"name,omitempty"` // what it calls itself

	Text  string `json:"text,omitempty"`  // the text, the caption of the image, the emoji or the new text
	Image []byte `json:"image,omitempty"` // JPEG or PNG; base64 in JSON

	// At most one of these: what is done instead of writing.
	React  string `json:"react,omitempty"`  // id of the message to react to
	Edit   string `json:"edit,omitempty"`   // id of the message to change
	Delete string `json:"delete,omitempty"` // id of the message to delete for everyone
	Call   bool   `json:"call,omitempty"`
}

// Check refuses a letter that is none, or several.
func (l Letter) Check() error {
	n := 0
	for _, given := range []bool{len(l.Image) > 0, l.React != "", l.Edit != "", l.Delete != "", l.Call} {
		if given {
			n++
		}
	}
	switch {
	case n > 1:
		return invalid("react", "is one of image, react, edit, delete and call: give one of them")
	case n == 0 && l.Text == "", l.Edit != "" && l.Text == "":
		return invalid("text", "is missing")
	}
	return nil
}

// Written is what became of a letter.
type Written struct {
	ID    string `json:"id"`    // of the message
	From  string `json:"from"`  // digits
	To    string `json:"to"`    // digits of the instance's account
	Taken bool   `json:"taken"` // the instance has acknowledged it; otherwise the network keeps it
}

// Behaviour is how a virtual phone takes messages from now on.
type Behaviour struct {
	Phone      string `json:"phone,omitempty"`       // digits; empty: all that were told nothing of their own
	Receipts   string `json:"receipts,omitempty"`    // none, delivered or read; empty is delivered
	RefuseWith int    `json:"refuse_with,omitempty"` // the error that the network refuses messages to it with
	Silent     bool   `json:"silent,omitempty"`      // the network never answers a message to it
	Downloads  string `json:"downloads,omitempty"`   // of files that it has sent: 404, 410 or slow; empty: they work
	Portraits  string `json:"portraits,omitempty"`   // of its account's own picture: hidden, refused, unacceptable or silent; empty: it can be set and seen
	Profiles   string `json:"profiles,omitempty"`    // of its account's own name and about text: refused, unacceptable, silent, untold or keyless; empty: they can be set
	Uploads    string `json:"uploads,omitempty"`     // of files that instances of its account send: 403, 500, 507, hang, mute, cut, babble, lost or nowhere; empty: they work
}

// Received is one message as a virtual phone has it.
type Received struct {
	ID   string    `json:"id"`
	From string    `json:"from"` // digits
	To   string    `json:"to"`   // digits
	At   time.Time `json:"at"`
	Text string    `json:"text"`
	Type string    `json:"type"` // text, image, …

	// Of a file:
	MIME     string `json:"mime,omitempty"`
	FileName string `json:"file_name,omitempty"` // of a document
	Bytes    int64  `json:"bytes,omitempty"`
}

// PhoneProfile is what a virtual phone's account says of itself.
type PhoneProfile struct {
	Phone     string `json:"phone"`     // digits
	Name      string `json:"name"`      // as the account's settings have it
	Announced string `json:"announced"` // as others see it
	About     string `json:"about"`
}

// FaultSpec is an accident to play. A kind passes over what it does not heed.
type FaultSpec struct {
	Kind  string `json:"kind"`
	NoGap bool   `json:"no_gap"`          // no time between the last word and the end of the socket
	Times int    `json:"times,omitempty"` // attempts that it strikes; 0 is one, -1 all until heal
	Later bool   `json:"later,omitempty"` // wait for the next attempt; leave the present connection alone
	// Expire is how many seconds a ban lasts. 0 is an hour; below 0 it does not say.
	Expire int `json:"expire,omitempty"`
	// Code is the reason of a ban; 0 is 101, too many messages to strangers.
	Code int `json:"code,omitempty"`
}

// FaultKind is one accident the sandbox can play.
type FaultKind struct {
	Name    string   `json:"name"`
	What    string   `json:"what"`              // one line for people
	Targets []string `json:"targets,omitempty"` // phone, code, network: whom it can befall
	Options []string `json:"options,omitempty"` // no_gap, times, later, expire, ban_reason (the field code): what it heeds
}

// SandboxError is a wish that the sandbox cannot fulfil as things are. Its text
// is for the caller.
type SandboxError struct{ Problem string }

func (e *SandboxError) Error() string { return e.Problem }
