package notify

import (
	"strings"
	"time"
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
	i := instance{ID: a.ID, Type: "whatsapp"}
	if phone != "" {
		i.WID = phone + personal
	}
	return envelope{Type: kind, Instance: i, Timestamp: at.Unix()}
}

const personal = "@c.us"

// chatID is a JID as GREEN-API writes it: <digits>@c.us for a person. Groups stay
// <digits>@g.us, and a hidden number, which it calls <digits>@lid, too.
func chatID(jid string) string {
	if user, ok := strings.CutSuffix(jid, "@s.whatsapp.net"); ok {
		return user + personal
	}
	return jid
}
