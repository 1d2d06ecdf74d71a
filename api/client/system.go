package client

import (
	"context"
	"net/http"

	"github.com/switchhook/switchhook/api"
)

// System tells about the daemon.
func (c *Client) System(ctx context.Context) (s api.Status, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/system", nil, &s)
	return s, err
}

// NATS tells how to subscribe to the events.
func (c *Client) NATS(ctx context.Context) (n api.NATS, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/nats", nil, &n)
	return n, err
}

// Scan lets a virtual phone of the sandbox scan the code that the instance
// shows. phone may be empty.
func (c *Client) Scan(ctx context.Context, instance, phone string) (s api.Scanned, err error) {
	in := struct {
		Phone string `json:"phone,omitempty"`
	}{phone}
	err = c.do(ctx, http.MethodPost, one(instance, "scan"), in, &s)
	return s, err
}

// Fault makes something go wrong in the sandbox.
func (c *Client) Fault(ctx context.Context, instance, kind string, noGap bool) (f api.Fault, err error) {
	in := struct {
		Kind  string `json:"kind"`
		NoGap bool   `json:"no_gap,omitempty"`
	}{kind, noGap}
	err = c.do(ctx, http.MethodPost, one(instance, "fault"), in, &f)
	return f, err
}
