package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

const maxBody = 65536 // characters; WhatsApp's own limit

// sendAgain are the waits before a message is begun again whose encryption has met
// a message of the same person that was being decrypted: somebody who writes many
// at once lets it through between them.
var sendAgain = []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond, 250 * time.Millisecond}

// SendText implements [instance.Conn]. Digits become a JID without asking
// WhatsApp whether somebody has that number: asking about many numbers gets an
// account locked. Where nobody has, WhatsApp takes the text over all the same,
// for the account's own phone only: no receipt will come.
func (c *conn) SendText(ctx context.Context, t instance.Text) (record.Message, error) {
	to, err := recipient(t.To)
	if err != nil {
		return record.Message{}, err
	}
	if err := checkText(t); err != nil {
		return record.Message{}, err
	}
	message := &waE2E.Message{Conversation: proto.String(t.Body)}
	m, err := c.sendMessage(ctx, to, t.ID, message)
	if err != nil {
		return record.Message{}, fmt.Errorf("send text: %w", err)
	}
	m.Text = t.Body
	return m, nil
}

// sendMessage sends a message and answers what is known of it: not its contents.
func (c *conn) sendMessage(ctx context.Context, to types.JID, id string, message *waE2E.Message) (record.Message, error) {
	self := c.self.Load()
	if self == nil || !c.LoggedOn() {
		return record.Message{}, instance.ErrNotConnected
	}
	if id == "" {
		id = c.client.GenerateMessageID()
	}
	m := record.Message{ID: id, From: text(plain(self.jid)), LID: text(plain(self.lid)), FromMe: true}
	m.To, _ = book(c.otherJID).named(to, types.EmptyJID)
	m.Chat = m.To
	c.driver.recents.put(recent{self.session, m.To, id}, message)
	sent, err := c.send(ctx, to, id, message)
	if err != nil {
		return record.Message{}, sendError(err)
	}
	if err := c.keys.NoteChat(ctx, to); err != nil && !c.closed.Load() {
		c.log.Warn("chat not noted", "err", err)
	}
	m.SentAt = seconds(sent.Timestamp)
	return m, nil
}

// send sends, and again with the same id where the library has given up before
// anything left: a ratchet was stepped by somebody else meanwhile.
//
// Messages wait for each other here: the library's own lock, which it holds until
// WhatsApp answers, heeds no context.
func (c *conn) send(ctx context.Context, to types.JID, id string, message *waE2E.Message) (whatsmeow.SendResponse, error) {
	if err := c.sends.Acquire(ctx, 1); err != nil {
		return whatsmeow.SendResponse{}, err
	}
	defer c.sends.Release(1)
	for try := 0; ; try++ {
		ours, _ := proto.Clone(message).(*waE2E.Message) // the library adds to it
		sent, err := c.client.SendMessage(ctx, to, ours, whatsmeow.SendRequestExtra{ID: id})
		if !errors.Is(err, devicestore.ErrConflict) || try == len(sendAgain) {
			return sent, err
		}
		select {
		case <-time.After(sendAgain[try]):
		case <-ctx.Done():
			return sent, ctx.Err()
		}
	}
}

// sentBefore finds a message for a phone that could not read it, where the client of
// this connection has not sent it.
func (c *conn) sentBefore(_, to types.JID, id types.MessageID) *waE2E.Message {
	self := c.self.Load()
	if self == nil {
		return nil
	}
	by, _ := book(c.otherJID).named(to, types.EmptyJID)
	return c.driver.recents.get(recent{self.session, by, id})
}

var messageID = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)

func checkID(id string) error {
	if id != "" && !messageID.MatchString(id) {
		return &instance.InvalidError{Field: "id", Problem: "a message's id is 1 to 64 letters, digits, dots, dashes and underscores"}
	}
	return nil
}

func checkText(t instance.Text) error {
	switch {
	case checkID(t.ID) != nil:
		return checkID(t.ID)
	case t.Body == "":
		return &instance.InvalidError{Field: "text", Problem: "is empty"}
	case !utf8.ValidString(t.Body):
		return &instance.InvalidError{Field: "text", Problem: "is not UTF-8"}
	case utf8.RuneCountInString(t.Body) > maxBody:
		return &instance.InvalidError{Field: "text", Problem: "is longer than 65536 characters"}
	default:
		return nil
	}
}

// errNoAnswer is a [context.DeadlineExceeded] in words.
var errNoAnswer = fmt.Errorf("no answer in time (%w)", context.DeadlineExceeded)

// sendError is the library's error as callers and logs may have it.
func sendError(err error) error {
	var refused *whatsmeow.IQError
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("WhatsApp refused it with code %d", refused.Code) // its text may be the answer's XML
	case errors.Is(err, whatsmeow.ErrServerReturnedError): // its text ends with the code
		return fmt.Errorf("%w: %w", instance.ErrTextRefused, maskedError{err})
	case errors.Is(err, context.DeadlineExceeded):
		return errNoAnswer
	case errors.Is(err, whatsmeow.ErrNotConnected), errors.Is(err, whatsmeow.ErrNotLoggedIn), errors.Is(err, devicestore.ErrClosed):
		return instance.ErrNotConnected
	default:
		return maskedError{err}
	}
}

// maskedError is an error whose text hides phone numbers.
type maskedError struct{ error }

var number = regexp.MustCompile(`[0-9]{5,}`)

func (e maskedError) Error() string { return number.ReplaceAllString(e.error.Error(), "…") }
func (e maskedError) Unwrap() error { return e.error }
