package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/switchhook/switchhook/api"
)

// SetName makes a name the account's own.
func (c *Client) SetName(ctx context.Context, instance, name string) (e api.Entry, err error) {
	in := struct {
		Name string `json:"name"`
	}{name}
	err = c.do(ctx, http.MethodPost, one(instance, "name"), in, &e)
	return e, err
}

// SetAbout makes a text what the account says about itself; an empty one takes it
// away.
func (c *Client) SetAbout(ctx context.Context, instance, about string) (e api.Entry, err error) {
	in := struct {
		About string `json:"about"`
	}{about}
	err = c.do(ctx, http.MethodPost, one(instance, "about"), in, &e)
	return e, err
}

// Profile answers what the account of a virtual phone says of itself.
func (c *Client) Profile(ctx context.Context, phone string) (p api.PhoneProfile, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/sandbox/profile?"+url.Values{"phone": {phone}}.Encode(), nil, &p)
	return p, err
}

// Rename has the owner of a virtual phone change the name of its account.
func (c *Client) Rename(ctx context.Context, phone, name string) (p api.PhoneProfile, err error) {
	in := struct {
		Phone string `json:"phone"`
		Name  string `json:"name"`
	}{phone, name}
	err = c.do(ctx, http.MethodPost, "/api/v1/sandbox/name", in, &p)
	return p, err
}
