package daemon_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/daemon"
	"github.com/switchhook/switchhook/record"
)

// TestDeleteTellsEndpoints: instance.deleted reaches all endpoints before
// anything is erased; then nothing is left of the instance's.
func TestDeleteTellsEndpoints(t *testing.T) {
	s := newSink(t)
	dir := shortDir(t)
	d := runDaemon(t, dir, persistent)
	d.addTenant("acme")
	if _, err := d.admin.Add(t.Context(), api.AddSpec{Name: "shop", Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	id := d.find("shop").ID
	d.endpoint(api.EndpointSpec{Name: "own", Instance: "shop", EndpointChange: at(s.url("own"))})
	d.endpoint(api.EndpointSpec{Name: "acme", Tenant: "acme", EndpointChange: at(s.url("acme"))})
	d.endpoint(api.EndpointSpec{Name: "all", EndpointChange: at(s.url("all"))})
	d.endpoint(api.EndpointSpec{Name: "off", EndpointChange: at(s.url("off"))})
	d.endpoint(api.EndpointSpec{Name: "paused", EndpointChange: at(s.url("paused"))})
	s.answering("acme", 503)
	s.answering("off", 410)
	d.scan("shop")
	d.untilEndpoint("off", "paused", func(e api.Endpoint) bool { return e.State == "paused" })
	if _, err := d.admin.PauseEndpoint(t.Context(), "paused", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.SkipEvent(t.Context(), "acme", "shop", ""); err != nil {
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
	// A pause is no answer: it is waited for its end.
	if _, err := d.admin.Endpoint(t.Context(), "own"); err != nil {
		t.Errorf("before the paused one has heard of it: %v", err)
	}
	if _, err := d.admin.ResumeEndpoint(t.Context(), "paused"); err != nil {
		t.Fatal(err)
	}
	s.await("instance.deleted at the paused one", func() bool {
		return slices.ContainsFunc(s.got["paused"], func(d delivery) bool { return slices.Contains(d.kinds, record.InstanceDeleted) })
	})
	d.told(record.EndpointDeleted, `"own"`, 0)
	// Who wants nothing any more does not hold it, but what goes is told.
	if lost := string(d.told(record.EndpointGaveUp, `"off"`, 0).Raw); !strings.Contains(lost, "the instance was deleted") ||
		!strings.Contains(lost, `"from":1,`) || !strings.Contains(lost, id) {
		t.Errorf("of what was lost it tells %s", lost)
	}
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

// TestDeletedWithEventsPending: when the time of a deleted instance is over, what
// nobody took goes with it, and that is told.
func TestDeletedWithEventsPending(t *testing.T) {
	s := newSink(t)
	d := runPrepared(t, shortDir(t), persistent, func(d *daemon.Daemon) { d.LastWords(0) })
	shop := d.pair("shop", "")
	for _, name := range []string{"down", "paused"} {
		d.endpoint(api.EndpointSpec{Name: name, EndpointChange: at(s.url(name))})
	}
	s.answering("down", 503)
	if _, err := d.admin.PauseEndpoint(t.Context(), "paused", ""); err != nil {
		t.Fatal(err)
	}
	first := d.find("shop").Seq + 1
	if _, err := d.admin.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"down", "paused"} {
		lost := string(d.told(record.EndpointGaveUp, strconv.Quote(name), 0).Raw)
		if !strings.Contains(lost, `"from":`+strconv.FormatUint(first, 10)+`,`) || !strings.Contains(lost, shop.ID) || !strings.Contains(lost, "the instance was deleted") {
			t.Errorf("of what %s lost it tells %s", name, lost)
		}
	}
}
