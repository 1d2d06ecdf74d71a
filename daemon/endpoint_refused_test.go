package daemon_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/instance"
)

// TestEndpointRefused: what cannot be an endpoint is refused with the field.
func TestEndpointRefused(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	d.add("shop", "")
	span := func(d time.Duration) *api.Span { return new(api.Span(d)) }
	type change = api.EndpointChange
	long := make([]api.Span, 33)
	for i := range long {
		long[i] = api.Span(time.Minute)
	}
	for field, cases := range map[string][]change{
		"url":       {{URL: new("")}, {URL: new("ftp://example.org")}, {URL: new("http://10.0.0.1/")}},
		"format":    {{Format: new("xml")}, {Format: new("tencent")}},
		"version":   {{Version: new("1.0")}, {Format: new("witi"), Version: new("2")}},
		"headers":   {{Headers: &map[string]string{"Webhook-Id": "x"}}, {Headers: &map[string]string{"a b": "x"}}},
		"bearer":    {{Bearer: new("a\nb")}},
		"kinds":     {{Kinds: &[]string{"message"}}},
		"states":    {{States: &[]int{5}}, {States: &[]int{-1}}, {States: &[]int{266}}},
		"bulk":      {{Bulk: &api.Bulk{Most: 1001}}, {Bulk: &api.Bulk{Most: -1}}, {Bulk: &api.Bulk{Most: 2, Wait: api.Span(time.Hour)}}},
		"timeout":   {{Timeout: span(time.Millisecond)}, {Timeout: span(time.Hour)}, {Timeout: span(-1)}},
		"in_flight": {{InFlight: new(-1)}, {InFlight: new(257)}},
		"schedule":  {{Schedule: &[]api.Span{0}}, {Schedule: &[]api.Span{api.Span(25 * time.Hour)}}, {Schedule: &long}},
		"horizon":   {{Horizon: span(time.Second)}, {Horizon: span(31 * 24 * time.Hour)}},
		"jitter":    {{Jitter: new(-1)}, {Jitter: new(101)}},
	} {
		for n, c := range cases {
			if c.URL == nil {
				c.URL = new(s.url("x"))
			}
			var wrong *instance.InvalidError
			_, err := d.admin.AddEndpoint(t.Context(), api.EndpointSpec{Name: "x", Instance: "shop", EndpointChange: c})
			if !errors.As(err, &wrong) || wrong.Field != field {
				t.Errorf("%s %d: %v", field, n, err)
			}
		}
	}
	for name, c := range map[string]struct {
		spec api.EndpointSpec
		want string
	}{
		"no name":       {api.EndpointSpec{EndpointChange: at(s.url("x"))}, "name"},
		"two owners":    {api.EndpointSpec{Name: "x", Instance: "shop", Tenant: "acme", EndpointChange: at(s.url("x"))}, "instance"},
		"a bad tenant":  {api.EndpointSpec{Name: "x", Tenant: "a/b", EndpointChange: at(s.url("x"))}, "tenant"},
		"the webhook":   {api.EndpointSpec{Name: "webhook", Instance: "shop", EndpointChange: at(s.url("x"))}, "name"},
		"after nothing": {api.EndpointSpec{Name: "x", Instance: "shop", After: new(uint64(9)), EndpointChange: at(s.url("x"))}, "after"},
		"after of many": {api.EndpointSpec{Name: "x", After: new(uint64(3)), EndpointChange: at(s.url("x"))}, "after"},
		"a bad secret":  {api.EndpointSpec{Name: "x", Secret: "whsec_", EndpointChange: at(s.url("x"))}, "secret"},
	} {
		var wrong *instance.InvalidError
		if _, err := d.admin.AddEndpoint(t.Context(), c.spec); !errors.As(err, &wrong) || wrong.Field != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.admin.AddEndpoint(t.Context(), api.EndpointSpec{Name: "x", Instance: "nobody", EndpointChange: at(s.url("x"))}); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("of no instance: %v", err)
	}
	if _, err := d.admin.Add(t.Context(), api.AddSpec{Name: "y", Tenant: "a b"}); err == nil {
		t.Error("a tenant with a space is taken")
	}
	other, err := d.admin.AddTenant(t.Context(), api.TenantSpec{Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"acme", other.Tenant.ID} { // by name only
		if _, err := d.admin.AddEndpoint(t.Context(), api.EndpointSpec{Name: "x", Tenant: tenant, EndpointChange: at(s.url("x"))}); !errors.Is(err, api.ErrNoTenant) {
			t.Errorf("an endpoint of no tenant: %v", err)
		}
		if _, err := d.admin.Add(t.Context(), api.AddSpec{Name: "y", Tenant: tenant}); !errors.Is(err, api.ErrNoTenant) {
			t.Errorf("an instance of no tenant: %v", err)
		}
	}
	if _, err := d.admin.Endpoints(t.Context(), api.Owner{Tenant: "acme"}); !errors.Is(err, api.ErrNoTenant) {
		t.Errorf("a list of no tenant: %v", err)
	}
	d.addTenant("acme")
	for n := range 64 {
		d.endpoint(api.EndpointSpec{Name: fmt.Sprintf("e%d", n), Tenant: "acme", EndpointChange: at(s.url("x"))})
	}
	var full *client.Error
	if _, err := d.admin.AddEndpoint(t.Context(), api.EndpointSpec{Name: "more", Tenant: "acme", EndpointChange: at(s.url("x"))}); !errors.As(err, &full) || full.Code != "refused" {
		t.Errorf("the 65th: %v", err)
	}
	if _, err := d.admin.AddEndpoint(t.Context(), api.EndpointSpec{Name: "e1", Tenant: "acme", EndpointChange: at(s.url("x"))}); !errors.Is(err, api.ErrEndpointTaken) {
		t.Errorf("a name that is taken: %v", err)
	}
}
