package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/switchhook/switchhook/api"
)

// Scan lets a virtual phone of the sandbox scan the code that the instance
// shows. phone may be empty.
func (c *Client) Scan(ctx context.Context, instance, phone string) (s api.Scanned, err error) {
	in := struct {
		Phone string `json:"phone,omitempty"`
	}{phone}
	err = c.do(ctx, http.MethodPost, one(instance, "scan"), in, &s)
	return s, err
}

// Type lets a virtual phone type the pairing code that the instance shows: the one
// that was asked to, unless phone names another.
func (c *Client) Type(ctx context.Context, instance, phone string) (s api.Scanned, err error) {
	in := struct {
		Phone string `json:"phone,omitempty"`
	}{phone}
	err = c.do(ctx, http.MethodPost, one(instance, "type"), in, &s)
	return s, err
}

// Write lets a virtual phone write to the instance's account.
func (c *Client) Write(ctx context.Context, instance string, l api.Letter) (w api.Written, err error) {
	err = c.do(ctx, http.MethodPost, one(instance, "letters"), l, &w)
	return w, err
}

// Behave says how a virtual phone takes messages from now on.
func (c *Client) Behave(ctx context.Context, b api.Behaviour) error {
	return c.do(ctx, http.MethodPost, "/api/v1/sandbox/behave", b, nil)
}

// Inbox answers what a virtual phone has received.
func (c *Client) Inbox(ctx context.Context, phone string) (all []api.Received, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/sandbox/inbox?"+url.Values{"phone": {phone}}.Encode(), nil, &all)
	return all, err
}

// Fault makes something go wrong in the sandbox, at once and once.
func (c *Client) Fault(ctx context.Context, instance, kind string, noGap bool) (api.Fault, error) {
	return c.Play(ctx, instance, api.FaultSpec{Kind: kind, NoGap: noGap})
}

// Play makes something go wrong with an instance's connection or, with an empty
// instance, with the whole network of the sandbox.
func (c *Client) Play(ctx context.Context, instance string, spec api.FaultSpec) (f api.Fault, err error) {
	path := "/api/v1/sandbox/fault"
	if instance != "" {
		path = one(instance, "fault")
	}
	err = c.do(ctx, http.MethodPost, path, spec, &f)
	return f, err
}
