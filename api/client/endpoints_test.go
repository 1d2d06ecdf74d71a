package client_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/fsm"
)

func TestEndpoints(t *testing.T) {
	ctx := t.Context()
	f := apitest.New("sandbox")
	e := apitest.NewEndpoints(f)
	srv := httptest.NewServer(api.New(api.Config{Instances: f, System: f, Endpoints: e, Token: token}))
	t.Cleanup(srv.Close)
	c, err := client.HTTP(srv.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	if _, err := f.AddTenant(ctx, api.TenantSpec{Name: "beta"}); err != nil {
		t.Fatal(err)
	}
	if made, err := c.Add(ctx, api.AddSpec{Name: "acme", Tenant: "beta"}); err != nil || made.Tenant != "beta" {
		t.Fatalf("%+v %v", made, err)
	}
	url := "https://x.example/?a=1"
	for _, spec := range []api.EndpointSpec{
		{Name: "crm", Instance: "acme", EndpointChange: api.EndpointChange{URL: &url, Bulk: &api.Bulk{Most: 5, Wait: api.Span(time.Second)}}},
		{Name: "crm", Tenant: "beta", EndpointChange: api.EndpointChange{URL: &url}},
		{Name: "crm", EndpointChange: api.EndpointChange{URL: &url}},
	} {
		if _, err := c.AddEndpoint(ctx, spec); err != nil {
			t.Fatal(err)
		}
	}
	for of, want := range map[api.Owner]string{{Instance: "acme"}: "e1", {Tenant: "beta"}: "e2", {Daemon: true}: "e3"} {
		if all, err := c.Endpoints(ctx, of); err != nil || len(all) != 1 || all[0].ID != want {
			t.Errorf("%+v: %+v %v", of, all, err)
		}
	}
	for ref, want := range map[string]string{"acme/crm": "e1", "@beta/crm": "e2", "/crm": "e3", "e2": "e2"} {
		if got, err := c.Endpoint(ctx, ref); err != nil || got.ID != want || *got.URL != url {
			t.Errorf("%s: %+v %v", ref, got, err)
		}
	}
	if _, err := c.Endpoint(ctx, "crm"); !errors.Is(err, api.ErrAmbiguous) {
		t.Error(err)
	}
	if _, err := c.Endpoint(ctx, "acme/other"); !errors.Is(err, api.ErrNoEndpoint) {
		t.Error(err)
	}
	if got, err := c.Endpoint(ctx, "e1"); err != nil || got.Bulk.Most != 5 || time.Duration(got.Bulk.Wait) != time.Second || got.Secrets[0].Secret == "" {
		t.Errorf("%+v %v", got, err)
	}
	format := "cloudevents"
	if got, err := c.ChangeEndpoint(ctx, "/crm", api.EndpointChange{Format: &format}); err != nil || *got.Format != format {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := c.PauseEndpoint(ctx, "/crm", "why"); err != nil || got.State != "paused" || got.Reason != "why" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := c.ResumeEndpoint(ctx, "/crm"); err != nil || got.State != "ok" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := c.RetryEndpoint(ctx, "/crm"); err != nil || got.ID != "e3" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := c.TestEndpoint(ctx, "/crm"); err != nil || !got.Delivered || got.Took != 12*time.Millisecond {
		t.Errorf("%+v %v", got, err)
	}
	keep := api.Span(time.Hour)
	if got, err := c.RotateSecret(ctx, "/crm", api.Rotation{Keep: &keep}); err != nil || len(got.Secrets) != 2 || got.Secrets[1].Until.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
	f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
	if _, err := c.SkipEvent(ctx, "/crm", "daemon", ""); !errors.Is(err, api.ErrNothingPending) {
		t.Error(err)
	}
	if d, err := c.SkipEvent(ctx, "/crm", "acme", ""); err != nil || d.From != 1 || d.EventAt.IsZero() || d.Ref() != "/crm" {
		t.Errorf("%+v %v", d, err)
	}
	e.GiveUp("e3", "i1", "the horizon has passed")
	all, err := c.DeadLetters(ctx, client.DeadLook{Instance: "acme", Endpoint: "/crm", Limit: 1})
	if err != nil || len(all) != 1 || all[0].From != 1 {
		t.Fatalf("%+v %v", all, err)
	}
	if all, err = c.DeadLetters(ctx, client.DeadLook{After: all[0].Place}); err != nil || len(all) != 1 || all[0].From != 2 {
		t.Errorf("%+v %v", all, err)
	}
	if lanes, err := c.Replay(ctx, "acme", api.ReplaySpec{From: 1, Endpoint: "/crm"}); err != nil || len(lanes) != 1 || lanes[0].Until != 2 {
		t.Errorf("%+v %v", lanes, err)
	}
	if lanes, err := c.Replay(ctx, "acme", api.ReplaySpec{FromTime: time.Now().Add(-time.Hour), ToTime: time.Now()}); err != nil || len(lanes) != 3 {
		t.Errorf("%+v %v", lanes, err)
	}
	if lanes, err := c.Deliveries(ctx, "acme"); err != nil || len(lanes) != 7 {
		t.Errorf("%+v %v", lanes, err)
	}
	if lanes, total, err := c.AllDeliveries(ctx); err != nil || len(lanes) != 8 || total != 8 {
		t.Errorf("%d of %d, %v", len(lanes), total, err)
	}
	if r, err := c.RemoveEndpoint(ctx, "/crm"); err != nil || !r.Removed || r.ID != "e3" {
		t.Errorf("%+v %v", r, err)
	}
}
