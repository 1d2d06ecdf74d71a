package sandbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What a phone remembers of what companions have written to it.
const (
	maxInbox = 1000
	maxTries = 1000
)

// ReceivedMessage is a message that a phone has decrypted: one for it, or the copy
// of one that a companion of its own has sent.
type ReceivedMessage struct {
	ID     string    `json:"id"`
	From   string    `json:"from"`             // the JID of the companion that wrote it
	To     string    `json:"to"`               // the JID of the chat
	Own    bool      `json:"own,omitempty"`    // it is a copy
	Kind   string    `json:"kind"`             // text, image, reaction, …
	Text   string    `json:"text,omitempty"`   // or caption, or emoji
	Target string    `json:"target,omitempty"` // the message that it is about
	At     time.Time `json:"at"`
	ReceivedFile
}

// ReceivedFile is what a message says of its file; the zero value is none. See
// [Network.ReadFile] for the file itself.
type ReceivedFile struct {
	MIME      string `json:"mime,omitempty"`
	FileName  string `json:"file_name,omitempty"` // of a document
	Bytes     int64  `json:"bytes,omitempty"`
	Width     int    `json:"width,omitempty"` // of an image
	Height    int    `json:"height,omitempty"`
	Thumbnail []byte `json:"thumbnail,omitempty"` // a JPEG

	opens fileKeys
}

// Receipts says which receipts a phone sends for what it has read.
type Receipts string

// The receipts a phone may send. The zero value of a [Behaviour] means
// ReceiptsDelivered.
const (
	ReceiptsNone      Receipts = "none"
	ReceiptsDelivered Receipts = "delivered"
	ReceiptsRead      Receipts = "read" // delivered, and then read
)

// Downloads says what happens to who fetches a file.
type Downloads string

// What may happen to downloads. The zero value is DownloadsWork.
const (
	DownloadsWork     Downloads = ""
	DownloadsNotFound Downloads = "404"
	DownloadsGone     Downloads = "410"
	DownloadsSlow     Downloads = "slow" // a file takes four seconds
)

// Behaviour is how a phone takes messages, and how the server treats them and its
// files. It is not kept in the state file.
type Behaviour struct {
	Receipts   Receipts  `json:"receipts,omitempty"`
	RefuseWith int       `json:"refuse_with,omitempty"` // the server refuses messages to it with this error
	Silent     bool      `json:"silent,omitempty"`      // the server never answers a message to it
	Downloads  Downloads `json:"downloads,omitempty"`   // of files that it has sent
	Portraits  Portraits `json:"portraits,omitempty"`   // of its account's own picture
	Profiles   Profiles  `json:"profiles,omitempty"`    // of its account's own name and about text
	Uploads    Uploads   `json:"uploads,omitempty"`     // by companions of its own
}

// inbox is what phones have received, and how they behave. Any goroutine may call
// it.
type inbox struct {
	mu        sync.Mutex
	received  map[string][]ReceivedMessage // by digits; below: guarded by mu
	behaviour map[string]Behaviour         // "" is everybody else
	tried     map[string]int
}

func newInbox() *inbox {
	return &inbox{
		received: make(map[string][]ReceivedMessage), behaviour: make(map[string]Behaviour), tried: make(map[string]int),
	}
}

func (b *inbox) put(digits string, m ReceivedMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.received[digits] = append(b.received[digits], m)
	if all := b.received[digits]; len(all) > maxInbox {
		b.received[digits] = slices.Delete(all, 0, len(all)-maxInbox)
	}
}

// tries counts how often a phone could not read a message.
func (b *inbox) tries(digits string, from deviceID, id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.tried) >= maxTries {
		clear(b.tried)
	}
	name := digits + " " + from.String() + " " + id
	b.tried[name]++
	return b.tried[name]
}

// behaviour is a phone's, with the gaps filled in.
func (n *Network) behaviour(digits string) Behaviour {
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	how, own := n.inbox.behaviour[digits]
	if !own {
		how = n.inbox.behaviour[""]
	}
	if how.Receipts == "" {
		how.Receipts = ReceiptsDelivered
	}
	return how
}

// Received returns what a phone has read of what companions wrote, oldest first:
// the last thousand. The error is ErrBadPhone, ErrUnknownPhone or ErrClosed.
func (n *Network) Received(_ context.Context, digits string) ([]ReceivedMessage, error) {
	if !validPhone(digits) {
		return nil, ErrBadPhone
	}
	if !n.enter() {
		return nil, ErrClosed
	}
	defer n.exit()
	if !n.ledger.hasPhone(digits) {
		return nil, ErrUnknownPhone
	}
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	return slices.Clone(n.inbox.received[digits]), nil
}

// Behave says how a phone takes messages from now on. The phone is made if there
// is none; no digits mean all phones that nobody has told anything. The error is,
// or wraps, ErrBadPhone, ErrBadBehaviour or ErrClosed.
func (n *Network) Behave(_ context.Context, digits string, how Behaviour) error {
	switch {
	case digits != "" && !validPhone(digits):
		return ErrBadPhone
	case !slices.Contains([]Receipts{"", ReceiptsNone, ReceiptsDelivered, ReceiptsRead}, how.Receipts):
		return fmt.Errorf("%w: there are no receipts %q, but none, delivered, read", ErrBadBehaviour, how.Receipts)
	case !slices.Contains([]Downloads{DownloadsWork, DownloadsNotFound, DownloadsGone, DownloadsSlow}, how.Downloads):
		return fmt.Errorf("%w: there are no downloads %q, but 404, 410, slow", ErrBadBehaviour, how.Downloads)
	case !slices.Contains([]Portraits{PortraitsWork, PortraitsHidden, PortraitsRefused, PortraitsUnacceptable, PortraitsSilent}, how.Portraits):
		return fmt.Errorf("%w: there are no portraits %q, but hidden, refused, unacceptable, silent", ErrBadBehaviour, how.Portraits)
	case !slices.Contains(allProfiles, how.Profiles):
		return fmt.Errorf("%w: there are no profiles %q, but refused, unacceptable, silent, untold, keyless", ErrBadBehaviour, how.Profiles)
	case !slices.Contains(allUploads, how.Uploads):
		return fmt.Errorf("%w: there are no uploads %q, but 403, 500, 507, hang, mute, cut, babble, lost, nowhere", ErrBadBehaviour, how.Uploads)
	case how.RefuseWith < 0 || how.RefuseWith > 999:
		return fmt.Errorf("%w: error %d has not three digits", ErrBadBehaviour, how.RefuseWith)
	}
	if !n.enter() {
		return ErrClosed
	}
	defer n.exit()
	if digits != "" {
		if _, err := n.ledger.phoneOrNew(digits); err != nil {
			return fmt.Errorf("behave: %w", err)
		}
	}
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	n.inbox.behaviour[digits] = how
	return nil
}
