package daemon_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/configs"
)

// TestTenantGoesWhenItsEventsAreHeard: neither an endpoint that is down nor a broker that
// is away loses the last events of a tenant.
func TestTenantGoesWhenItsEventsAreHeard(t *testing.T) {
	addr, broker := freePort(t), t.TempDir()
	kill := startBroker(t, addr, broker)
	s := newSink(t)
	d := runDaemon(t, shortDir(t), func(c *configs.Config) { c.NATS.URL = "nats://" + addr })
	d.endpoint(api.EndpointSpec{Name: "all", EndpointChange: at(s.url("all"))})
	deleted := func(name string) bool {
		_, err := d.admin.DeleteTenant(t.Context(), name)
		if err != nil && !strings.Contains(err.Error(), "still on their way") {
			t.Fatal(err)
		}
		return err == nil
	}
	d.tenant("idle")
	if !deleted("idle") {
		t.Error("a tenant without events is kept")
	}

	acme := d.tenant("acme")
	d.register("acme")
	ten, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	kill()
	q := acme.create("hello")
	if got := acme.call("DeletePhoneMessageQrdl", "PhoneNumber", number, "QrdlCode", q.QrdlCode); got.Code != "OK" {
		t.Fatalf("%+v", got)
	}
	s.awaitSeq("all", ten.ID, 2) // by an endpoint that was there before the tenant
	if deleted("acme") {
		t.Error("a tenant is deleted whose events NATS has not got")
	}
	startBroker(t, addr, broker)
	d.eventually("the tenant's end", func() bool { return deleted("acme") })
}
