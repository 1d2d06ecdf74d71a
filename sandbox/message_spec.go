package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// Media is a file that a phone sends, as it is before it is encrypted.
type Media struct {
	Kind     string `json:"kind"` // image, video, audio, document or sticker
	MIME     string `json:"mime,omitempty"`
	Bytes    []byte `json:"bytes"`
	Caption  string `json:"caption,omitempty"`   // of an image, a video or a document
	FileName string `json:"file_name,omitempty"` // of a document
}

// Reaction is an emoji put on a message; an empty one takes it away.
type Reaction struct {
	Target string `json:"target"` // the message's id
	Emoji  string `json:"emoji"`
}

// Edit replaces the text of a message.
type Edit struct {
	Target string `json:"target"` // the message's id
	Text   string `json:"text"`
}

// Revoke deletes a message for everyone.
type Revoke struct {
	Target string `json:"target"` // the message's id
}

// Call is a call that begins to ring.
type Call struct {
	Video bool `json:"video,omitempty"`
}

// SendSpec says what a phone sends. Exactly one of Text, Media, Reaction, Edit,
// Revoke and Call is given, or, with Repeat, none of them.
type SendSpec struct {
	// From is the number of the phone that writes, which is made if there is none;
	// empty takes a contact that everybody has.
	From string `json:"from,omitempty"`
	// To is the number of the account whose companions get it.
	To string `json:"to"`

	Text     string    `json:"text,omitempty"`
	Media    *Media    `json:"media,omitempty"`
	Reaction *Reaction `json:"reaction,omitempty"`
	Edit     *Edit     `json:"edit,omitempty"`
	Revoke   *Revoke   `json:"revoke,omitempty"`
	Call     *Call     `json:"call,omitempty"`

	ID       string    `json:"id,omitempty"`        // empty makes one up: 20 digits, hexadecimal
	At       time.Time `json:"at,omitzero"`         // zero is now
	PushName string    `json:"push_name,omitempty"` // what From calls itself
	// LIDAddressed gives the sender by its hidden number, with the other beside it.
	LIDAddressed bool `json:"lid_addressed,omitempty"`
	// FromSelf turns it round: To's own phone writes to From, and its companions
	// get the copy that is for them.
	FromSelf bool `json:"from_self,omitempty"`
	// NoSecret leaves out the message's secret, which real ones have.
	NoSecret bool `json:"no_secret,omitempty"`
	// Repeat delivers the very same stanza once more, also one that has been
	// acknowledged, if that is not long ago. With no contents it repeats the message
	// that ID names; otherwise it sends it, and sends it again.
	Repeat bool `json:"repeat,omitempty"`
	// NoWait returns once the server has the message. Otherwise Send waits until
	// every companion that is connected has acknowledged it, ten seconds at most.
	NoWait bool `json:"no_wait,omitempty"`
}

// SentCopy is what became of a message for one companion.
type SentCopy struct {
	Companion    string `json:"companion"` // its JID
	Connected    bool   `json:"connected"` // when the message was sent
	Acknowledged bool   `json:"acknowledged"`
}

// Sent is a message that the server has taken.
type Sent struct {
	ID     string     `json:"id"`
	From   string     `json:"from"` // the JID it comes from
	At     time.Time  `json:"at"`
	Copies []SentCopy `json:"copies"`
}

// Contacts are the phones that write when nobody says which.
const (
	someContact    = "5511988880001"
	anotherContact = "5511988880002"
)

// What a message may hold. A file is also bounded by what the sandbox keeps.
const (
	maxText      = 65536
	maxMediaSize = 16 << 20
)

// check makes sure that there is one thing to be sent and fills in what was left
// open.
func (s *SendSpec) check() error {
	if s.From == "" {
		s.From = someContact
		if s.To == someContact {
			s.From = anotherContact
		}
	}
	switch {
	case !validPhone(s.From) || !validPhone(s.To):
		return ErrBadPhone
	case s.From == s.To:
		return fmt.Errorf("%w: a phone does not write to itself", ErrBadMessage)
	case len(s.ID) > maxID || strings.ContainsAny(s.ID, " \x00\n"):
		return fmt.Errorf("%w: unusable id", ErrBadMessage)
	}
	things := 0
	for _, given := range []bool{
		s.Text != "", s.Media != nil, s.Reaction != nil, s.Edit != nil, s.Revoke != nil, s.Call != nil,
	} {
		if given {
			things++
		}
	}
	switch {
	case things > 1 || things == 0 && !s.Repeat:
		return fmt.Errorf("%w: give one thing to send, not %d", ErrBadMessage, things)
	case things == 0 && s.ID == "":
		return fmt.Errorf("%w: repeat what?", ErrBadMessage)
	case s.Call != nil && s.FromSelf:
		return fmt.Errorf("%w: an account's own call does not ring", ErrBadMessage)
	}
	if err := s.checkThing(); err != nil {
		return err
	}
	if s.ID == "" {
		s.ID = newMessageID()
	}
	if s.At.IsZero() {
		s.At = now()
	}
	return nil
}

func (s *SendSpec) checkThing() error {
	switch {
	case s.Media != nil && !slices.Contains(mediaKinds(), s.Media.Kind):
		return fmt.Errorf("%w: there is no media kind %q, but %s", ErrBadMessage, s.Media.Kind, strings.Join(mediaKinds(), ", "))
	case s.Media != nil && len(s.Media.Bytes) > maxMediaSize:
		return fmt.Errorf("%w: file of %d bytes", ErrBadMessage, len(s.Media.Bytes))
	case len(s.Text) > maxText, s.Edit != nil && len(s.Edit.Text) > maxText, s.Media != nil && len(s.Media.Caption) > maxText:
		return fmt.Errorf("%w: text is too long", ErrBadMessage)
	case s.Edit != nil && s.Edit.Text == "":
		return fmt.Errorf("%w: an edit needs a text", ErrBadMessage)
	case s.Reaction != nil && s.Reaction.Target == "", s.Edit != nil && s.Edit.Target == "", s.Revoke != nil && s.Revoke.Target == "":
		return fmt.Errorf("%w: it needs a target", ErrBadMessage)
	}
	return nil
}

// empty says whether there is nothing to be sent but what was sent before.
func (s *SendSpec) empty() bool {
	return s.Text == "" && s.Media == nil && s.Reaction == nil && s.Edit == nil && s.Revoke == nil && s.Call == nil
}

func newMessageID() string {
	var id [10]byte
	rand.Read(id[:])
	return strings.ToUpper(hex.EncodeToString(id[:]))
}

// jid is the address of a phone's account, by its number or its hidden one.
func (p phone) jid(hidden bool) types.JID {
	if hidden {
		return deviceJID(p.LID, 0, types.HiddenUserServer)
	}
	return deviceJID(p.Digits, 0, types.DefaultUserServer)
}
