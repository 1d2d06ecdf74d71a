package client

import (
	"context"
	"net/http"

	"github.com/switchhook/switchhook/api"
)

// List answers every instance.
func (c *Client) List(ctx context.Context) (all []api.Entry, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/instances", nil, &all)
	return all, err
}

// Find answers one instance.
func (c *Client) Find(ctx context.Context, instance string) (e api.Entry, err error) {
	err = c.do(ctx, http.MethodGet, one(instance), nil, &e)
	return e, err
}

// Add makes an instance.
func (c *Client) Add(ctx context.Context, spec api.AddSpec) (e api.Entry, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/instances", spec, &e)
	return e, err
}

// Configure changes what ch names and answers the instance as it then is.
func (c *Client) Configure(ctx context.Context, instance string, ch api.Change) (e api.Entry, err error) {
	err = c.do(ctx, http.MethodPatch, one(instance), ch, &e)
	return e, err
}

// Delete stops an instance and erases it once its last events are delivered.
func (c *Client) Delete(ctx context.Context, instance string) (d api.Deleted, err error) {
	err = c.do(ctx, http.MethodDelete, one(instance), nil, &d)
	return d, err
}

// Code answers the pairing code on show, and asks for one where there is none.
func (c *Client) Code(ctx context.Context, instance string) (code api.Code, err error) {
	err = c.do(ctx, http.MethodGet, one(instance, "qr"), nil, &code)
	return code, err
}

// Close closes the connection and keeps the session.
func (c *Client) Close(ctx context.Context, instance string) (api.Entry, error) {
	return c.command(ctx, instance, "close")
}

// Restore brings the connection of a saved session back.
func (c *Client) Restore(ctx context.Context, instance string) (api.Entry, error) {
	return c.command(ctx, instance, "restore")
}

// Disconnect logs out and drops the session.
func (c *Client) Disconnect(ctx context.Context, instance string) (api.Entry, error) {
	return c.command(ctx, instance, "disconnect")
}

// Reboot takes the connection down and dials anew; it waits for no outcome.
func (c *Client) Reboot(ctx context.Context, instance string) (api.Entry, error) {
	return c.command(ctx, instance, "reboot")
}

// RotateToken replaces the apiTokenInstance of GREEN-API's clients at once: with
// token, or with one that the daemon makes if that is empty.
func (c *Client) RotateToken(ctx context.Context, instance, token string) (e api.Entry, err error) {
	err = c.do(ctx, http.MethodPost, one(instance, "token", "rotate"), api.TokenRotation{Token: token}, &e)
	return e, err
}

// Save saves the session.
func (c *Client) Save(ctx context.Context, instance string) (api.Entry, error) {
	return c.command(ctx, instance, "save")
}

// Clear erases what the instance has stored; the link stays.
func (c *Client) Clear(ctx context.Context, instance string) (api.Entry, error) {
	return c.command(ctx, instance, "clear")
}

// command runs one command and answers the instance as it then is.
func (c *Client) command(ctx context.Context, instance, verb string) (e api.Entry, err error) {
	err = c.do(ctx, http.MethodPost, one(instance, verb), nil, &e)
	return e, err
}
