package greenapi

import (
	"strings"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// sent is the answer of the sending methods.
type sent struct {
	ID string `json:"idMessage"`
}

func sendMessage(r *request) (any, error) {
	if err := r.authorized(); err != nil {
		return nil, err
	}
	var body struct {
		Chat    string `json:"chatId"`
		Message string `json:"message"`
	}
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	to, err := chatJID(body.Chat, false)
	if err != nil {
		return nil, err
	}
	if body.Message == "" {
		return nil, invalid("message", "must not be empty")
	}
	return r.sentAs(r.cfg.Instances.Send(r.ctx, r.id, instance.Text{To: to, Body: body.Message}))
}

// sentAs answers the id of what was sent.
func (r *request) sentAs(m record.Message, err error) (any, error) { return sent{m.ID}, err }

// chatJID is the JID of a chatId: of a person, <digits>@c.us, or, where groups are
// taken, of a group, <digits or digits-digits>@g.us.
func chatJID(chat string, groups bool) (string, error) {
	name, server, _ := strings.Cut(chat, "@")
	switch {
	case server == "c.us" && instance.PhoneDigits(name):
		return name + "@s.whatsapp.net", nil
	case server == "g.us" && name != "" && len(name) <= 64 && strings.Trim(name, "0123456789-") == "" && groups:
		return chat, nil
	case server == "g.us" && !groups:
		return "", invalid("chatId", "must be a person, such as 79876543210@c.us: groups are not supported yet")
	case groups:
		return "", invalid("chatId", "must be a person, such as 79876543210@c.us, or a group, such as 79876543210-1581234048@g.us")
	}
	return "", invalid("chatId", "must be a person, such as 79876543210@c.us")
}
