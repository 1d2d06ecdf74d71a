package sandbox

import (
	"cmp"
	"crypto/rand"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// contents is a message before it is encrypted, and what its stanza says of it.
type contents struct {
	message   *waE2E.Message
	kind      string // for the mail: text, image, …
	stanza    string // the stanza's type
	mediaType string // the ciphertext's, if any
	edit      string // the stanza's, if any
	hide      bool   // nothing is to be shown when it cannot be read
}

// contents makes the message that is asked for. own says that the message that it
// is about was written by the phone that writes this one.
func (n *Network) contents(s SendSpec, author, chat phone, own bool) (contents, error) {
	target := func(id string, own bool) *waCommon.MessageKey {
		return &waCommon.MessageKey{
			RemoteJID: proto.String(chat.jid(s.LIDAddressed).String()), FromMe: proto.Bool(own), ID: proto.String(id),
		}
	}
	c := contents{message: &waE2E.Message{}, stanza: "text"}
	switch {
	case s.Media != nil:
		message, err := n.mediaMessage(*s.Media, author.Digits)
		if err != nil {
			return contents{}, err
		}
		c.message, c.kind, c.stanza, c.mediaType = message, s.Media.Kind, "media", s.Media.Kind
	case s.Reaction != nil:
		c.kind, c.stanza, c.hide = "reaction", "reaction", true
		c.message.ReactionMessage = &waE2E.ReactionMessage{
			Key: target(s.Reaction.Target, own), Text: &s.Reaction.Emoji,
			SenderTimestampMS: proto.Int64(s.At.UnixMilli()),
		}
		if s.Reaction.Emoji == "" {
			c.edit = "7"
		}
	case s.Edit != nil:
		c.kind, c.edit, c.hide = "edit", "1", true
		c.message.EditedMessage = &waE2E.FutureProofMessage{Message: &waE2E.Message{
			ProtocolMessage: &waE2E.ProtocolMessage{
				Key: target(s.Edit.Target, true), Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
				EditedMessage: &waE2E.Message{Conversation: &s.Edit.Text}, TimestampMS: proto.Int64(s.At.UnixMilli()),
			},
		}}
	case s.Revoke != nil:
		c.kind, c.edit, c.hide = "revoke", "7", true
		c.message.ProtocolMessage = &waE2E.ProtocolMessage{
			Key: target(s.Revoke.Target, true), Type: waE2E.ProtocolMessage_REVOKE.Enum(),
		}
	default:
		c.kind, c.message.Conversation = "text", &s.Text
	}
	if !s.NoSecret {
		secret := make([]byte, 32)
		rand.Read(secret)
		c.message.MessageContextInfo = &waE2E.MessageContextInfo{MessageSecret: secret}
	}
	return c, nil
}

// plain is what is encrypted: the message, or the copy that a phone's own
// companions get of it.
func (c contents) plain(copyOf *phone, hidden bool) ([]byte, error) {
	message := c.message
	if copyOf != nil {
		message = &waE2E.Message{
			DeviceSentMessage: &waE2E.DeviceSentMessage{
				DestinationJID: proto.String(copyOf.jid(hidden).String()), Message: c.message,
			},
			MessageContextInfo: c.message.GetMessageContextInfo(),
		}
	}
	return proto.Marshal(message)
}

// readContents says what a message is that a companion has written.
func readContents(m *waE2E.Message) (got ReceivedMessage) {
	if inner := m.GetEditedMessage().GetMessage(); inner != nil {
		m = inner
	}
	if inner := m.GetDocumentWithCaptionMessage().GetMessage(); inner != nil {
		m = inner
	}
	if inner := m.GetEphemeralMessage().GetMessage(); inner != nil {
		m = inner
	}
	p := m.GetProtocolMessage()
	switch {
	case m.GetConversation() != "" || m.GetExtendedTextMessage() != nil:
		got.Kind, got.Text = "text", cmp.Or(m.GetConversation(), m.GetExtendedTextMessage().GetText())
	case m.GetReactionMessage() != nil:
		got.Kind, got.Text, got.Target = "reaction", m.GetReactionMessage().GetText(), m.GetReactionMessage().GetKey().GetID()
	case p.GetType() == waE2E.ProtocolMessage_MESSAGE_EDIT && p.GetEditedMessage() != nil:
		got.Kind, got.Text, got.Target = "edit", readContents(p.GetEditedMessage()).Text, p.GetKey().GetID()
	case p != nil && p.GetType() == waE2E.ProtocolMessage_REVOKE && p.GetKey() != nil:
		got.Kind, got.Target = "revoke", p.GetKey().GetID()
	case p != nil:
		got.Kind, got.Text = "protocol", p.GetType().String()
	default:
		readMedia(m, &got)
	}
	return got
}
