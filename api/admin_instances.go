package api

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Code is a pairing code as the admin API shows it. It is a secret until a
// phone has scanned it.
type Code struct {
	Text      string    `json:"text"` // what the QR symbol encodes
	TTL       int       `json:"ttl"`  // seconds it remains valid
	ExpiresAt time.Time `json:"expires_at"`
	SVG       string    `json:"svg"` // the symbol as a picture
}

// Change is a partial change of an instance's configuration; what is missing
// keeps its value.
type Change struct {
	Webhook    *string `json:"webhook,omitempty"`
	UserAgent  *string `json:"user_agent,omitempty"`
	APIVersion *string `json:"api_version,omitempty"` // "1.0" or "1.1"
	CanBulk    *bool   `json:"can_bulk,omitempty"`
}

// Deleted is the answer to a deletion.
type Deleted struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Deleted bool   `json:"deleted"`
}

func (a *API) list(c *call) (any, error) {
	all, err := a.cfg.Instances.List(c.Context())
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = []Entry{}
	}
	return all, nil
}

func (a *API) add(c *call) (any, error) {
	var spec AddSpec
	if err := c.decode(&spec); err != nil {
		return nil, err
	}
	e, err := a.cfg.Instances.Add(c.Context(), spec)
	if err != nil {
		return nil, err
	}
	return created{e}, nil
}

func (a *API) show(c *call) (any, error) { return c.entry, nil }

func (a *API) configure(c *call) (any, error) {
	var ch Change
	if err := c.decode(&ch); err != nil {
		return nil, err
	}
	if _, err := a.cfg.Instances.Configure(c.Context(), c.entry.ID, instance.Patch(ch)); err != nil {
		return nil, err
	}
	// Read anew: a webhook that was set changes what is pending, too.
	return a.cfg.Instances.Find(c.Context(), c.entry.ID)
}

// TokenRotation is what a request to replace an apiTokenInstance says.
type TokenRotation struct {
	Token string `json:"api_token,omitempty"` // empty: one is made
}

func (a *API) rotateToken(c *call) (any, error) {
	var body TokenRotation
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	return a.cfg.Instances.RotateToken(c.Context(), c.entry.ID, body.Token)
}

func (a *API) delete(c *call) (any, error) {
	if err := a.cfg.Instances.Delete(c.Context(), c.entry.ID); err != nil {
		return nil, err
	}
	return Deleted{ID: c.entry.ID, Name: c.entry.Name, Deleted: true}, nil
}

// code answers the code on show, and asks for one where there is none: looking
// is what keeps it renewed.
func (a *API) code(c *call) (any, error) { return a.offer(c, nil) }

func (a *API) generate(c *call) (any, error) {
	var body struct {
		UserAgent *string `json:"user_agent"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	return a.offer(c, body.UserAgent)
}

func (a *API) offer(c *call, userAgent *string) (any, error) {
	code, err := a.cfg.Instances.Generate(c.Context(), c.entry.ID, userAgent)
	if err != nil {
		return nil, err
	}
	sym, err := qrcode.New(code.Text)
	if err != nil {
		return nil, err
	}
	return Code{
		Text:      code.Text,
		TTL:       qrcode.SecondsLeft(code, a.cfg.Now()),
		ExpiresAt: code.ExpiresAt,
		SVG:       string(sym.SVG()),
	}, nil
}

// command makes a handler of a command that answers with the connection.
func (a *API) command(run func(context.Context, string) (record.Info, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		info, err := run(c.Context(), c.entry.ID)
		if err != nil {
			return nil, err
		}
		c.entry.Info = info
		return c.entry, nil
	}
}

func (a *API) save(c *call) (any, error) {
	if err := a.cfg.Instances.Save(c.Context(), c.entry.ID); err != nil {
		return nil, err
	}
	return a.cfg.Instances.Find(c.Context(), c.entry.ID)
}
