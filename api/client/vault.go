package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/switchhook/switchhook/api"
)

// Keys tells which keys open the daemon's database.
func (c *Client) Keys(ctx context.Context) (k api.Keys, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/keys", nil, &k)
	return k, err
}

// RotateKey gives the database a new key; an empty text lets the daemon make one
// and replace its key file.
func (c *Client) RotateKey(ctx context.Context, text string) (k api.Keys, err error) {
	in := struct {
		Key string `json:"key,omitempty"`
	}{text}
	err = c.do(ctx, http.MethodPost, "/api/v1/keys/rotate", in, &k)
	return k, err
}

// RotateDataKey lets the daemon seal everything under a new data key.
func (c *Client) RotateDataKey(ctx context.Context) (k api.Keys, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/keys/rotate-data", nil, &k)
	return k, err
}

// Backup writes a consistent copy of the database to w.
func (c *Client) Backup(ctx context.Context, w io.Writer) (int64, error) {
	return c.stream(ctx, "/api/v1/backup", nil, w)
}

// Export fences an instance and writes it to w, sealed by the passphrase. After
// an error w holds nothing of use, and the instance may be fenced.
func (c *Client) Export(ctx context.Context, instance, passphrase string, w io.Writer) (int64, error) {
	in := struct {
		Passphrase string `json:"passphrase"`
	}{passphrase}
	return c.stream(ctx, one(instance, "export"), in, w)
}

// Import makes an instance of an exported file. name may be empty.
func (c *Client) Import(ctx context.Context, r io.Reader, passphrase, name string) (e api.Entry, err error) {
	path := "/api/v1/import"
	if name != "" {
		path += "?name=" + url.QueryEscape(name)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, r)
	if err != nil {
		return e, fmt.Errorf("ask the daemon: %w", err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set(api.PassphraseHeader, base64.StdEncoding.EncodeToString([]byte(passphrase)))
	res, err := c.send(req)
	if err != nil {
		return e, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&e); err != nil {
		return e, &UnreachedError{Where: c.where, Err: fmt.Errorf("the answer broke off: %w", err)}
	}
	return e, nil
}

// Unfence lets an exported instance run where it was exported from.
func (c *Client) Unfence(ctx context.Context, instance string) (api.Entry, error) {
	return c.command(ctx, instance, "unfence")
}

// stream copies an answer that is no JSON.
func (c *Client) stream(ctx context.Context, path string, in any, w io.Writer) (int64, error) {
	body := []byte("{}")
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return 0, fmt.Errorf("ask the daemon: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("ask the daemon: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.send(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	out := &sink{w: w}
	n, err := io.Copy(out, res.Body)
	switch {
	case err == nil || out.err != nil || ctx.Err() != nil:
		return n, err
	default:
		return n, fmt.Errorf("the daemon's answer broke off, its log may say why: %w", err)
	}
}

// sink remembers that it was the writer that failed.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	n, s.err = s.w.Write(p)
	return n, s.err
}

// send sends a request and answers a refusal as an error.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreached(err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}
