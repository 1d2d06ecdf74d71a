package api

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/instance"
)

// fetchTimeout is how long a download may take until its answer is out: the
// instance gives up after 2 min.
const fetchTimeout = 2*time.Minute + writeTimeout

// PairingCode is a code to type on a phone as the admin API shows it. It is a
// secret until it was typed.
type PairingCode struct {
	Code      string    `json:"code"` // eight characters with a dash in the middle
	TTL       int       `json:"ttl"`  // seconds it remains valid
	ExpiresAt time.Time `json:"expires_at"`
}

// pairingCode answers the code on show for a phone, and asks for one where there is
// none: asking is what keeps it renewed.
func (a *API) pairingCode(c *call) (any, error) {
	var body struct {
		Phone     string  `json:"phone"`
		UserAgent *string `json:"user_agent"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	code, err := a.cfg.Instances.LinkPhone(c.Context(), c.entry.ID, body.Phone, body.UserAgent)
	if err != nil {
		return nil, err
	}
	return PairingCode{
		Code:      dashed(code.Text),
		TTL:       qrcode.SecondsLeft(code, a.cfg.Now()),
		ExpiresAt: code.ExpiresAt,
	}, nil
}

// dashed is the code as phones show it: in two halves.
func dashed(code string) string {
	code = strings.ReplaceAll(code, "-", "")
	half := len(code) / 2
	return code[:half] + "-" + code[half:]
}

// Outgoing is a text to send. Without an ID one is made up; with the same ID a text
// may be sent twice, and is the same message to WhatsApp.
type Outgoing struct {
	To   string `json:"to"` // digits, or a JID
	Text string `json:"text"`
	ID   string `json:"id,omitempty"`
}

func (a *API) send(c *call) (any, error) {
	var out Outgoing
	if err := c.decode(&out); err != nil {
		return nil, err
	}
	m, err := a.cfg.Instances.Send(c.Context(), c.entry.ID, instance.Text{ID: out.ID, To: out.To, Body: out.Text})
	if err != nil {
		return nil, err
	}
	return created{m}, nil
}

// fetch downloads the file of an event's message and answers where it is.
func (a *API) fetch(c *call) (any, error) {
	c.writeWithin(fetchTimeout)
	return a.cfg.Instances.Fetch(c.Context(), c.entry.ID, c.seq)
}

// media answers the file itself.
func (a *API) media(c *call) (any, error) {
	s, err := a.cfg.Instances.Stored(c.Context(), c.entry.ID, c.seq)
	if err != nil {
		return nil, err
	}
	return &download{s}, nil
}
