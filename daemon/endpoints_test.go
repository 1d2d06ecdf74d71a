package daemon_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// endpoint adds an endpoint.
func (d door) endpoint(spec api.EndpointSpec) api.Endpoint {
	d.t.Helper()
	e, err := d.admin.AddEndpoint(d.t.Context(), spec)
	if err != nil {
		d.t.Fatalf("add the endpoint %s: %v", spec.Name, err)
	}
	return e
}

// at is what an endpoint with an address is made from.
func at(url string) api.EndpointChange { return api.EndpointChange{URL: &url} }

// told waits until the daemon's stream holds an event of a kind about an
// endpoint, behind a seq, and answers it.
func (d door) told(kind record.Kind, endpoint string, after uint64) client.Event {
	d.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		events, err := d.admin.Events(d.t.Context(), record.DaemonStream, client.Look{After: after, Wait: 5 * time.Second})
		if err != nil {
			d.t.Fatal(err)
		}
		for _, e := range events {
			after = e.Seq
			if e.Type == kind && strings.Contains(string(e.Raw), endpoint) {
				return e
			}
		}
	}
	d.t.Fatalf("nothing tells %s of %s", kind, endpoint)
	panic("unreachable")
}

// cycle makes events: the instance shop is closed and restored.
func (d door) cycle() {
	d.t.Helper()
	if _, err := d.admin.Close(d.t.Context(), "shop"); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.admin.Restore(d.t.Context(), "shop"); err != nil {
		d.t.Fatal(err)
	}
}

// TestManyEndpoints sends an instance's events to endpoints of its own, of its
// tenant and of the daemon, each in its format and through its filter.
func TestManyEndpoints(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	d.addTenant("acme")
	shop, err := d.admin.Add(t.Context(), api.AddSpec{Name: "shop", Webhook: s.url("witi"), Tenant: "acme"})
	if err != nil || shop.Tenant != "acme" {
		t.Fatalf("%+v, %v", shop, err)
	}
	other := d.add("other", "")
	made := map[string]api.Endpoint{
		"all": d.endpoint(api.EndpointSpec{Name: "all", Instance: "shop", EndpointChange: at(s.url("all"))}),
		"up": d.endpoint(api.EndpointSpec{Name: "up", Instance: shop.ID, EndpointChange: api.EndpointChange{
			URL: new(s.url("up")), Kinds: &[]string{"connection.*"}, States: &[]int{10},
		}}),
		"cloud": d.endpoint(api.EndpointSpec{Name: "cloud", Instance: "shop", EndpointChange: api.EndpointChange{
			URL: new(s.url("cloud")), Format: new("cloudevents"), Bearer: new("t0ken"),
			Headers: &map[string]string{"X-Shop": "one"}, Timeout: new(api.Span(5 * time.Second)),
		}}),
		"acme":  d.endpoint(api.EndpointSpec{Name: "log", Tenant: "acme", EndpointChange: at(s.url("acme"))}),
		"audit": d.endpoint(api.EndpointSpec{Name: "log", EndpointChange: at(s.url("audit"))}),
	}
	d.add("third", "") // which the daemon's stream tells
	d.scan("shop")
	d.scan("other")
	d.cycle()
	last := d.find("shop").Seq
	for _, name := range []string{"all", "cloud", "acme", "audit"} {
		s.awaitSeq(name, shop.ID, last)
		if seqs, n := s.checkChain(name, shop.ID, 0); uint64(len(seqs)) != last || n != 0 {
			t.Errorf("%s got %v of %d, %d repeated", name, seqs, last, n)
		}
	}
	s.awaitSeq("witi", shop.ID, last)
	s.awaitSeq("up", shop.ID, last)
	for _, got := range s.of("up", shop.ID) {
		if got.kinds[0] != record.ConnectionChanged || !strings.Contains(string(got.body), `"to":10`) {
			t.Errorf("the filter let through %s", got.body)
		}
	}
	if n := len(s.of("up", shop.ID)); n != 2 {
		t.Errorf("%d events say that it is up, want 2", n)
	}
	s.awaitSeq("audit", other.ID, d.find("other").Seq)
	if n := len(s.of("acme", other.ID)); n != 0 {
		t.Errorf("the tenant got %d events of another's instance", n)
	}
	s.await("the daemon's events", func() bool {
		return slices.ContainsFunc(s.got["audit"], func(d delivery) bool { return d.stream == record.DaemonStream })
	})
	for name, ep := range made {
		for _, got := range s.of(name, shop.ID) {
			if !got.verifies(t, ep.Secrets[0].Secret) {
				t.Errorf("a request to %s does not verify", name)
			}
		}
	}
	if got := s.of("cloud", shop.ID)[0]; got.header.Get("Authorization") != "Bearer t0ken" || got.header.Get("X-Shop") != "one" {
		t.Errorf("the headers are %v", got.header)
	}
	if _, err := d.admin.Endpoint(t.Context(), "log"); !errors.Is(err, api.ErrAmbiguous) {
		t.Errorf("a name that two have: %v", err)
	}
	for ref, want := range map[string]string{
		"@acme/log": made["acme"].ID, "/log": made["audit"].ID, "shop/all": made["all"].ID, "cloud": made["cloud"].ID,
		shop.ID + "/webhook": shop.ID + "-webhook",
	} {
		if e, err := d.admin.Endpoint(t.Context(), ref); err != nil || e.ID != want {
			t.Errorf("%s is %s, %v; want %s", ref, e.ID, err, want)
		}
	}
	d.until("shop", "nothing pending", func(e api.Entry) bool { return e.Pending == 0 })
	if all, err := d.admin.Endpoints(t.Context(), api.Owner{Instance: "shop"}); err != nil || len(all) != 4 || all[0].Name != "all" || all[0].State != "ok" {
		t.Errorf("its endpoints are %+v, %v", all, err)
	}
	if lanes, err := d.admin.Deliveries(t.Context(), "shop"); err != nil || len(lanes) != 6 {
		t.Errorf("its lanes are %+v, %v", lanes, err)
	}
}

// TestEndpointBegins: with the next event, behind one that is named, or, where many
// streams lead to it, with all that the log holds.
func TestEndpointBegins(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	d.pair("shop", "")
	before := d.find("shop").Seq
	id := d.find("shop").ID
	d.endpoint(api.EndpointSpec{Name: "now", Instance: "shop", EndpointChange: at(s.url("now"))})
	d.endpoint(api.EndpointSpec{Name: "third", Instance: "shop", After: new(uint64(3)), EndpointChange: at(s.url("third"))})
	d.endpoint(api.EndpointSpec{Name: "first", Instance: "shop", After: new(uint64(0)), EndpointChange: at(s.url("first"))})
	d.endpoint(api.EndpointSpec{Name: "daemon", EndpointChange: at(s.url("daemon"))})
	d.endpoint(api.EndpointSpec{Name: "all", After: new(uint64(0)), EndpointChange: at(s.url("all"))})
	d.endpoint(api.EndpointSpec{Name: "tenant", Tenant: "default", After: new(uint64(0)), EndpointChange: at(s.url("tenant"))})
	d.cycle()
	last := d.find("shop").Seq
	for name, from := range map[string]uint64{"now": before + 1, "third": 4, "first": 1, "daemon": before + 1, "all": 1, "tenant": 1} {
		s.awaitSeq(name, id, last)
		seqs, _ := s.checkChain(name, id, from-1)
		if len(seqs) == 0 || seqs[0] != from || uint64(len(seqs)) != last-from+1 {
			t.Errorf("%s got %v, want %d to %d", name, seqs, from, last)
		}
	}
	s.awaitSeq("all", record.DaemonStream, 1)
}

// TestRotateSecret: for a while the old secret signs beside the new one.
func TestRotateSecret(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	d.pair("shop", "")
	id := d.find("shop").ID
	first := d.endpoint(api.EndpointSpec{Name: "erp", Instance: "shop", EndpointChange: at(s.url("erp"))}).Secrets[0].Secret
	rotated, err := d.admin.RotateSecret(t.Context(), "shop/erp", api.Rotation{Keep: new(api.Span(time.Hour))})
	if err != nil || len(rotated.Secrets) != 2 || rotated.Secrets[1].Secret != first || rotated.Secrets[1].Until.IsZero() {
		t.Fatalf("rotated: %+v, %v", rotated.Secrets, err)
	}
	second := rotated.Secrets[0].Secret
	d.cycle()
	s.awaitSeq("erp", id, d.find("shop").Seq)
	for _, got := range s.of("erp", id) {
		if !got.verifies(t, first) || !got.verifies(t, second) {
			t.Errorf("%s does not verify with both", got.id)
		}
	}
	given := "whsec_" + strings.Repeat("QUJD", 10)
	rotated, err = d.admin.RotateSecret(t.Context(), "shop/erp", api.Rotation{Secret: given, Keep: new(api.Span(0))})
	if err != nil || len(rotated.Secrets) != 1 || rotated.Secrets[0].Secret != given {
		t.Fatalf("rotated again: %+v, %v", rotated.Secrets, err)
	}
	after := d.find("shop").Seq
	d.cycle()
	s.awaitSeq("erp", id, d.find("shop").Seq)
	for _, got := range s.of("erp", id) {
		if got.seq > after && (got.verifies(t, first) || got.verifies(t, second) || !got.verifies(t, given)) {
			t.Errorf("%s is signed with what was dropped", got.id)
		}
	}
	var wrong *instance.InvalidError
	if _, err := d.admin.RotateSecret(t.Context(), "shop/erp", api.Rotation{Secret: "hunter2"}); !errors.As(err, &wrong) {
		t.Errorf("a secret that is none: %v", err)
	}
	// The instance's webhook has its secret before it has an address.
	d.set(s.url("webhook"))
	if e, err := d.admin.RotateSecret(t.Context(), "shop/webhook", api.Rotation{}); err != nil || d.find("shop").WebhookSecret != e.Secrets[0].Secret {
		t.Errorf("the webhook's: %+v, %v", e.Secrets, err)
	}
}

// TestWebhookIsAnEndpoint: the dialect's settings and the endpoint's go together.
func TestWebhookIsAnEndpoint(t *testing.T) {
	s := newSink(t)
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	d.pair("shop", s.url("first"))
	id := d.find("shop").ID
	configure := func(c api.Change) {
		t.Helper()
		if _, err := d.admin.Configure(t.Context(), "shop", c); err != nil {
			t.Fatal(err)
		}
	}
	change := func(c api.EndpointChange) api.Endpoint {
		t.Helper()
		e, err := d.admin.ChangeEndpoint(t.Context(), "shop/webhook", c)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	configure(api.Change{CanBulk: new(true), APIVersion: new("1.1")})
	e := change(api.EndpointChange{Kinds: &[]string{"connection.changed"}, Headers: &map[string]string{"X-Key": "1"}})
	if e.Bulk == nil || e.Bulk.Most != 50 || time.Duration(e.Bulk.Wait) != 500*time.Millisecond || *e.Version != "1.1" || *e.Format != "witi" {
		t.Errorf("the endpoint is %+v", e.EndpointChange)
	}
	before := d.find("shop").Seq
	d.cycle()
	s.awaitSeq("first", id, d.find("shop").Seq)
	gathered := false
	for _, got := range s.of("first", id) {
		if got.seq > before {
			gathered = gathered || len(got.seqs) > 1
			if !strings.HasPrefix(string(got.body), "BULKGZ,") || got.header.Get("X-Key") != "1" {
				t.Errorf("not BULKGZ, or without its header: %.40s", got.body)
			}
		}
	}
	if !gathered {
		t.Error("no request had several events")
	}
	// set_config moves the address and keeps the rest, over a restart, too.
	d.set(s.url("second"))
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	d.reach("shop", fsm.Authenticated)
	e, err := d.admin.Endpoint(t.Context(), "shop/webhook")
	if err != nil || *e.URL != s.url("second") || e.Kinds == nil || e.Bulk == nil || (*e.Headers)["X-Key"] != "1" {
		t.Errorf("after a restart: %+v, %v", e.EndpointChange, err)
	}
	// From the endpoint's side the instance's configuration moves along.
	change(api.EndpointChange{URL: new(s.url("third")), Bulk: &api.Bulk{}, Kinds: &[]string{}})
	if got := d.find("shop"); got.Webhook != s.url("third") {
		t.Errorf("the instance's webhook is %s", got.Webhook)
	}
	d.cycle()
	s.awaitSeq("third", id, d.find("shop").Seq)
	if got := s.of("third", id)[0]; strings.HasPrefix(string(got.body), "BULK") {
		t.Errorf("still bulk: %.40s", got.body)
	}
	secret := d.find("shop").WebhookSecret
	if _, err := d.admin.RemoveEndpoint(t.Context(), "shop/webhook"); err != nil {
		t.Fatal(err)
	}
	if got := d.find("shop"); got.Webhook != "" || got.Pending != 0 || got.WebhookSecret != secret {
		t.Errorf("removed, it is %+v", got)
	}
	if _, err := d.admin.Endpoint(t.Context(), "shop/webhook"); !errors.Is(err, api.ErrNoEndpoint) {
		t.Errorf("the removed webhook: %v", err)
	}
	d.set(s.url("fourth"))
	if e, err := d.admin.Endpoint(t.Context(), "shop/webhook"); err != nil || e.Headers != nil {
		t.Errorf("the next webhook has the old one's headers: %+v, %v", e, err)
	}
}

// TestPauseAndResume: what waits meanwhile is delivered afterwards, and both are
// told.
func TestPauseAndResume(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	d.pair("shop", "")
	id := d.find("shop").ID
	ep := d.endpoint(api.EndpointSpec{Name: "erp", Instance: "shop", EndpointChange: at(s.url("erp"))})
	after := d.find("shop").Seq
	paused, err := d.admin.PauseEndpoint(t.Context(), "erp", "they move house")
	if err != nil || paused.State != "paused" || paused.Reason != "they move house" {
		t.Fatalf("paused: %+v, %v", paused.Health, err)
	}
	d.cycle()
	if got := d.find("shop"); got.Pending == 0 || !strings.Contains(got.LastError, "they move house") {
		t.Errorf("while it is paused: %+v", got.Delivery)
	}
	if n := len(s.of("erp", id)); n != 0 {
		t.Errorf("%d requests to a paused endpoint", n)
	}
	if got, err := d.admin.ResumeEndpoint(t.Context(), "erp"); err != nil || got.State != "ok" {
		t.Errorf("resumed: %+v, %v", got.Health, err)
	}
	last := d.find("shop").Seq
	s.awaitSeq("erp", id, last)
	if seqs, _ := s.checkChain("erp", id, after); uint64(len(seqs)) != last-after {
		t.Errorf("got %v, want %d to %d", seqs, after+1, last)
	}
	disabled := d.told(record.EndpointDisabled, ep.ID, 0)
	d.told(record.EndpointEnabled, ep.ID, disabled.Seq)
}

// TestEndpointGone: 410 disables an endpoint that serves many streams.
func TestEndpointGone(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	s.answering("audit", 410)
	ep := d.endpoint(api.EndpointSpec{Name: "audit", EndpointChange: at(s.url("audit"))})
	shop := d.pair("shop", "")
	gone := d.told(record.EndpointDisabled, ep.ID, 0)
	if e, err := d.admin.Endpoint(t.Context(), "audit"); err != nil || e.State != "paused" || !strings.Contains(e.Reason, "410") {
		t.Errorf("after 410 it is %+v, %v", e.Health, err)
	}
	s.answering("audit", 0)
	if _, err := d.admin.ResumeEndpoint(t.Context(), "audit"); err != nil {
		t.Fatal(err)
	}
	last := d.find("shop").Seq
	s.awaitSeq("audit", shop.ID, last)
	if seqs, _ := s.checkChain("audit", shop.ID, 0); uint64(len(seqs)) != last {
		t.Errorf("got %v of %d", seqs, last)
	}
	d.told(record.EndpointEnabled, ep.ID, gone.Seq)
}

// TestEndpointTest sends one event aside.
func TestEndpointTest(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	d.addTenant("acme")
	d.endpoint(api.EndpointSpec{Name: "erp", Tenant: "acme", EndpointChange: at(s.url("erp"))})
	got, err := d.admin.TestEndpoint(t.Context(), "@acme/erp")
	if err != nil || !got.Delivered || got.Status != 200 || got.Took <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
	s.await("the test event", func() bool { return len(s.got["erp"]) == 1 })
	if e := s.got["erp"][0]; e.kinds[0] != record.EndpointTest || e.seq != 0 || !strings.HasPrefix(e.id, "test/") {
		t.Errorf("the test event is %+v", e)
	}
	s.answering("erp", 503)
	got, err = d.admin.TestEndpoint(t.Context(), "@acme/erp")
	if err != nil || got.Delivered || got.Status != 503 || got.Error == "" || got.Answer != "not now" {
		t.Errorf("refused: %+v, %v", got, err)
	}
}

// TestPulledAsCloudEvents: events can be fetched in that format, too, and what
// they look like is told to anybody.
func TestPulledAsCloudEvents(t *testing.T) {
	d := runDaemon(t, shortDir(t), func(c *configs.Config) { c.Admin.Token = "0123456789abcdef" })
	d.pair("shop", "")
	get := func(path string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.d.URL()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer 0123456789abcdef")
		res, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d, %v, %s", path, res.StatusCode, err, body)
		}
		return string(body)
	}
	if got := get("/api/v1/instances/shop/events?format=cloudevents"); !strings.HasPrefix(got, `[{"specversion":"1.0"`) {
		t.Errorf("pulled: %.200s", got)
	}
	if got := get("/api/v1/schemas"); !strings.Contains(got, "cloudevents-bulk") {
		t.Errorf("the schemas: %s", got)
	}
	get("/api/v1/schemas/standard")
}
