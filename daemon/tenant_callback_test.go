package daemon_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/record"
)

// TestCallback walks the endpoint of a tenant's callbacks through its life: the
// settings make, change and remove it, and the commands of endpoints do all the rest.
func TestCallback(t *testing.T) {
	dir := shortDir(t)
	s := newSink(t)
	d := runDaemon(t, dir, nil)
	d.addTenant("acme")
	d.addTenant("beta")
	set := func(url string) (api.Tenant, error) {
		return d.admin.ChangeTenant(t.Context(), "acme", api.TenantChange{Callback: &url})
	}
	must := func(ten api.Tenant, err error) api.Tenant {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return ten
	}
	if ten := must(set("")); ten.Callback != "" {
		t.Errorf("%+v", ten)
	}
	if ten := must(set(s.url("first"))); ten.Callback != "@acme/callback" {
		t.Errorf("%+v", ten)
	}
	first, err := d.admin.Endpoint(t.Context(), "@acme/callback")
	if err != nil || *first.URL != s.url("first") || *first.Format != callback.Format || len(first.Secrets) != 1 || first.State != "ok" || first.Timeout != nil {
		t.Fatalf("%+v, %v", first, err)
	}
	d.told(record.EndpointCreated, first.ID, 0)
	if got, err := d.admin.TestEndpoint(t.Context(), first.ID); err != nil || !got.Delivered {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := d.admin.PauseEndpoint(t.Context(), first.ID, "a holiday"); err != nil {
		t.Error(err)
	}
	timeout := api.Span(5 * time.Second)
	if got, err := d.admin.ChangeEndpoint(t.Context(), first.ID, api.EndpointChange{Timeout: &timeout, Schedule: &[]api.Span{timeout}, Format: new(callback.Format)}); err != nil || got.State != "paused" {
		t.Errorf("%+v, %v", got, err)
	}
	must(set(s.url("first"))) // changes nothing
	if got, err := d.admin.Endpoint(t.Context(), first.ID); err != nil || got.State != "paused" {
		t.Errorf("%+v, %v", got, err)
	}
	must(set(s.url("second")))
	second, err := d.admin.Endpoint(t.Context(), "@acme/callback")
	if err != nil || second.ID != first.ID || *second.URL != s.url("second") || second.State != "ok" || *second.Timeout != timeout || second.Secrets[0] != first.Secrets[0] {
		t.Errorf("%+v, %v", second, err)
	}

	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	if got, err := d.admin.Endpoint(t.Context(), "@acme/callback"); err != nil || got.ID != first.ID || *got.URL != s.url("second") {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
	if ten := must(d.admin.Tenant(t.Context(), "beta")); ten.Callback != "" {
		t.Errorf("another tenant: %+v", ten)
	}
	if _, err := d.admin.DeleteTenant(t.Context(), "acme"); err == nil || !strings.Contains(err.Error(), "endpoints") {
		t.Error(err)
	}
	if ten := must(set("")); ten.Callback != "" {
		t.Errorf("%+v", ten)
	}
	d.told(record.EndpointDeleted, first.ID, 0)
	if _, err := d.admin.Endpoint(t.Context(), first.ID); !errors.Is(err, api.ErrNoEndpoint) {
		t.Error(err)
	}
	must(set(s.url("third")))
	third, err := d.admin.Endpoint(t.Context(), "@acme/callback")
	if err != nil || third.ID == first.ID || third.Timeout != nil {
		t.Errorf("%+v, %v", third, err)
	}
	if _, err := d.admin.RemoveEndpoint(t.Context(), third.ID); err != nil {
		t.Error(err)
	}
	if ten := must(d.admin.Tenant(t.Context(), "acme")); ten.Callback != "" {
		t.Errorf("%+v", ten)
	}
	if _, err := d.admin.DeleteTenant(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
}

// TestCallbackRefused: what cannot be a callback is refused with the field, and nothing of
// the change is done.
func TestCallbackRefused(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	d.addTenant("acme")
	before, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change api.TenantChange
		field  string
	}{
		"another scheme":    {api.TenantChange{Callback: new("ftp://erp.example/")}, "callback"},
		"a private network": {api.TenantChange{Callback: new("http://10.0.0.1/"), Admins: &[]string{"backend"}}, "callback"},
		"no address":        {api.TenantChange{Callback: new("erp"), Custom: &[]record.CustomField{{Name: "vip"}}}, "callback"},
		"no admin":          {api.TenantChange{Callback: new(s.url("x")), Admins: &[]string{}}, "admins"},
		"a name of a field": {api.TenantChange{Callback: new(s.url("x")), Custom: &[]record.CustomField{{Name: "v i p"}}}, "custom"},
		"a space":           {api.TenantChange{Callback: new(s.url("x")), SpaceID: new("a b")}, "space_id"},
	} {
		if _, err := d.admin.ChangeTenant(t.Context(), "acme", c.change); !isInvalid(err, c.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now, err := d.admin.Tenant(t.Context(), "acme"); err != nil || now.Callback != "" || len(now.Custom) > 0 || now.Admins[0] != before.Admins[0] {
		t.Errorf("%+v, %v; was %+v", now, err, before)
	}

	add := func(name, tenant, format string, bulk *api.Bulk) error {
		_, err := d.admin.AddEndpoint(t.Context(), api.EndpointSpec{Name: name, Tenant: tenant, EndpointChange: api.EndpointChange{
			URL: new(s.url("x")), Format: &format, Bulk: bulk,
		}})
		return err
	}
	for _, format := range []string{"standard", callback.Format} {
		if err := add("callback", "acme", format, nil); !isInvalid(err, "name") || !strings.Contains(err.Error(), "switchhook tenant set acme --callback") {
			t.Errorf("the name is taken for %s: %v", format, err)
		}
	}
	if err := add("many", "acme", callback.Format, &api.Bulk{Most: 10}); !isInvalid(err, "bulk") {
		t.Errorf("in bulk: %v", err)
	}
	for _, err := range []error{add("callback", "", "standard", nil), add("more", "acme", callback.Format, nil)} { // which are no tenant's callback
		if err != nil {
			t.Error(err)
		}
	}
	if now, err := d.admin.Tenant(t.Context(), "acme"); err != nil || now.Callback != "" {
		t.Errorf("%+v, %v", now, err)
	}
	if _, err := d.admin.ChangeTenant(t.Context(), "acme", api.TenantChange{Callback: new(s.url("y"))}); err != nil {
		t.Fatal(err)
	}
	ep, err := d.admin.Endpoint(t.Context(), "@acme/callback")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.ChangeEndpoint(t.Context(), ep.ID, api.EndpointChange{Format: new("standard")}); !isInvalid(err, "format") {
		t.Errorf("another format: %v", err)
	}
	if _, err := d.admin.ChangeEndpoint(t.Context(), ep.ID, api.EndpointChange{Bulk: &api.Bulk{Most: 10}}); !isInvalid(err, "bulk") {
		t.Errorf("in bulk: %v", err)
	}
	if _, err := d.admin.RotateAppSecret(t.Context(), "nobody"); !errors.Is(err, api.ErrNoTenant) {
		t.Error(err)
	}
}
