package client

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// SetPicture makes a JPEG file the account's own picture and answers where it is
// served.
func (c *Client) SetPicture(ctx context.Context, instance string, image io.Reader) (p api.OwnPicture, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+one(instance, "picture"), image)
	if err != nil {
		return p, fmt.Errorf("ask the daemon: %w", err)
	}
	req.Header.Set("Content-Type", "application/octet-stream") // the daemon looks into it
	res, err := c.send(req)
	if err != nil {
		return p, err
	}
	defer res.Body.Close()
	err = c.decode(ctx, res, &p)
	return p, err
}

// Picture answers the picture that was last set, or api.ErrNoPicture.
func (c *Client) Picture(ctx context.Context, instance string) (p api.OwnPicture, err error) {
	err = c.do(ctx, http.MethodGet, one(instance, "picture"), nil, &p)
	return p, err
}

// Contact asks WhatsApp who a phone number or a JID is.
func (c *Client) Contact(ctx context.Context, instance, jid string) (found record.Contact, err error) {
	in := struct {
		JID string `json:"jid"`
	}{jid}
	err = c.do(ctx, http.MethodPost, one(instance, "contact"), in, &found)
	return found, err
}
