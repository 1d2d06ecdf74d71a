package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// posts is a daemon with the instance acme and endpoints, of which there is none.
func posts(t testing.TB) (*apitest.Fake, *apitest.Endpoints, *api.API) {
	t.Helper()
	var e *apitest.Endpoints
	f, h := rooms(t, func(c *api.Config) {
		e = apitest.NewEndpoints(c.Instances.(*apitest.Fake))
		c.Endpoints = e
	})
	return f, e, h
}

// exchange is a request below /api/v1/ and its answer.
type exchange struct {
	method, path, body string
	status             int
	holds              string
}

func play(t *testing.T, h *api.API, steps []exchange) {
	t.Helper()
	for _, s := range steps {
		w := do(h, s.method, "/api/v1/"+s.path, s.body)
		if w.Code != s.status || !strings.Contains(w.Body.String(), s.holds) {
			t.Errorf("%s %s %.80s: %d %s", s.method, s.path, s.body, w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: no JSON, or kept by caches", s.method, s.path)
		}
	}
}

func TestLifeOfAnEndpoint(t *testing.T) {
	f, _, h := posts(t)
	if _, err := f.AddTenant(t.Context(), api.TenantSpec{Name: "beta"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "shop", Tenant: "beta"}); err != nil {
		t.Fatal(err)
	}
	play(t, h, []exchange{
		{"GET", "endpoints", "", 200, `[]`},
		{"POST", "endpoints", `{"name":"crm","instance":"acme","url":"https://x.example/?a=1&b=2","kinds":["message.*"],"timeout":"5s","schedule":["1s","1m"],"bulk":{"most":50,"wait":"200ms"}}`, 201, `{"id":"e1","name":"crm","instance":"i1","owner":"acme"`},
		{"POST", "endpoints", `{"name":"crm","instance":"acme","url":"https://x.example/"}`, 409, `"code":"endpoint_taken"`},
		{"POST", "endpoints", `{"name":"crm","tenant":"beta","url":"https://x.example/","secret":"whsec_given"}`, 201, `"owner":"@beta"`},
		{"POST", "endpoints", `{"name":"all","url":"https://x.example/"}`, 201, `"id":"e3"`},
		{"POST", "endpoints", `{"name":"b","tenant":"beta","instance":"acme","url":"https://x.example/"}`, 400, `"code":"invalid"`},
		{"POST", "endpoints", `{"name":"b","instance":"","url":"https://x.example/"}`, 400, `"field":"instance"`},
		{"POST", "endpoints", `{"name":"b","tenant":"nobody","url":"https://x.example/"}`, 404, `"code":"no_tenant"`},
		{"POST", "instances", `{"name":"b","tenant":"nobody"}`, 404, `"code":"no_tenant"`},
		{"POST", "endpoints", `{"name":"b","tenant":"","url":"https://x.example/"}`, 400, `"field":"tenant"`},
		{"POST", "endpoints", `{"name":"b","instance":"nobody","url":"https://x.example/"}`, 404, `"code":"not_found"`},
		{"POST", "endpoints", `{"name":"b","url":"https://10.0.0.1/"}`, 400, `"field":"url"`},
		{"POST", "endpoints", `{"name":"b","uri":"https://x.example/"}`, 400, `"code":"bad_json"`},
		{"POST", "endpoints", `{"name":"b","url":"https://x.example/","timeout":"soon"}`, 400, `"code":"bad_json"`},
		{"GET", "endpoints?instance=acme", "", 200, `[{"id":"e1"`},
		{"GET", "endpoints?tenant=beta", "", 200, `[{"id":"e2"`},
		{"GET", "endpoints?tenant=t2", "", 200, `[{"id":"e2"`},
		{"GET", "endpoints?tenant=nobody", "", 404, `"code":"no_tenant"`},
		{"GET", "endpoints?daemon=1", "", 200, `[{"id":"e3"`},
		{"GET", "endpoints?daemon=1&tenant=beta", "", 400, `name several owners`},
		{"GET", "endpoints?daemon=yes", "", 400, `"field":"daemon"`},
		{"GET", "endpoints?instance=nobody", "", 404, `"code":"not_found"`},
		{"GET", "endpoints/e1", "", 200, `"bulk":{"most":50,"wait":"200ms"},"timeout":"5s","schedule":["1s","1m0s"]`},
		{"GET", "endpoints/acme~crm", "", 200, `"id":"e1"`},
		{"GET", "endpoints/i1~crm", "", 200, `"id":"e1"`},
		{"GET", "endpoints/acme%2Fcrm", "", 200, `"id":"e1"`},
		{"GET", "endpoints/@beta~crm", "", 200, `"id":"e2"`},
		{"GET", "endpoints/~all", "", 200, `"id":"e3"`},
		{"GET", "endpoints/all", "", 200, `"id":"e3"`},
		{"GET", "endpoints/crm", "", 409, `"code":"ambiguous"`},
		{"GET", "endpoints/~crm", "", 404, `"code":"no_endpoint"`},
		{"GET", "endpoints/acme/crm", "", 404, `"code":"no_route"`},
		{"PATCH", "endpoints/all", `{"bearer":"b","headers":{"X-A":"1"},"states":[10],"jitter":0}`, 200, `"bearer":"b","states":[10],"jitter":0`},
		{"PATCH", "endpoints/all", `{"name":"other"}`, 400, `"code":"bad_json"`},
		{"POST", "endpoints/all/pause", `{"reason":"moving house"}`, 200, `"state":"paused","reason":"moving house"`},
		{"POST", "endpoints/all/pause", `{"reason":"two\nlines"}`, 400, `"field":"reason"`},
		{"POST", "endpoints/all/pause", ``, 200, `"reason":"paused by an operator"`},
		{"POST", "endpoints/all/resume", ``, 200, `"state":"ok"`},
		{"POST", "endpoints/all/resume", `{"now":true}`, 400, `"code":"bad_json"`},
		{"POST", "endpoints/all/retry", ``, 200, `"id":"e3"`},
		{"POST", "endpoints/all/test", ``, 200, `{"delivered":true,"status":204,"took_ns":12000000}`},
		{"GET", "endpoints?daemon=1", "", 200, `"headers":{"X-A":""},"states":[10],"jitter":0,"secrets":[]`},
		{"GET", "endpoints/all", "", 200, `"headers":{"X-A":"1"},"bearer":"b"`},
		{"POST", "endpoints/all/rotate-secret", ``, 200, `"secrets":[{"secret":"whsec_next-e3-1"},{"secret":"whsec_first-e3","until":"`},
		{"POST", "endpoints/@beta~crm/rotate-secret", `{"secret":"whsec_mine","keep":"0s"}`, 200, `"secrets":[{"secret":"whsec_mine"}]`},
		{"POST", "endpoints/all/rotate-secret", `{"keep":"-1s"}`, 400, `"field":"keep"`},
		{"POST", "endpoints/all/rotate-secret", `{"secret":"mine"}`, 400, `"field":"secret"`},
		{"DELETE", "endpoints/all", ``, 200, `{"id":"e3","name":"all","removed":true}`},
		{"DELETE", "endpoints/all", ``, 404, `"code":"no_endpoint"`},
		{"PUT", "endpoints/e1", ``, 405, `use GET or PATCH or DELETE`},
	})
}

func TestDaemonWithoutEndpoints(t *testing.T) {
	_, h := rooms(t)
	for _, path := range []string{"GET endpoints", "GET endpoints/e1", "POST endpoints/e1/test", "GET deliveries", "GET instances/acme/deliveries", "GET deadletters", "POST instances/acme/replay"} {
		method, path, _ := strings.Cut(path, " ")
		if w := do(h, method, "/api/v1/"+path, ""); w.Code != 404 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestDeliveriesDeadLettersAndReplays(t *testing.T) {
	f, e, h := posts(t)
	play(t, h, []exchange{
		{"POST", "endpoints", `{"name":"crm","instance":"acme","url":"https://x.example/"}`, 201, `"id":"e1"`},
		{"POST", "endpoints", `{"name":"all","url":"https://x.example/"}`, 201, `"id":"e2"`},
		{"POST", "endpoints/crm/skip", ``, 409, `"code":"nothing_pending"`},
	})
	for range 3 {
		f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
	}
	f.Tell(record.DaemonStarted)
	e.Break("e1", "i1", 5, 500, "no room")
	if body := do(h, "GET", "/api/v1/endpoints", "").Body.String(); strings.Contains(body, "no room") || strings.Count(body, `"status":500`) != 1 {
		t.Errorf("a list with more than the last failures: %s", body)
	}
	play(t, h, []exchange{
		{"GET", "endpoints/crm", "", 200, `"state":"failing"`},
		{"GET", "endpoints/crm", "", 200, `"answer":"no room"`},
		{"GET", "instances/acme/deliveries", "", 200, `"stream":"i1","stream_name":"acme","acked":0,"head":6,"pending":6,"in_flight":false,"state":"failing","attempts":5`},
		{"GET", "instances/acme/deliveries", "", 200, `"answer":"no room"`},
		{"GET", "instances/daemon/deliveries", "", 200, `[{"endpoint":"e2","name":"all","format":"standard","stream":"daemon"`},
		{"GET", "deliveries", "", 200, `[{"endpoint":"e1"`},
		{"GET", "deliveries?limit=0", "", 400, `"field":"limit"`},
		{"POST", "endpoints/crm/skip", ``, 200, `"from":1,"to":1,"reason":"skipped by operator"`},
		{"POST", "endpoints/all/skip", ``, 400, `"field":"instance"`},
		{"POST", "endpoints/all/skip", `{"instance":"acme"}`, 200, `"kind":"connection.changed","event_at":"`},
		{"POST", "endpoints/all/skip", `{"instance":"daemon"}`, 200, `"stream":"daemon"`},
		{"POST", "endpoints/all/skip", `{"instance":"nobody"}`, 404, `"code":"not_found"`},
	})
	if w := do(h, "GET", "/api/v1/deliveries?limit=1", ""); w.Header().Get(api.TotalHeader) != "3" || strings.Count(w.Body.String(), `"endpoint"`) != 1 || strings.Contains(w.Body.String(), "no room") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	e.GiveUp("e1", "i1", "the horizon of 72h0m0s has passed")
	play(t, h, []exchange{
		{"GET", "deadletters", "", 200, `[{"place":"e1/i1/1"`},
		{"GET", "deadletters?limit=1&after=e1/i1/1", "", 200, `[{"place":"e1/i1/2"`},
		{"GET", "deadletters?after=e1/i1/2&instance=acme", "", 200, `[{"place":"e2/i1/1"`},
		{"GET", "deadletters?after=e1/i1/2&instance=daemon", "", 200, `[{"place":"e2/daemon/1"`},
		{"GET", "deadletters?after=e2/i1/1", "", 200, `[]`},
		{"GET", "deadletters?endpoint=~all&instance=acme", "", 200, `[{"place":"e2/i1/1","endpoint":"e2"`},
		{"GET", "deadletters?endpoint=none", "", 404, `"code":"no_endpoint"`},
		{"GET", "deadletters?after=e1/i1/1/r1&limit=1", "", 200, `[{"place":"e1/i1/2"`},
		{"GET", "deadletters?after=e1/i1/1/", "", 400, `"field":"after"`},
		{"GET", "deadletters?after=1", "", 400, `"field":"after"`},
		{"GET", "deadletters?limit=1001", "", 400, `"field":"limit"`},
		{"POST", "instances/acme/replay", `{}`, 400, `"field":"from"`},
		{"POST", "instances/acme/replay", `{"from":1,"from_time":"2026-01-01T00:00:00Z"}`, 400, `two beginnings`},
		{"POST", "instances/acme/replay", `{"from":1,"to":2,"to_time":"2026-01-01T00:00:00Z"}`, 400, `two ends`},
		{"POST", "instances/acme/replay", `{"from":3,"to":2}`, 400, `before the beginning`},
		{"POST", "instances/acme/replay", `{"from":2,"to":4,"endpoint":"acme/crm"}`, 201, `"replay":"r1","until":4,"acked":1`},
		{"POST", "instances/acme/replay", `{"from_time":"2026-01-01T00:00:00Z"}`, 201, `"until":6,"acked":0`},
		{"POST", "instances/daemon/replay", `{"from":1,"endpoint":"acme/crm"}`, 400, `"field":"endpoint"`},
		{"POST", "instances/daemon/replay", `{"from":7}`, 400, `"field":"from"`},
		{"POST", "instances/daemon/replay", `{"from":1,"to_time":"` + time.Now().Add(-time.Hour).Format(time.RFC3339) + `"}`, 400, `"field":"from"`},
		{"GET", "instances/acme/deliveries", "", 200, `"replay":"r1"`},
		{"DELETE", "deadletters", "", 400, `"field":"instance"`},
		{"DELETE", "deadletters?instance=acme&from=0", "", 400, `"field":"from"`},
		{"DELETE", "deadletters?instance=acme&from=3&to=2", "", 400, `"field":"to"`},
		{"DELETE", "deadletters?instance=acme&endpoint=crm&to=1", "", 200, `{"deleted":1}`},
		{"DELETE", "instances/acme/replay?endpoint=~all&replay=r1", "", 404, `"code":"no_replay"`},
		{"DELETE", "instances/acme/replay?endpoint=acme/crm&replay=r1", "", 200, `"replay":"r1","until":4`},
		{"DELETE", "instances/acme/replay", "", 200, `"until":6`},
		{"DELETE", "instances/acme/replay", "", 404, `"code":"no_replay"`},
	})
}

// A reference that is read and written again is the same.
func TestReferences(t *testing.T) {
	for ref, want := range map[string]struct {
		of   api.Owner
		name string
	}{
		"crm":        {api.Owner{}, "crm"},
		"acme/crm":   {api.Owner{Instance: "acme"}, "crm"},
		"@beta/crm":  {api.Owner{Tenant: "beta"}, "crm"},
		"/crm":       {api.Owner{Daemon: true}, "crm"},
		"acme/a/b":   {api.Owner{Instance: "acme"}, "a/b"},
		"":           {api.Owner{}, ""},
		"@/crm":      {api.Owner{Instance: "@"}, "crm"}, // which nobody is called
		"@nobody":    {api.Owner{}, "@nobody"},
		"i1-webhook": {api.Owner{}, "i1-webhook"},
	} {
		if of, name := api.ParseRef(ref); of != want.of || name != want.name {
			t.Errorf("%q: %+v %q", ref, of, name)
		}
	}
	for _, e := range []api.Endpoint{{Name: "crm", Owner: "acme"}, {Name: "crm", Owner: "@beta"}, {Name: "crm"}} {
		if of, name := api.ParseRef(e.Ref()); of == (api.Owner{}) || name != "crm" {
			t.Errorf("%s: %+v %q", e.Ref(), of, name)
		}
	}
}
