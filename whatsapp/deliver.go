package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// handle takes the library's events. It answers true once what arrived is
// durable, and only then does the library acknowledge it; false ends the
// connection, so that it comes again. It is called on many goroutines at once,
// and waits for the store but never for the network.
func (c *conn) handle(event any) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("event handler panicked", "event", fmt.Sprintf("%T", event), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.giveUp(errPanicked)
			ok = false
		}
	}()
	if c.closed.Load() || c.over.Load() {
		return false
	}
	if f, known := fact(event); known {
		c.spec.Report(f)
		if f.Kind == instance.FactUp {
			c.wakeHistory()
			if self := c.self.Load(); self != nil {
				c.announce(self.name)
			}
		}
		return true
	}
	if err := c.arrived(event); err != nil {
		c.giveUp(err)
		return false
	}
	return true
}

var errPanicked = errors.New("the handler of an event panicked")

// refusal is an error of [instance.Spec.Deliver], not of the device store.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// giveUp ends a connection on which something could not be stored. From here on
// nothing leaves its sockets: the library acknowledges calls and the receipts of
// groups whatever the handler answers (read in v0.0.0-20251217143725).
func (c *conn) giveUp(err error) {
	c.over.Store(true)
	c.lines.cut()
	_, byInstance := errors.AsType[refusal](err)
	f := instance.Fact{Kind: instance.FactLost, Cause: fsm.CauseStoreUnavailable, Err: err}
	switch {
	case byInstance && errors.Is(err, instance.ErrUnavailable):
		return // the instance has said so
	case byInstance, errors.Is(err, errPanicked):
		f.Cause = fsm.CauseInternalError
	}
	if c.lost.CompareAndSwap(false, true) && !c.closed.Load() {
		c.spec.Report(f)
	}
}

// storeFailed is told in the middle of a write, and must not wait. What the
// instance has refused the handler is about to hear, too.
func (c *conn) storeFailed(err error) {
	c.over.Store(true)
	c.lines.cut()
	if _, refused := errors.AsType[refusal](err); !refused {
		go c.giveUp(err)
	}
}

// arrived makes what an event brings durable. Events that bring nothing are
// taken.
func (c *conn) arrived(event any) error {
	switch e := event.(type) {
	case *events.Message:
		return c.message(e)
	case *events.Receipt:
		for _, m := range c.reader().receipts(e) {
			if err := c.take(record.MessageReceipt, m, apart(record.MessageReceipt, m)); err != nil {
				return err
			}
		}
	case *events.CallOffer:
		return c.call(&e.BasicCallMeta)
	case *events.CallOfferNotice:
		return c.call(&e.BasicCallMeta)
	case *events.FBMessage:
		return c.take("", nil, devicestore.Arrival{})
	case *events.UndecryptableMessage:
		c.log.Warn("message could not be decrypted, asked for it again", "unavailable", e.IsUnavailable, "group", e.Info.IsGroup)
	}
	return nil
}

// message stores a message, or the keys it brings.
func (c *conn) message(e *events.Message) error {
	c.uncover(e)
	kind, m := c.read(e)
	a := devicestore.Arrival{}
	if kind != "" {
		a = devicestore.Arrival{
			Chat: e.Info.Chat, Sender: e.Info.Sender, ID: m.ID, At: e.Info.Timestamp, Part: e.UnavailableRequestID != "",
		}
	}
	if err := c.take(kind, m, a); err != nil {
		return err
	}
	// The device store has made it one of the things to do; only the own phone's
	// announcements are.
	if e.Info.IsFromMe && e.Message.GetProtocolMessage().GetHistorySyncNotification() != nil {
		c.wakeHistory()
	}
	return nil
}

func (c *conn) call(e *types.BasicCallMeta) error {
	m := c.reader().call(e)
	return c.take(record.MessageCall, m, apart(record.MessageCall, m))
}

// apart is how something that is no message is remembered: beside a message that
// may be open at the same moment.
func apart(kind record.Kind, m *record.Message) devicestore.Arrival {
	chat, _ := types.ParseJID(m.Chat) // ours
	from, _ := types.ParseJID(m.From)
	return devicestore.Arrival{Chat: chat, Sender: from, ID: seenAs(kind, m), At: m.SentAt, Part: true}
}

// take makes one thing durable, with the keys that its decryption has changed.
// What was taken before is taken.
func (c *conn) take(kind record.Kind, m *record.Message, a devicestore.Arrival) error {
	_, err := c.keys.Deliver(c.life, a, func(ctx context.Context, writes map[string][]byte) error {
		if kind == "" && len(writes) == 0 {
			return nil
		}
		d := instance.Delivery{Kind: kind, Message: m, Keys: writes}
		if self := c.self.Load(); self != nil {
			d.Session = self.session
		}
		return c.hand(ctx, d)
	})
	return err
}

// hand hands something to the instance.
func (c *conn) hand(ctx context.Context, d instance.Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("delivery panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = refusal{errPanicked}
		}
	}()
	if err := c.spec.Deliver(ctx, d); err != nil {
		return refusal{err}
	}
	return nil
}

// read turns a message into one of ours. One that cannot be read is told as such
// instead of coming again for ever.
func (c *conn) read(e *events.Message) (kind record.Kind, m *record.Message) {
	r := c.reader()
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("message could not be read", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			kind, m = record.MessageOther, r.head(&e.Info)
			m.Type = "unknown"
		}
	}()
	return r.message(e)
}

// uncover opens what is sealed a second time, with the secret of the message it
// is about: reactions and comments in announcement groups. What cannot be opened
// stays as it is.
func (c *conn) uncover(e *events.Message) {
	switch {
	case e.Message.GetEncReactionMessage() != nil:
		if r, err := c.client.DecryptReaction(c.life, e); err == nil {
			if r.GetKey() == nil {
				r.Key = e.Message.GetEncReactionMessage().GetTargetMessageKey()
			}
			e.Message = &waE2E.Message{ReactionMessage: r}
		}
	case e.Message.GetEncCommentMessage() != nil:
		if comment, err := c.client.DecryptComment(c.life, e); err == nil {
			e.Message = &waE2E.Message{CommentMessage: &waE2E.CommentMessage{
				Message: comment, TargetMessageKey: e.Message.GetEncCommentMessage().GetTargetMessageKey(),
			}}
		}
	}
}

// reader reads with what the account knows now.
func (c *conn) reader() reader {
	r := reader{book: c.otherJID}
	if self := c.self.Load(); self != nil {
		r.own, r.lid = self.jid, self.lid
	}
	return r
}

// otherJID is a [book].
func (c *conn) otherJID(jid types.JID) types.JID {
	lids := c.client.Store.LIDs
	if lids == nil {
		return types.EmptyJID
	}
	find := lids.GetLIDForPN
	if jid.Server == types.HiddenUserServer {
		find = lids.GetPNForLID
	}
	other, err := find(c.life, jid)
	if err != nil {
		return types.EmptyJID
	}
	return other
}
