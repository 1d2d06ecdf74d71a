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
