package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func (a *API) nameRoutes() []route {
	below := func(what string) []string { return []string{"instances", "{id}", what} }
	return []route{
		{http.MethodPost, below("name"), a.setName},
		{http.MethodPost, below("about"), a.setAbout},
		{http.MethodGet, []string{"sandbox", "profile"}, a.played(a.profile)},
		{http.MethodPost, []string{"sandbox", "name"}, a.played(a.rename)},
	}
}

func (a *API) setName(c *call) (any, error) {
	var body struct {
		Name *string `json:"name"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	return a.said(c, "name", body.Name, a.cfg.Instances.SetName)
}

func (a *API) setAbout(c *call) (any, error) {
	var body struct {
		About *string `json:"about"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	return a.said(c, "about", body.About, a.cfg.Instances.SetAbout)
}

// said changes what an account says of itself. A text that is not given is not taken
// for an empty one.
func (a *API) said(c *call, field string, text *string, set func(ctx context.Context, id, text string) (record.Info, error)) (any, error) {
	if text == nil {
		return nil, invalid(field, `is missing: send {"`+field+`": "…"}`)
	}
	return a.command(func(ctx context.Context, id string) (record.Info, error) { return set(ctx, id, *text) })(c)
}

// nameFailure is explain for what only a name or an about text fails with, nil for
// anything else.
func nameFailure(err error) *failure {
	var unsure *instance.ProfileError
	switch {
	case errors.Is(err, instance.ErrProfileRefused):
		return &failure{Status: http.StatusBadGateway, Code: "profile_refused", Message: err.Error()}
	case errors.As(err, &unsure):
		return &failure{Status: http.StatusBadGateway, Code: "profile_failed", Message: unsure.Error()}
	}
	return nil
}

// profile answers GET sandbox/profile?phone=<digits>.
func (a *API) profile(c *call) (any, error) {
	phone := c.URL.Query().Get("phone")
	if phone == "" {
		return nil, invalid("phone", "is missing: give the digits of a phone, as in ?phone=5511999990000")
	}
	return a.cfg.Sandbox.Profile(c.Context(), phone)
}

func (a *API) rename(c *call) (any, error) {
	var body struct {
		Phone string `json:"phone"`
		Name  string `json:"name"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if err := a.cfg.Sandbox.Rename(c.Context(), body.Phone, body.Name); err != nil {
		return nil, err
	}
	return a.cfg.Sandbox.Profile(c.Context(), body.Phone)
}
