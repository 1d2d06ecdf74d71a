package notify

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/record"
)

// message is the form of a message of either direction ("IncomingMessageReceived",
// "OutgoingMessageReceived", "OutgoingApiMessage").
type message struct {
	envelope
	ID     string  `json:"idMessage"`
	Sender sender  `json:"senderData"`
	Data   content `json:"messageData"`
}

// sender says who wrote in which chat. A name that is not known is empty: we have no
// address book, and know what somebody calls themselves only from what they write
// (our choice).
type sender struct {
	Chat     string `json:"chatId"`
	Sender   string `json:"sender"`
	ChatName string `json:"chatName"`
	Name     string `json:"senderName"`
	Contact  string `json:"senderContactName"`
}

// incomingCall is the form of a call ("IncomingCall"). That somebody calls is all we
// hear of it, so the status is always offer.
type incomingCall struct {
	From string `json:"from"`
	envelope
	Status string `json:"status"`
	ID     string `json:"idMessage"`
}

// status is the form of what became of a message of ours ("OutgoingMessageStatus").
type status struct {
	envelope
	Chat   string `json:"chatId"`
	ID     string `json:"idMessage"`
	Status string `json:"status"` // sent, delivered, read
	ByAPI  bool   `json:"sendByApi"`
}

// written answers the message itself and, of one that was sent, that it was.
func written(a Account, ev *record.Event) []notification {
	m, s := ev.Message, a.Settings
	direction, on := "incomingMessageReceived", s.Incoming
	switch {
	case ev.Kind == record.MessageSent:
		direction, on = "outgoingAPIMessageReceived", s.OutgoingAPIMessage
	case m.FromMe:
		direction, on = "outgoingMessageReceived", s.OutgoingMessage
	}
	all := []notification{{on && further(s, ev), message{
		envelope: wrap(direction, a, linked(a, m), moment(m, ev.At)), ID: m.ID, Sender: from(m), Data: contentOf(ev),
	}}}
	switch ev.Kind {
	case record.MessageSent:
		all = append(all, statusOf(a, m, m.ID, "sent", s.OutgoingStatus, moment(m, ev.At)))
	case record.MessageText, record.MessageMedia, record.MessageOther:
		if m.FromMe { // the statuses of these want both switches, says the vendor
			all = append(all, statusOf(a, m, m.ID, "sent", s.OutgoingStatus && s.OutgoingMessage, moment(m, ev.At)))
		}
	default:
	}
	return all
}

// further reports whether the switches of special kinds of messages, which come
// beside that of the direction, want one.
func further(s record.GreenSettings, ev *record.Event) bool {
	switch {
	case ev.Kind == record.MessageEdited:
		return s.Edited
	case ev.Kind == record.MessageRevoked:
		return s.Deleted
	case ev.Kind == record.MessageOther && strings.HasPrefix(ev.Message.Type, "poll"):
		return s.Poll
	default:
		return true
	}
}

// statuses answers one notification for each message of a receipt. What the own
// phone has read is nobody's answer to a message of ours.
func statuses(a Account, m *record.Message) (all []notification) {
	if m.FromMe {
		return nil
	}
	word := m.Type
	if word == "played" { // "read: message read/viewed/heard by the recipient"
		word = "read"
	}
	for _, id := range m.Targets {
		all = append(all, statusOf(a, m, id, word, a.Settings.OutgoingStatus, m.SentAt))
	}
	return all[:min(len(all), Most)]
}

// apiPrefix begins the ids that Switchhook makes. So do those of messages written
// in WhatsApp Web; a phone's begin otherwise (seen in go.mau.fi/whatsmeow,
// WebMessageIDPrefix). A receipt does not say who has sent what it is about.
const apiPrefix = "3EB0"

func statusOf(a Account, m *record.Message, id, word string, on bool, at time.Time) notification {
	return notification{on, status{
		envelope: wrap("outgoingMessageStatus", a, linked(a, m), at),
		Chat:     chatID(m.Chat), ID: id, Status: word, ByAPI: strings.HasPrefix(id, apiPrefix),
	}}
}

// called answers the notification of a call. The vendor wants both switches.
func called(a Account, m *record.Message) notification {
	return notification{a.Settings.Incoming && a.Settings.IncomingCall, incomingCall{
		From: chatID(m.From), envelope: wrap("incomingCall", a, a.Phone, m.SentAt), Status: m.Type, ID: m.ID,
	}}
}

func from(m *record.Message) sender {
	s := sender{Chat: chatID(m.Chat), Sender: chatID(m.From), Name: m.Name}
	if !m.Group && !m.FromMe {
		s.ChatName = m.Name
	}
	return s
}

// linked is the number of the account that a message belongs to: of what it has
// sent, its sender, and otherwise the one that is linked now.
func linked(a Account, m *record.Message) string {
	if digits, ok := strings.CutSuffix(m.From, "@s.whatsapp.net"); ok && m.FromMe {
		return digits
	}
	return a.Phone
}

// moment is when a message was sent, as WhatsApp says, or when we heard of it.
func moment(m *record.Message, at time.Time) time.Time {
	if m.SentAt.IsZero() {
		return at
	}
	return m.SentAt
}
