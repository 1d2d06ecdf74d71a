package client_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
)

func TestNames(t *testing.T) {
	ctx := t.Context()
	f, c := daemon(t)
	if _, err := c.Add(ctx, api.AddSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetName(ctx, "acme", "The Shop"); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("not connected: %v", err)
	}
	if _, err := c.Code(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	s, err := c.Scan(ctx, "acme", "")
	if err != nil {
		t.Fatal(err)
	}
	if e, err := c.SetName(ctx, "acme", "The Shop"); err != nil || e.PushName != "The Shop" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := c.SetAbout(ctx, "acme", "open"); err != nil {
		t.Error(err)
	}
	want := api.PhoneProfile{Phone: s.Phone, Name: "The Shop", Announced: "The Shop", About: "open"}
	if p, err := c.Profile(ctx, s.Phone); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := c.Rename(ctx, s.Phone, "Other"); err != nil || p.Name != "Other" {
		t.Errorf("%+v, %v", p, err)
	}
	var invalid *instance.InvalidError
	if _, err := c.SetName(ctx, "acme", " "); !errors.As(err, &invalid) || invalid.Field != "name" {
		t.Errorf("no name: %v", err)
	}
	f.Fail(instance.ErrNoSettingsKey)
	if _, err := c.SetName(ctx, "acme", "x"); !errors.Is(err, instance.ErrNoSettingsKey) {
		t.Errorf("no key: %v", err)
	}
	f.Fail(&instance.ProfileError{Err: errors.New("no answer in time")})
	if _, err := c.SetAbout(ctx, "acme", "x"); err == nil || !strings.Contains(err.Error(), "it may have been made") {
		t.Errorf("unsure: %v", err)
	}
}
