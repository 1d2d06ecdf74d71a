package api

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/record"
)

// What a tenant's app may have.
const (
	maxAdmins = 32
	maxAdmin  = 32 // bytes
	maxCustom = 20
)

var customRule = regexp.MustCompile(`^[A-Za-z]{1,8}$`)

// CheckAdmins judges the identifiers that may call for an app: 1 to 32, each once, each
// 1 to 32 bytes of printable text without spaces. It answers an *instance.InvalidError.
func CheckAdmins(admins []string) error {
	if len(admins) < 1 || len(admins) > maxAdmins {
		return invalid("admins", "must be 1 to 32 identifiers, such as administrator")
	}
	seen := make(map[string]bool)
	for _, id := range admins {
		unfit := func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }
		switch {
		case id == "" || len(id) > maxAdmin || !utf8.ValidString(id) || strings.ContainsFunc(id, unfit):
			return invalid("admins", "must each be 1 to 32 bytes of printable text without spaces")
		case seen[id]:
			return invalid("admins", "must each be there once")
		}
		seen[id] = true
	}
	return nil
}

// CheckCustom judges the profile fields of an app's own: at most 20, each name once, each
// 1 to 8 letters. It answers an *instance.InvalidError.
func CheckCustom(fields []record.CustomField) error {
	if len(fields) > maxCustom {
		return invalid("custom", "must be at most 20 fields")
	}
	seen := make(map[string]bool)
	for _, f := range fields {
		switch {
		case !customRule.MatchString(f.Name):
			return invalid("custom", "must have names of 1 to 8 letters a to z or A to Z, such as vip: clients say Tag_Profile_Custom_vip then")
		case seen[f.Name]:
			return invalid("custom", "must have each name once")
		}
		seen[f.Name] = true
	}
	return nil
}

func (a *API) rotateAppSecret(c *call) (any, error) {
	if err := c.decode(&struct{}{}); err != nil {
		return nil, err
	}
	made, err := a.cfg.Tenants.RotateAppSecret(c.Context(), c.tenant)
	if err != nil {
		return nil, err
	}
	return created{made}, nil
}
