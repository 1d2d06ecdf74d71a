package daemon_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// TestDeleteTellsEndpoints: instance.deleted reaches all endpoints before
// anything is erased; then nothing is left of the instance's.
func TestDeleteTellsEndpoints(t *testing.T) {
	s := newSink(t)
	dir := shortDir(t)
	d := runDaemon(t, dir, persistent)
	if _, err := d.admin.Add(t.Context(), api.AddSpec{Name: "shop", Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	id := d.find("shop").ID
	d.endpoint(api.EndpointSpec{Name: "own", Instance: "shop", EndpointChange: at(s.url("own"))})
	d.endpoint(api.EndpointSpec{Name: "acme", Tenant: "acme", EndpointChange: at(s.url("acme"))})
	d.endpoint(api.EndpointSpec{Name: "all", EndpointChange: at(s.url("all"))})
	d.endpoint(api.EndpointSpec{Name: "off", EndpointChange: at(s.url("off"))})
	if _, err := d.admin.PauseEndpoint(t.Context(), "off", ""); err != nil {
		t.Fatal(err)
	}
	s.answering("acme", 503)
	d.scan("shop")
	if _, err := d.admin.SkipEvent(t.Context(), "acme", "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"own", "all"} {
		s.await("instance.deleted at "+name, func() bool {
			return slices.ContainsFunc(s.got[name], func(d delivery) bool { return slices.Contains(d.kinds, record.InstanceDeleted) })
		})
	}
	if _, err := d.admin.Endpoint(t.Context(), "own"); err != nil {
		t.Errorf("before all have heard of it: %v", err)
	}
	s.answering("acme", 0)
	s.await("instance.deleted at the tenant's", func() bool {
		return slices.ContainsFunc(s.got["acme"], func(d delivery) bool { return slices.Contains(d.kinds, record.InstanceDeleted) })
	})
	d.told(record.EndpointDeleted, `"own"`, 0)
	d.eventually("the end of its endpoints", func() bool {
		_, err := d.admin.Endpoint(t.Context(), "own")
		return errors.Is(err, api.ErrNoEndpoint)
	})
	lanes, _, err := d.admin.AllDeliveries(t.Context())
	if err != nil || slices.ContainsFunc(lanes, func(l api.Lane) bool { return l.Stream == id }) {
		t.Errorf("lanes are left: %+v, %v", lanes, err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if s := stored(t, filepath.Clean(dir)); s != nil {
		lanes, err := s.Lanes()
		if err != nil || slices.ContainsFunc(lanes, func(l record.Lane) bool { return l.Stream == id }) {
			t.Errorf("stored lanes are left: %+v, %v", lanes, err)
		}
		if dead, err := s.DeadLettersOf("", id); err != nil || len(dead) != 0 {
			t.Errorf("dead letters are left: %+v, %v", dead, err)
		}
	}
}
