package api

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// defaultGrace is how long a key that was rotated away signs yet, unless the request says
// otherwise; maxGrace is the longest.
const (
	defaultGrace = 24 * time.Hour
	maxGrace     = 720 * time.Hour
)

// KeyRotation is what a rotation of an access key is asked with.
type KeyRotation struct {
	Grace *Span `json:"grace,omitempty"` // how long the old one signs yet; nil: a day
}

// Actions are what can be denied to an access key, all of it last.
var Actions = []string{
	"cams:CreatePhoneMessageQrdl", "cams:UpdatePhoneMessageQrdl",
	"cams:ListPhoneMessageQrdl", "cams:DeletePhoneMessageQrdl", "cams:*",
}

// ParseAction reads an action, in upper or lower case, and an operation's bare name as
// well. It answers one of [Actions], or an error that lists them.
func ParseAction(text string) (string, error) {
	for _, action := range Actions {
		_, bare, _ := strings.Cut(action, ":")
		if strings.EqualFold(text, action) || bare != "*" && strings.EqualFold(text, bare) {
			return action, nil
		}
	}
	return "", fmt.Errorf("%.60q is no action: they are %s", text, strings.Join(Actions, ", "))
}

func (a *API) addKey(c *call) (any, error) {
	if err := c.decode(&struct{}{}); err != nil {
		return nil, err
	}
	made, err := a.cfg.Tenants.AddKey(c.Context(), c.tenant)
	if err != nil {
		return nil, err
	}
	return created{made}, nil
}

func (a *API) rotateTenantKey(c *call) (any, error) {
	var body KeyRotation
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	grace := defaultGrace
	if body.Grace != nil {
		grace = time.Duration(*body.Grace)
	}
	if grace < 0 || grace > maxGrace {
		return nil, invalid("grace", "must be 0s to 720h: 0s ends the old key at once")
	}
	made, err := a.cfg.Tenants.RotateKey(c.Context(), c.tenant, c.key, grace)
	if err != nil {
		return nil, err
	}
	return created{made}, nil
}

func (a *API) changeKey(c *call) (any, error) {
	var ch KeyChange
	if err := c.decode(&ch); err != nil {
		return nil, err
	}
	if ch.Deny != nil {
		deny := []string{}
		for _, text := range *ch.Deny {
			action, err := ParseAction(text)
			if err != nil {
				return nil, invalid("deny", err.Error())
			}
			if !slices.Contains(deny, action) {
				deny = append(deny, action)
			}
		}
		ch.Deny = &deny
	}
	return a.cfg.Tenants.ChangeKey(c.Context(), c.tenant, c.key, ch)
}

func (a *API) deleteKey(c *call) (any, error) {
	return a.cfg.Tenants.DeleteKey(c.Context(), c.tenant, c.key)
}
