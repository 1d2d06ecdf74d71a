package whatsapp

import (
	"strings"
	"time"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/record"
)

// What one event holds at most, in bytes; more is cut off. They keep an event
// below what a broker takes, and are beyond what WhatsApp's own clients send.
const (
	maxText    = 256 << 10
	maxName    = 512
	maxID      = 256
	maxTargets = 500
)

// reader turns what arrives into messages of ours. It keeps nothing.
type reader struct {
	own  types.JID
	lid  types.JID
	book book
}

// message reads a message. An empty kind means that it is no content: it brings
// keys, or settings between devices.
func (r reader) message(e *events.Message) (record.Kind, *record.Message) {
	c, ok := contentOf(e.Message)
	if !ok {
		return "", nil
	}
	if p, isProtocol := c.message().(*waE2E.ProtocolMessage); isProtocol {
		return r.protocol(e, p)
	}
	m := r.head(&e.Info)
	if again := e.SourceWebMsg.GetKey().GetID(); again != "" && again != e.Info.ID {
		// The phone's copy of an edit that we could not read: the library puts the id
		// and the contents of what was edited in its place.
		m.ID, m.Text, m.Targets = bounded(again, maxID), c.wording(), []string{m.ID}
		return record.MessageEdited, m
	}
	if e.NewsletterMeta != nil && !e.NewsletterMeta.EditTS.IsZero() { // in newsletters the id stays
		m.Text, m.Targets = c.wording(), []string{m.ID}
		return record.MessageEdited, m
	}
	m.Quoted, m.Text = c.answers(), c.wording()
	return fill(m, c), m
}

// fill adds what is particular to a kind of content and answers the kind.
func fill(m *record.Message, c content) record.Kind {
	switch v := c.message().(type) {
	case nil:
		if c.field == "conversation" {
			return record.MessageText
		}
	case *waE2E.ExtendedTextMessage:
		return record.MessageText
	case *waE2E.ReactionMessage:
		m.Text, m.Targets = bounded(v.GetText(), maxName), targets(v.GetKey())
		return record.MessageReaction
	case *waE2E.EncReactionMessage:
		m.Targets = targets(v.GetTargetMessageKey())
	case *waE2E.EncCommentMessage:
		m.Targets = targets(v.GetTargetMessageKey())
	case *waE2E.CommentMessage:
		m.Targets = targets(v.GetTargetMessageKey())
	case *waE2E.PollUpdateMessage:
		m.Targets = targets(v.GetPollCreationMessageKey())
	case *waE2E.SecretEncryptedMessage:
		m.Targets = targets(v.GetTargetMessageKey())
	case *waE2E.PinInChatMessage:
		m.Targets = targets(v.GetKey())
	case *waE2E.KeepInChatMessage:
		m.Targets = targets(v.GetKey())
	default:
		if m.Type, m.Media = mediaOf(v); m.Media != nil {
			if c.field == "ptvMessage" {
				m.Type = "video_note"
			}
			return record.MessageMedia
		}
	}
	m.Type = c.typeName()
	return record.MessageOther
}

// protocol reads what one client tells another about a message. Whatever else
// clients tell each other is no content.
func (r reader) protocol(e *events.Message, p *waE2E.ProtocolMessage) (record.Kind, *record.Message) {
	if p.Type == nil { // of a type that the library does not know; its default would be REVOKE
		return "", nil
	}
	switch p.GetType() {
	case waE2E.ProtocolMessage_REVOKE:
		m := r.head(&e.Info)
		m.Targets = targets(p.GetKey())
		return record.MessageRevoked, m
	case waE2E.ProtocolMessage_MESSAGE_EDIT:
		m := r.head(&e.Info)
		m.Targets = targets(p.GetKey())
		if c, ok := contentOf(p.GetEditedMessage()); ok {
			m.Text = c.wording()
		}
		return record.MessageEdited, m
	default:
		return "", nil
	}
}

// head is what is known of a message without reading it.
func (r reader) head(info *types.MessageInfo) *record.Message {
	chat := r.source(&info.MessageSource, info.DeviceSentMeta)
	m := &record.Message{
		ID: bounded(info.ID, maxID), Chat: chat.chat, From: chat.from, LID: chat.lid,
		Name: bounded(info.PushName, maxName), FromMe: info.IsFromMe, Group: chat.group, SentAt: seconds(info.Timestamp),
	}
	if m.FromMe {
		m.To, m.Name = m.Chat, ""
	}
	return m
}

// whence is where something came from.
type whence struct {
	chat, from, lid string
	group           bool
}

func (r reader) source(s *types.MessageSource, sent *types.DeviceSentMeta) (w whence) {
	w.from, w.lid = r.book.named(s.Sender, s.SenderAlt)
	if s.IsFromMe && !r.own.IsEmpty() {
		w.from, w.lid = text(plain(r.own)), text(plain(r.lid))
	}
	chat, alt := s.Chat, s.RecipientAlt
	switch {
	case s.IsIncomingBroadcast(): // a broadcast list's messages stand in the chat with their sender
		chat, alt = s.Sender, s.SenderAlt
	case !s.IsFromMe && plain(chat) == plain(s.Sender):
		alt = s.SenderAlt
	case s.IsFromMe && sent != nil && plain(chat).User == plain(s.Sender).User: // no recipient beside the message
		if to, err := types.ParseJID(sent.DestinationJID); err == nil && to.User != "" {
			chat = to
		}
	}
	w.chat, _ = r.book.named(chat, alt)
	w.group = chat.Server == types.GroupServer
	return w
}

func targets(key *waCommon.MessageKey) []string {
	id := bounded(key.GetID(), maxID)
	if id == "" {
		return nil
	}
	return []string{id}
}

// seconds is WhatsApp's time, to its precision. Beyond what JSON can say it is
// none.
func seconds(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Second)
	if t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// bounded is s as UTF-8, cut after a whole character to at most so many bytes.
func bounded(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
		for i := 1; i <= utf8.UTFMax && i <= len(s); i++ {
			if utf8.RuneStart(s[len(s)-i]) {
				if !utf8.FullRuneInString(s[len(s)-i:]) {
					s = s[:len(s)-i]
				}
				break
			}
		}
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
