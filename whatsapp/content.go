package whatsapp

import (
	"strings"
	"unicode"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// content is what somebody sent, out of its wrappers.
type content struct {
	field protoreflect.Name // of waE2E.Message; empty: the library does not know it
	value protoreflect.Value
}

// maxWraps is how deep content is looked for. What real clients send is wrapped
// four times at most.
const maxWraps = 8

// contentOf finds what a message says. ok is false if it says nothing: it only
// brings keys.
func contentOf(m *waE2E.Message) (c content, ok bool) {
	for range maxWraps {
		field, value := firstField(m)
		if field == nil {
			return content{}, m != nil && len(m.ProtoReflect().GetUnknown()) > 0
		}
		inner, wrapped := unwrapped(field, value)
		if !wrapped {
			return content{field.Name(), value}, true
		}
		m = inner
	}
	return content{}, true
}

// unwrapped is the message in a wrapper. The library takes off the wrappers that
// it knows of; some may stand in another order, or are newer.
func unwrapped(field protoreflect.FieldDescriptor, value protoreflect.Value) (inner *waE2E.Message, wrapped bool) {
	if field.Message() == nil {
		return nil, false
	}
	switch w := value.Message().Interface().(type) {
	case *waE2E.FutureProofMessage:
		if w.GetMessage() == nil && len(w.ProtoReflect().GetUnknown()) > 0 {
			return nil, false
		}
		return w.GetMessage(), true
	case *waE2E.DeviceSentMessage:
		return w.GetMessage(), true
	default:
		return nil, false
	}
}

// firstField is the field of the lowest number that is set and is content.
func firstField(m *waE2E.Message) (first protoreflect.FieldDescriptor, value protoreflect.Value) {
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch f.Name() {
		case "messageContextInfo", "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage", "stickerSyncRmrMessage":
			return true // no content
		}
		if f.Kind() == protoreflect.StringKind && v.String() == "" {
			return true
		}
		if first == nil || f.Number() < first.Number() {
			first, value = f, v
		}
		return true
	})
	return first, value
}

// message is the content where it is a protobuf message, nil otherwise.
func (c content) message() proto.Message {
	if !c.value.IsValid() {
		return nil
	}
	if m, ok := c.value.Interface().(protoreflect.Message); ok {
		return m.Interface()
	}
	return nil
}

// answers is the id of the message that the content answers.
func (c content) answers() string {
	m, ok := c.message().(interface{ GetContextInfo() *waE2E.ContextInfo })
	if !ok {
		return ""
	}
	return bounded(m.GetContextInfo().GetStanzaID(), maxID)
}

// typeNames are the types that their field does not name well.
var typeNames = map[protoreflect.Name]string{
	"":                                  "unknown",
	"bcallMessage":                      "broadcast_call",
	"buttonsResponseMessage":            "buttons_reply",
	"callLogMesssage":                   "call_log",
	"contactsArrayMessage":              "contacts",
	"encCommentMessage":                 "comment",
	"encEventResponseMessage":           "event_reply",
	"encReactionMessage":                "reaction",
	"highlyStructuredMessage":           "template",
	"interactiveResponseMessage":        "interactive_reply",
	"keepInChatMessage":                 "keep",
	"listResponseMessage":               "list_reply",
	"newsletterFollowerInviteMessageV2": "newsletter_invite",
	"newsletterAdminInviteMessage":      "newsletter_admin_invite",
	"pinInChatMessage":                  "pin",
	"pollCreationMessage":               "poll",
	"pollCreationMessageV2":             "poll",
	"pollCreationMessageV3":             "poll",
	"pollCreationMessageV5":             "poll",
	"pollResultSnapshotMessage":         "poll_result",
	"pollResultSnapshotMessageV3":       "poll_result",
	"pollUpdateMessage":                 "poll_vote",
	"scheduledCallCreationMessage":      "scheduled_call",
	"secretEncryptedMessage":            "encrypted_edit",
	"templateButtonReplyMessage":        "template_reply",
}

// typeName is what an event calls the content: its field in words, without
// "message".
func (c content) typeName() string {
	if name := typeNames[c.field]; name != "" {
		return name
	}
	var b strings.Builder
	for _, r := range strings.TrimSuffix(string(c.field), "Message") {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// wording is what of the content people read.
func (c content) wording() string {
	if c.field == "conversation" {
		return bounded(c.value.String(), maxText)
	}
	return bounded(wording(c.message()), maxText)
}

func wording(m proto.Message) string {
	switch m := m.(type) {
	case *waE2E.ExtendedTextMessage:
		return m.GetText()
	case interface{ GetCaption() string }: // of pictures, videos, documents, sticker packs, live locations, invitations
		return m.GetCaption()
	case *waE2E.LocationMessage:
		return oneOf(m.GetComment(), m.GetName(), m.GetAddress())
	case *waE2E.ContactMessage:
		return m.GetDisplayName()
	case *waE2E.ContactsArrayMessage:
		return m.GetDisplayName()
	case *waE2E.PollCreationMessage:
		return m.GetName()
	case *waE2E.EventMessage:
		return m.GetName()
	case *waE2E.CommentMessage:
		if c, ok := contentOf(m.GetMessage()); ok && c.typeName() != "comment" {
			return c.wording()
		}
		return ""
	default:
		return commerce(m)
	}
}

// commerce is the wording of what businesses and their customers send.
func commerce(m proto.Message) string {
	switch m := m.(type) {
	case *waE2E.ButtonsMessage:
		return m.GetContentText()
	case *waE2E.ButtonsResponseMessage:
		return m.GetSelectedDisplayText()
	case *waE2E.ListMessage:
		return oneOf(m.GetDescription(), m.GetTitle())
	case *waE2E.ListResponseMessage:
		return oneOf(m.GetTitle(), m.GetDescription())
	case *waE2E.TemplateMessage:
		return oneOf(m.GetHydratedTemplate().GetHydratedContentText(), m.GetHydratedFourRowTemplate().GetHydratedContentText(),
			m.GetInteractiveMessageTemplate().GetBody().GetText())
	case *waE2E.TemplateButtonReplyMessage:
		return m.GetSelectedDisplayText()
	case *waE2E.InteractiveMessage:
		return m.GetBody().GetText()
	case *waE2E.InteractiveResponseMessage:
		return m.GetBody().GetText()
	case *waE2E.ProductMessage:
		return oneOf(m.GetBody(), m.GetProduct().GetTitle())
	case *waE2E.OrderMessage:
		return oneOf(m.GetMessage(), m.GetOrderTitle())
	default:
		return ""
	}
}

func oneOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
