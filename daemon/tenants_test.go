package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// TestTenantsThatWereOnlyNamed, in a database from before there were tenants, are there
// after the first start, and the same after the next.
func TestTenantsThatWereOnlyNamed(t *testing.T) {
	dir := shortDir(t)
	old, err := store.Open(filepath.Join(dir, "switchhook.db"), store.Options{Network: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- old.Run(ctx) }()
	ch := old.Change()
	ch.PutInstance(record.Instance{ID: "i1", Name: "shop", WID: "w1", Tenant: "acme"})
	ch.PutInstance(record.Instance{ID: "i2", Name: "mine", WID: "w2"})
	ch.PutEndpoint(record.Endpoint{ID: "e1", Name: "erp", Tenant: "elsewhere", URL: newSink(t).url("erp"), Format: "standard"})
	if _, err := old.Commit(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := errors.Join(<-ended, old.Close()); err != nil {
		t.Fatal(err)
	}

	var before []api.Tenant
	for range 2 {
		d := runDaemon(t, dir, nil)
		all, err := d.admin.Tenants(t.Context())
		if err != nil || len(all) != 3 {
			t.Fatalf("%+v, %v", all, err)
		}
		for i, want := range []struct {
			name      string
			instances []string
		}{{"acme", []string{"shop"}}, {record.DefaultTenant, []string{"mine"}}, {"elsewhere", []string{}}} {
			if got := all[i]; got.Name != want.name || !slices.Equal(got.Instances, want.instances) || len(got.Keys) != 0 || !got.Subscribed {
				t.Errorf("%+v, want %+v", got, want)
			}
			if before != nil && (before[i].ID != all[i].ID || before[i].SpaceID != all[i].SpaceID) {
				t.Errorf("%+v was %+v", all[i], before[i])
			}
		}
		before = all
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMoveBringsTheTenant: one that is not there is made, without a key, and one that is
// there has the instance's number.
func TestMoveBringsTheTenant(t *testing.T) {
	url := sharedSandbox(t)
	a, b := runDaemon(t, shortDir(t), onSandbox(url)), runDaemon(t, shortDir(t), onSandbox(url))
	a.tenant("acme")
	if _, err := a.admin.Add(t.Context(), api.AddSpec{Name: "shop", Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	a.scan("shop")
	var file bytes.Buffer
	if _, err := a.admin.Export(t.Context(), "shop", "a phrase to seal it with", &file); err != nil {
		t.Fatal(err)
	}
	if _, err := b.admin.Import(t.Context(), &file, "a phrase to seal it with", ""); err != nil {
		t.Fatal(err)
	}
	ten, err := b.admin.Tenant(t.Context(), "acme")
	if err != nil || len(ten.Keys) != 0 || !slices.Equal(ten.Instances, []string{"shop"}) || len(ten.Numbers) != 1 {
		t.Fatalf("%+v, %v", ten, err)
	}
	key, err := b.admin.AddKey(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.cams(key).call("ListPhoneMessageQrdl", "PhoneNumber", ten.Numbers[0].Number); got.Code != "OK" {
		t.Errorf("%+v", got)
	}
}
