package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// LinkPhone answers the code to type on the phone with these digits, and asks for
// one where there is none.
func (c *Client) LinkPhone(ctx context.Context, instance, digits string) (code api.PairingCode, err error) {
	in := struct {
		Phone string `json:"phone"`
	}{digits}
	err = c.do(ctx, http.MethodPost, one(instance, "pairing-code"), in, &code)
	return code, err
}

// Send sends a text and answers what was sent once WhatsApp has taken it over.
func (c *Client) Send(ctx context.Context, instance string, out api.Outgoing) (m record.Message, err error) {
	err = c.do(ctx, http.MethodPost, one(instance, "messages"), out, &m)
	return m, err
}

// SendFile sends a file and answers what was sent once WhatsApp has taken it over.
// content is not read where the daemon knows before that it cannot be sent.
func (c *Client) SendFile(ctx context.Context, instance string, out api.OutgoingFile, content io.Reader) (m record.Message, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+one(instance, "files")+"?"+out.Query().Encode(), content)
	if err != nil {
		return m, fmt.Errorf("ask the daemon: %w", err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	if f, ok := content.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			req.ContentLength = st.Size()
		}
	}
	// What is refused is refused before it is sent.
	req.Header.Set("Expect", "100-continue")
	res, err := c.send(req)
	if err != nil {
		return m, err
	}
	defer res.Body.Close()
	err = c.decode(ctx, res, &m)
	return m, err
}

// Fetch lets the daemon download the file that came with the message of an event.
func (c *Client) Fetch(ctx context.Context, instance string, seq uint64) (f record.File, err error) {
	err = c.do(ctx, http.MethodPost, one(instance, "media", strconv.FormatUint(seq, 10)), nil, &f)
	return f, err
}

// Media writes the stored file of an event's message to w.
func (c *Client) Media(ctx context.Context, instance string, seq uint64, w io.Writer) error {
	res, err := c.ask(ctx, http.MethodGet, one(instance, "media", strconv.FormatUint(seq, 10)), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("read the file: %w", err)
	}
	return nil
}
