package notify

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/api/greenapi"
)

// envelope is what every notification begins with.
type envelope struct {
	Type      string   `json:"typeWebhook"`
	Instance  instance `json:"instanceData"`
	Timestamp int64    `json:"timestamp"` // Unix seconds
}

type instance struct {
	ID   int64  `json:"idInstance"`
	WID  string `json:"wid"` // <digits>@c.us; empty without a linked number
	Type string `json:"typeInstance"`
}

// wrap begins a notification of an account that is linked to a number.
func wrap(kind string, a Account, phone string, at time.Time) envelope {
	return envelope{Type: kind, Instance: instance{ID: a.ID, WID: greenapi.ChatID(phone), Type: "whatsapp"}, Timestamp: at.Unix()}
}

// chatID is a JID as GREEN-API writes it: <digits>@c.us for a person. Groups stay
// <digits>@g.us, and a hidden number, which it calls <digits>@lid, too.
func chatID(jid string) string {
	if user, ok := strings.CutSuffix(jid, "@s.whatsapp.net"); ok {
		return greenapi.ChatID(user)
	}
	return jid
}
