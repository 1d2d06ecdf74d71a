package sandbox

import (
	"container/list"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// MailClass says what a piece of mail is, by the tag it travels under.
type MailClass string

// What the server keeps for a companion until the companion has acknowledged it:
// a message with a receipt, a receipt, a
// call and a notification with an ack.
const (
	MailMessage MailClass = "message"
	MailReceipt MailClass = "receipt"
	MailCall    MailClass = "call"
	// MailNotification is what the server itself has to tell.
	MailNotification MailClass = "notification"
)

// maxReceipts bounds what is kept of one piece of mail's receipts and refusals.
const maxReceipts = 16

// MailReceiptSeen is a receipt that came back for a message.
type MailReceiptSeen struct {
	Type string    `json:"type"` // "" is a plain delivery receipt
	At   time.Time `json:"at"`
}

// MailStatus is what the sandbox believes of one piece of mail: one message for
// one companion.
type MailStatus struct {
	Serial     uint64    `json:"serial"` // in the order in which the server took it
	ID         string    `json:"id"`
	Class      MailClass `json:"class"`
	Kind       string    `json:"kind"`      // text, image, …; of a receipt, its type
	From       string    `json:"from"`      // the JID it is delivered as coming from
	To         string    `json:"to"`        // the account's digits
	Companion  string    `json:"companion"` // the companion's JID
	SentAt     time.Time `json:"sent_at"`   // when the server took it
	Sends      int       `json:"sends"`     // how often it was put on a wire
	LastSendAt time.Time `json:"last_send_at,omitzero"`
	// Acknowledged says that the server has been told that the companion has it,
	// and will not deliver it again by itself.
	Acknowledged   bool              `json:"acknowledged"`
	AcknowledgedAt time.Time         `json:"acknowledged_at,omitzero"`
	Receipt        string            `json:"receipt,omitempty"` // the type that acknowledged it
	Receipts       []MailReceiptSeen `json:"receipts,omitempty"`
	Retries        int               `json:"retries,omitempty"` // how often it was encrypted anew
	Nacks          []int             `json:"nacks,omitempty"`   // refusals; the first ends the delivery
	Dropped        bool              `json:"dropped,omitempty"` // the companion was removed before it had it
}

// letter is one piece of mail. Its mailbox's lock guards it, but for the fields
// above status, which do not change.
type letter struct {
	box    *mailbox
	serial uint64
	id     string
	class  MailClass
	from   types.JID
	author deviceID        // who gets to hear of receipts; number 0 for a phone
	saved  <-chan struct{} // closed when it may go out
	ended  <-chan struct{} // closed when it waits no more; nil if nobody wants to know

	status  MailStatus
	done    chan struct{} // closes ended, once
	packed  []byte        // the stanza, and
	plain   []byte        // what is in it, if a phone wrote it; both until acknowledged
	place   *list.Element // in the box's queue; nil when it is not waiting
	round   *round        // in which it was sent last
	older   *letter       // of the same id
	filed   bool          // the office counts it among those it may forget
	owed    bool          // it goes out again, whatever comes back meanwhile
	encores int           // how often it goes out more than once, next time
}

// keptLetter is a letter on disk, while it waits.
type keptLetter struct {
	ID     string    `json:"id"`
	Class  MailClass `json:"class"`
	Kind   string    `json:"kind"`
	From   types.JID `json:"from"`
	To     deviceID  `json:"to"`
	Author deviceID  `json:"author"`
	SentAt time.Time `json:"sent_at"`
	Packed []byte    `json:"packed"`
	Plain  []byte    `json:"plain,omitempty"`
}

func mailName(serial uint64) string { return fmt.Sprintf("%020d", serial) }

// kept is the change that keeps the letter as it is now.
func (l *letter) kept() change {
	raw, err := json.Marshal(keptLetter{
		ID: l.id, Class: l.class, Kind: l.status.Kind, From: l.from, To: l.box.id, Author: l.author,
		SentAt: l.status.SentAt, Packed: l.packed, Plain: l.plain,
	})
	if err != nil {
		panic(err) // strings, bytes and times
	}
	return change{mailBucket, mailName(l.serial), raw}
}

func (l *letter) erased() change { return change{mailBucket, mailName(l.serial), nil} }

// seen notes a receipt of a type, at a time.
func (l *letter) seen(kind string, at time.Time) {
	if len(l.status.Receipts) < maxReceipts {
		l.status.Receipts = append(l.status.Receipts, MailReceiptSeen{kind, at})
	}
}

// view is the letter for callers.
func (l *letter) view() MailStatus {
	s := l.status
	s.Serial, s.ID, s.Class, s.From = l.serial, l.id, l.class, l.from.String()
	s.To, s.Companion = l.box.id.Phone, l.box.id.jid().String()
	s.Receipts, s.Nacks = slices.Clone(s.Receipts), slices.Clone(s.Nacks)
	return s
}

// restored reads a letter from the state file.
func (k keptLetter) restored(box *mailbox, name string) (*letter, error) {
	serial, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read mail: %w", err)
	}
	return &letter{
		box: box, serial: serial, id: k.ID, class: k.Class, from: k.From, author: k.Author,
		status: MailStatus{Kind: k.Kind, SentAt: k.SentAt}, packed: k.Packed, plain: k.Plain,
	}, nil
}
