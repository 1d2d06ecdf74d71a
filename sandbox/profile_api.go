package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
)

type profileRequest struct {
	Phone string `json:"phone"`
	Name  string `json:"name,omitempty"`
}

// profileAPI adds what [Control] says of profiles to the control API.
func (n *Network) profileAPI(mux *http.ServeMux) {
	mux.Handle(apiPath+"profile", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r profileRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return n.Profile(ctx, r.Phone)
	}))
	mux.Handle(apiPath+"rename", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r profileRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return struct{}{}, n.Rename(ctx, r.Phone, r.Name)
	}))
}

// Profile is [Network.Profile].
func (c *Client) Profile(ctx context.Context, digits string) (Profile, error) {
	var p Profile
	err := c.call(ctx, http.MethodPost, "profile", profileRequest{Phone: digits}, &p)
	return p, err
}

// Rename is [Network.Rename].
func (c *Client) Rename(ctx context.Context, digits, name string) error {
	var nothing struct{}
	return c.call(ctx, http.MethodPost, "rename", profileRequest{Phone: digits, Name: name}, &nothing)
}
