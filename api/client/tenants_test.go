package client_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// landlord serves a fake with tenants and answers a client of it.
func landlord(t *testing.T) (*apitest.Fake, *client.Client) {
	t.Helper()
	f := apitest.New("sandbox")
	srv := httptest.NewServer(api.New(api.Config{Instances: f, System: f, Tenants: f, Token: token, PublicURL: "https://hook.example"}))
	t.Cleanup(srv.Close)
	c, err := client.HTTP(srv.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return f, c
}

func TestTenants(t *testing.T) {
	ctx := t.Context()
	f, c := landlord(t)
	made, err := c.AddTenant(ctx, api.TenantSpec{Name: "beta", SpaceID: "cams-beta"})
	if err != nil || made.Tenant.ID != "t2" || made.NewKey.ID != "AKID1" || made.Secret != "secret1" || made.SpaceID != "cams-beta" || !made.Subscribed {
		t.Fatalf("%+v %v", made, err)
	}
	if all, err := c.Tenants(ctx); err != nil || len(all) != 2 || all[0].Name != "beta" || all[1].Name != "default" {
		t.Errorf("%+v %v", all, err)
	}
	no := false
	if got, err := c.ChangeTenant(ctx, "beta", api.TenantChange{Subscribed: &no}); err != nil || got.Subscribed || got.SpaceID != "cams-beta" {
		t.Errorf("%+v %v", got, err)
	}
	if made.App != 1400000002 || made.SecretKey != "appkey2" {
		t.Errorf("the app is %d, %q", made.App, made.SecretKey)
	}
	if s, err := c.RotateAppSecret(ctx, "beta"); err != nil || s != (api.NewSecret{App: 1400000002, SecretKey: "appkey3"}) {
		t.Errorf("%+v %v", s, err)
	}
	ch := api.TenantChange{Admins: &[]string{"backend"}, Custom: &[]record.CustomField{{Name: "vip", Admin: true}}, Callback: new("https://erp.example/")}
	if got, err := c.ChangeTenant(ctx, "beta", ch); err != nil || got.App != 1400000002 || len(got.Admins) != 1 || got.Admins[0] != "backend" ||
		len(got.Custom) != 1 || got.Custom[0] != (record.CustomField{Name: "vip", Admin: true}) || got.Callback != "@beta/callback" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := c.ChangeTenant(ctx, "beta", api.TenantChange{Callback: new("")}); err != nil || got.Callback != "" || got.Admins[0] != "backend" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := c.AddNumber(ctx, "beta", "+5511999990000"); err != nil || len(got.Numbers) != 1 || got.Numbers[0] != (api.Number{Number: "5511999990000", Registered: true}) {
		t.Errorf("%+v %v", got, err)
	}
	for _, message := range []string{"first", "second"} {
		if _, err := f.CreateQRDL(ctx, "t2", "5511999990000", cams.Content{Message: message, Image: "PNG"}); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := c.TenantQRDLs(ctx, "t2"); err != nil || len(all) != 2 || all[0].Message != "second" || all[1].Link != "https://hook.example/m/aaaaaaaaaaaaaaaaaaaaaaab" {
		t.Errorf("%+v %v", all, err)
	}
	if events, err := c.Events(ctx, "t2", client.Look{}); err != nil || len(events) != 2 || events[0].Stream != "t2" {
		t.Errorf("%+v %v", events, err)
	}
	if got, err := c.RemoveNumber(ctx, "beta", "5511999990000"); err != nil || len(got.Numbers) != 0 || got.QRDLs != 2 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := c.AddTenant(ctx, api.TenantSpec{Name: "gamma"}); err != nil {
		t.Fatal(err)
	}
	if d, err := c.DeleteTenant(ctx, "gamma"); err != nil || !d.Deleted || d.ID != "t3" || d.Name != "gamma" {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := c.Tenant(ctx, "gamma"); !errors.Is(err, api.ErrNoTenant) {
		t.Error(err)
	}
}

func TestAccessKeys(t *testing.T) {
	ctx := t.Context()
	f, c := landlord(t)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Now = func() time.Time { return now }
	k, err := c.AddKey(ctx, "default")
	if err != nil || k.ID != "AKID1" || k.Secret != "secret1" {
		t.Fatalf("%+v %v", k, err)
	}
	yes, deny := true, []string{"cams:*"}
	if got, err := c.ChangeKey(ctx, "default", k.ID, api.KeyChange{Disabled: &yes, Deny: &deny}); err != nil || !got.Keys[0].Disabled || len(got.Keys[0].Deny) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if next, err := c.RotateAccessKey(ctx, "default", k.ID, 90*time.Minute); err != nil || next.Secret != "secret2" || next.Deny[0] != "cams:*" {
		t.Errorf("%+v %v", next, err)
	}
	if got, err := c.Tenant(ctx, "t1"); err != nil || len(got.Keys) != 2 || !got.Keys[0].Until.Equal(now.Add(90*time.Minute)) || !got.Keys[1].Until.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := c.RotateAccessKey(ctx, "default", "AKID2", 0); err != nil {
		t.Error(err)
	}
	if got, err := c.DeleteKey(ctx, "default", "AKID2"); err != nil || len(got.Keys) != 2 || got.Keys[1].ID != "AKID3" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestErrorsOfTenants(t *testing.T) {
	_, c := landlord(t)
	got := func(_ any, err error) error { return err }
	for name, ask := range map[string]struct {
		run  func(context.Context) error
		want error // or nil, for an *instance.InvalidError
	}{
		"no tenant":       {func(ctx context.Context) error { return got(c.Tenant(ctx, "no/body")) }, api.ErrNoTenant},
		"codes of nobody": {func(ctx context.Context) error { return got(c.TenantQRDLs(ctx, "nobody")) }, api.ErrNoTenant},
		"delete nobody":   {func(ctx context.Context) error { return got(c.DeleteTenant(ctx, "nobody")) }, api.ErrNoTenant},
		"taken":           {func(ctx context.Context) error { return got(c.AddTenant(ctx, api.TenantSpec{Name: "default"})) }, api.ErrTenantTaken},
		"no key":          {func(ctx context.Context) error { return got(c.ChangeKey(ctx, "default", "AKID9", api.KeyChange{})) }, api.ErrNoKey},
		"rotate no key":   {func(ctx context.Context) error { return got(c.RotateAccessKey(ctx, "default", "AKID9", 0)) }, api.ErrNoKey},
		"delete no key":   {func(ctx context.Context) error { return got(c.DeleteKey(ctx, "default", "a/b?c")) }, api.ErrNoKey},
		"no app":          {func(ctx context.Context) error { return got(c.RotateAppSecret(ctx, "nobody")) }, api.ErrNoTenant},
		"bad admins": {func(ctx context.Context) error {
			return got(c.ChangeTenant(ctx, "default", api.TenantChange{Admins: &[]string{}}))
		}, nil},
		"bad name":   {func(ctx context.Context) error { return got(c.AddTenant(ctx, api.TenantSpec{Name: "a b"})) }, nil},
		"bad number": {func(ctx context.Context) error { return got(c.AddNumber(ctx, "default", "0800")) }, nil},
		"bad grace":  {func(ctx context.Context) error { return got(c.RotateAccessKey(ctx, "default", "AKID9", -1)) }, nil},
	} {
		err := ask.run(t.Context())
		var invalid *instance.InvalidError
		if ask.want == nil && !errors.As(err, &invalid) || ask.want != nil && !errors.Is(err, ask.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.DeleteTenant(t.Context(), "default"); err == nil || err.Error() != "default is always there" {
		t.Error(err)
	}
}
