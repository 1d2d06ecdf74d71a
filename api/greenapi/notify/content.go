package notify

import (
	"strings"

	"github.com/switchhook/switchhook/record"
)

// content is messageData: a type, and what belongs to it ("TextMessage",
// "QuotedMessage", "ImageMessage", "LocationMessage", "ContactMessage",
// "PollMessage", "ReactionMessage", "EditedMessage", "DeletedMessage").
type content struct {
	Type     string    `json:"typeMessage"`
	Text     *text     `json:"textMessageData,omitempty"`
	Extended *extended `json:"extendedTextMessageData,omitempty"`
	File     *file     `json:"fileMessageData,omitempty"`
	Location *location `json:"locationMessageData,omitempty"`
	Contact  *contact  `json:"contactMessageData,omitempty"`
	Poll     *poll     `json:"pollMessageData,omitempty"`
	Edited   *edited   `json:"editedMessageData,omitempty"`
	Deleted  *deleted  `json:"deletedMessageData,omitempty"`
	Quoted   *quoted   `json:"quotedMessage,omitempty"`
}

type text struct {
	Text string `json:"textMessage"`
}

// extended is the text of an answer, or the emoji of a reaction.
type extended struct {
	Text string `json:"text"`
	*quoted
}

// quoted names the message that is answered or reacted to. Who wrote that is not
// known here: participant is empty (our choice).
type quoted struct {
	ID          string `json:"stanzaId"`
	Participant string `json:"participant"`
}

// file is a file as the sender describes it. It stays with WhatsApp until it is
// asked for, so there is no downloadUrl, and no preview is kept; both are empty (our
// choice).
type file struct {
	URL       string `json:"downloadUrl"`
	Caption   string `json:"caption"`
	Name      string `json:"fileName"`
	Thumbnail string `json:"jpegThumbnail"`
	MIME      string `json:"mimeType"`
	Forwarded bool   `json:"isForwarded"`
	Forwards  int    `json:"forwardingScore"`
}

// location, contact and poll carry their names: the rest is not in the event (our
// choice).
type location struct {
	Name string `json:"nameLocation"`
}

type contact struct {
	Name string `json:"displayName"`
}

type poll struct {
	Name string `json:"name"`
}

type edited struct {
	Text string `json:"textMessage"`
	ID   string `json:"stanzaId"`
}

type deleted struct {
	ID string `json:"stanzaId"`
}

// contentOf answers what a message says.
func contentOf(ev *record.Event) content {
	m := ev.Message
	target := ""
	if len(m.Targets) > 0 {
		target = m.Targets[0]
	}
	switch ev.Kind {
	case record.MessageReaction: // without an emoji it was taken back
		return content{Type: "reactionMessage", Extended: &extended{Text: m.Text}, Quoted: &quoted{ID: target}}
	case record.MessageEdited:
		return content{Type: "editedMessage", Edited: &edited{m.Text, target}}
	case record.MessageRevoked:
		return content{Type: "deletedMessage", Deleted: &deleted{target}}
	default:
	}
	var c content
	switch {
	case m.Media != nil:
		c = content{Type: typeName(m.Type), File: &file{Caption: m.Text, Name: fileName(m), MIME: m.Media.MIME}}
	case m.Type != "":
		c = other(m)
	case m.Quoted != "":
		q := &quoted{ID: m.Quoted}
		return content{Type: "quotedMessage", Extended: &extended{m.Text, q}, Quoted: q}
	default:
		c = content{Type: "textMessage", Text: &text{m.Text}}
	}
	if m.Quoted != "" {
		c.Quoted = &quoted{ID: m.Quoted}
	}
	return c
}

func other(m *record.Message) content {
	c := content{Type: typeName(m.Type)}
	switch c.Type {
	case "locationMessage":
		c.Location = &location{m.Text}
	case "contactMessage":
		c.Contact = &contact{m.Text}
	case "pollMessage":
		c.Poll = &poll{m.Text}
	default:
		if m.Text != "" {
			c.Text = &text{m.Text} // what people read of it (our choice)
		}
	}
	return c
}

// fileName is the sender's name for a file, or one that is made of the message's id:
// only documents have a name of their own.
func fileName(m *record.Message) string {
	if m.Media.FileName != "" {
		return m.Media.FileName
	}
	return m.ID + m.Media.Extension()
}

// typeNames are the vendor's names where they are not ours with "Message" behind.
var typeNames = map[string]string{
	"video_note": "videoMessage", "voice": "audioMessage", "sticker_pack": "documentMessage",
	"live_location": "locationMessage", "contacts": "contactsArrayMessage", "poll_vote": "pollUpdateMessage",
	"buttons_reply": "buttonsResponseMessage", "list_reply": "listResponseMessage",
	"template_reply": "templateButtonsReplyMessage", "interactive": "interactiveButtons",
	"interactive_reply": "interactiveButtonsReply",
}

// typeName is the vendor's name for a type of ours: "group_invite" is
// groupInviteMessage.
func typeName(ours string) string {
	if name, ok := typeNames[ours]; ok {
		return name
	}
	first, rest, _ := strings.Cut(ours, "_")
	var b strings.Builder
	b.WriteString(first)
	for part := range strings.SplitSeq(rest, "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String() + "Message"
}
