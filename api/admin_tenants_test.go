package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/instance"
)

// landlord is a daemon with the instance shop, which is paired and of the tenant beta, t2.
func landlord(t testing.TB, change ...func(*api.Config)) (*apitest.Fake, *api.API) {
	t.Helper()
	f, h := rooms(t, change...)
	if _, err := f.AddTenant(t.Context(), api.TenantSpec{Name: "beta", SpaceID: "cams-beta"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "shop", Tenant: "beta"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Generate(t.Context(), "i2", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Scan(t.Context(), "i2", ""); err != nil {
		t.Fatal(err)
	}
	return f, h
}

func TestLifeOfATenant(t *testing.T) {
	f, h := landlord(t)
	if _, err := f.AddTenant(t.Context(), api.TenantSpec{Name: "gamma"}); err != nil {
		t.Fatal(err)
	}
	e := apitest.NewEndpoints(f)
	url := "https://x.example/"
	if _, err := e.AddEndpoint(t.Context(), api.EndpointSpec{Name: "log", Tenant: "gamma", EndpointChange: api.EndpointChange{URL: &url}}); err != nil {
		t.Fatal(err)
	}
	play(t, h, []exchange{
		{"GET", "tenants", "", 200, `[{"id":"t2","name":"beta"`},
		{"GET", "tenants/default", "", 200, `"subscribed":true,"instances":["acme"],"numbers":[],"keys":[],"qrdls":0,"seq":0,"sdkappid":1400000001,"admins":["administrator"],"custom":[]}`},
		{"GET", "tenants/gamma", "", 200, `"id":"t3"`},
		{"POST", "tenants", `{"name":"delta","space_id":"cams-8c8"}`, 201, `"space_id":"cams-8c8"`},
		{"POST", "tenants", `{"name":"epsilon"}`, 201, `"sdkappid":1400000005,"admins":["administrator"],"custom":[],"access_key_id":"AKID4","access_key_secret":"secret4","secret_key":"appkey5"}`},
		{"POST", "tenants/gamma/numbers", `{"number":"4915112345678"}`, 200, `"number":"4915112345678"`},
		{"POST", "tenants/beta/numbers", `{"number":"4915112345678"}`, 409, `"code":"refused"`},
		{"POST", "tenants", `{"name":"beta"}`, 409, `"code":"tenant_taken"`},
		{"POST", "tenants", `{"name":"t2"}`, 409, `"code":"tenant_taken"`},
		{"POST", "tenants", `{"name":"no good"}`, 400, `"field":"name"`},
		{"POST", "tenants", ``, 400, `"field":"name"`},
		{"POST", "tenants", `{"name":"zeta","space_id":"no good"}`, 400, `"field":"space_id"`},
		{"POST", "tenants", `{"name":"zeta","key":"x"}`, 400, `"code":"bad_json"`},
		{"GET", "tenants/t2", "", 200, `"name":"beta"`},
		{"GET", "tenants/nobody", "", 404, `"code":"no_tenant"`},
		{"GET", "tenants/nobody", "", 404, `switchhook tenant add NAME makes one`},
		{"PATCH", "tenants/beta", `{"subscribed":false}`, 200, `"space_id":"cams-beta","subscribed":false`},
		{"PATCH", "tenants/beta", `{"space_id":"cams-1","subscribed":true}`, 200, `"space_id":"cams-1","subscribed":true`},
		{"PATCH", "tenants/beta", `{"space_id":""}`, 400, `"field":"space_id"`},
		{"PATCH", "tenants/beta", `{"name":"other"}`, 400, `"code":"bad_json"`},
		{"PATCH", "tenants/nobody", `{"subscribed":true}`, 404, `"code":"no_tenant"`},
		{"POST", "tenants/beta/numbers", `{"number":"+5511999990000"}`, 200, `"numbers":[{"number":"15550001234","registered":false,"instance":"shop"},{"number":"5511999990000","registered":true}]`},
		{"POST", "tenants/beta/numbers", `{"number":"5511999990000"}`, 200, `{"number":"5511999990000","registered":true}]`},
		{"POST", "tenants/beta/numbers", `{"number":"15550001234"}`, 200, `{"number":"15550001234","registered":true,"instance":"shop"}`},
		{"POST", "tenants/beta/numbers", `{"number":"0800"}`, 400, `"field":"number"`},
		{"POST", "tenants/beta/numbers", `{"number":"005511999990000"}`, 400, `no 0 before the country code`},
		{"POST", "tenants/beta/numbers", ``, 400, `"field":"number"`},
		{"POST", "tenants/beta/numbers", `{"digits":"5511999990000"}`, 400, `"code":"bad_json"`},
		{"POST", "tenants/nobody/numbers", `{"number":"5511999990000"}`, 404, `"code":"no_tenant"`},
		{"POST", "tenants/beta/numbers/remove", `{"number":"15550001234"}`, 200, `{"number":"15550001234","registered":false,"instance":"shop"}`},
		{"POST", "tenants/beta/numbers/remove", `{"number":"+5511999990000"}`, 200, `"numbers":[{"number":"15550001234","registered":false,"instance":"shop"}]`},
		{"POST", "tenants/beta/numbers/remove", `{"number":"5511999990000"}`, 200, `"number":"15550001234"`},
		{"POST", "tenants/beta/numbers/remove", `{"number":"x"}`, 400, `"field":"number"`},
		{"POST", "tenants/nobody/numbers/remove", `{"number":"5511999990000"}`, 404, `"code":"no_tenant"`},
		{"DELETE", "tenants/beta", "", 409, `"code":"refused"`},
		{"DELETE", "tenants/default", "", 409, `always there`},
		{"DELETE", "tenants/gamma", "", 409, `has endpoints`},
		{"DELETE", "tenants/delta", "", 200, `{"id":"t4","name":"delta","deleted":true}`},
		{"DELETE", "tenants/delta", "", 404, `"code":"no_tenant"`},
		{"PUT", "tenants/beta", "", 405, `use GET or PATCH or DELETE`},
		{"GET", "tenants/beta/numbers", "", 405, `use POST`},
		{"GET", "tenants/beta/numbers/15550001234", "", 404, `"code":"no_route"`},
		{"GET", "instances/daemon/events?limit=1000", "", 200, `"data":{"detail":{"tenant":"t2","name":"beta","what":"number_added"}}`},
		{"GET", "instances/daemon/events?limit=1000", "", 200, `"type":"tenant.deleted"`},
	})
}

// A secret is told where it is made and nowhere else, and a number stands in no address.
func TestSecretsOfTenants(t *testing.T) {
	var log bytes.Buffer
	f, h := landlord(t, func(c *api.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	const number, message = "5511999990000", "what nobody logs"
	for path, body := range map[string]string{
		"POST tenants": `{"name":"gamma"}`, "POST tenants/beta/keys": "", "POST tenants/beta/keys/AKID1/rotate": "",
	} {
		method, path, _ := strings.Cut(path, " ")
		if w := do(h, method, "/api/v1/"+path, body); w.Code != 201 || !strings.Contains(w.Body.String(), `"access_key_secret":"secret`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	do(h, "POST", "/api/v1/tenants/beta/numbers", `{"number":"`+number+`"}`)
	if _, err := f.CreateQRDL(t.Context(), "t2", number, cams.Content{Message: message, Image: "PNG"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"GET tenants", "GET tenants/beta", "PATCH tenants/beta", "PATCH tenants/beta/keys/AKID1", "GET tenants/beta/qrdls",
		"GET instances/daemon/events", "GET instances/t2/events", "DELETE tenants/beta/keys/AKID1", "DELETE tenants/gamma",
	} {
		method, path, _ := strings.Cut(path, " ")
		if w := do(h, method, "/api/v1/"+path, ""); w.Code != 200 || strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "appkey") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := do(h, "POST", "/api/v1/tenants/beta/secret/rotate", ""); w.Code != 201 || w.Body.String() != `{"sdkappid":1400000002,"secret_key":"appkey4"}` {
		t.Errorf("rotate: %d %s", w.Code, w.Body)
	}
	f.Fail(errors.New("open database: I/O error"))
	do(h, "GET", "/api/v1/tenants", "")
	for _, hidden := range []string{"secret", "appkey", number, message, "AKID", "aaaaaaaaaaaaaaaaaaaaaaab"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("%s in %s", hidden, log.String())
		}
	}
	if !strings.Contains(log.String(), "I/O error") {
		t.Error("nothing was logged")
	}
}

func TestMessageQRCodesOfATenant(t *testing.T) {
	f, h := landlord(t, func(c *api.Config) { c.PublicURL = "https://hook.example/" })
	play(t, h, []exchange{
		{"GET", "tenants/beta/qrdls", "", 200, `[]`},
		{"GET", "tenants/nobody/qrdls", "", 404, `"code":"no_tenant"`},
	})
	ctx := t.Context()
	q, err := f.CreateQRDL(ctx, "t2", apitest.Phone, cams.Content{Message: "first", Image: "PNG"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := f.ScanQRDL(ctx, q.Token); err != nil {
			t.Fatal(err)
		}
	}
	next, err := f.UpdateQRDL(ctx, "t2", apitest.Phone, q.Code, cams.Content{Message: "a&b <ü>", Image: "SVG"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ScanQRDL(ctx, next.Token); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CreateQRDL(ctx, "t2", apitest.Phone, cams.Content{Message: "second", Image: "PNG"}); err != nil {
		t.Fatal(err)
	}
	var all []api.QRDL
	w := do(h, "GET", "/api/v1/tenants/t2/qrdls", "")
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil || len(all) != 2 || all[0].Message != "second" {
		t.Fatalf("%s, %v", w.Body, err)
	}
	got := all[1]
	if got.Message != "a&b <ü>" || got.Number != apitest.Phone || got.Image != "SVG" || got.Revision != 2 || got.Scans != 1 || got.Total != 4 ||
		got.Link != "https://hook.example/m/"+next.Token || got.ImageURL != "https://hook.example/m/"+next.Token+".svg" ||
		len(got.Past) != 1 || got.Past[0].Revision != 1 || got.Past[0].Scans != 3 {
		t.Errorf("%+v", got)
	}
	play(t, h, []exchange{
		{"GET", "tenants/beta/qrdls", "", 200, `"past":[]`},
		{"GET", "tenants/beta", "", 200, `"qrdls":2,"seq":7,"sdkappid":1400000002,"admins":["administrator"],"custom":[]}`},
		{"DELETE", "tenants/beta", "", 409, `"code":"refused"`},
	})
	f.Erase("i2")
	play(t, h, []exchange{{"DELETE", "tenants/beta", "", 409, `has message QR codes`}})
}

// A tenant's events are read by its id, not by its name, which may be an instance's.
func TestEventsOfATenant(t *testing.T) {
	f, h := landlord(t)
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "gamma"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.AddTenant(t.Context(), api.TenantSpec{Name: "gamma"}); err != nil {
		t.Fatal(err)
	}
	print1(t, f)
	play(t, h, []exchange{
		{"GET", "instances/t2/events", "", 200, `"id":"t2/1/1","type":"qrdl.created","stream":"t2","name":"beta","seq":1`},
		{"GET", "instances/t2/events?after=t2/1/1", "", 200, `[]`},
		{"GET", "instances/t2/events?after=i2/1/1", "", 400, `"field":"after"`},
		{"GET", "instances/t3/events", "", 200, `[]`},
		{"GET", "instances/gamma/events", "", 200, `[]`},
		{"GET", "instances/beta/events", "", 404, `"code":"not_found"`},
		{"GET", "instances/t9/events", "", 404, `"code":"not_found"`},
		{"GET", "instances/t2", "", 404, `"code":"not_found"`},
		{"POST", "instances/t2/close", "", 404, `"code":"not_found"`},
	})
}

// print1 makes a message QR code of the tenant beta.
func print1(t *testing.T, f *apitest.Fake) {
	t.Helper()
	if _, err := f.CreateQRDL(t.Context(), "t2", apitest.Phone, cams.Content{Message: "m", Image: "PNG"}); err != nil {
		t.Fatal(err)
	}
}

func TestWaitingForATenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := landlord(t)
		srv, l := serve(t, a)
		s := subscribe(t, l, "t2/events/stream")
		defer s.Close()
		s.want(t, "retry: 3000")
		waited := make(chan string)
		go func() { waited <- do(a, "GET", "/api/v1/instances/t2/events?wait=50", "").Body.String() }()
		synctest.Wait()
		if n := f.Watchers("t2"); n != 2 {
			t.Errorf("%d watchers", n)
		}
		print1(t, f)
		s.want(t, `id: t2/1/1|data: {"id":"t2/1/1","type":"qrdl.created"`)
		if body := <-waited; !strings.HasPrefix(body, `[{"id":"t2/1/1"`) {
			t.Error(body)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestDaemonWithoutTenants(t *testing.T) {
	_, h := rooms(t, func(c *api.Config) { c.Tenants = nil })
	play(t, h, []exchange{
		{"GET", "tenants", "", 404, `"code":"no_route"`},
		{"POST", "tenants", `{"name":"beta"}`, 404, `"code":"no_route"`},
		{"PUT", "tenants/default", "", 404, `"code":"no_route"`},
		{"POST", "tenants/default/keys/AKID1/rotate", "", 404, `"code":"no_route"`},
		{"GET", "tenants/default/qrdls", "", 404, `"code":"no_route"`},
		{"GET", "instances/t1/events", "", 404, `"code":"not_found"`},
	})
}

func TestErrorsOfTenants(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("add tenant: %w", instance.ErrUnavailable), 503, "unavailable"},
		{instance.ErrStopping, 503, "stopping"},
		{errors.New("open /private: I/O error"), 500, "internal"},
	} {
		f, h := landlord(t)
		f.Fail(c.err)
		for _, path := range []string{
			"GET tenants", "GET tenants/beta", "PATCH tenants/beta", "DELETE tenants/beta", "POST tenants/beta/keys",
			"POST tenants/beta/keys/AKID1/rotate", "PATCH tenants/beta/keys/AKID1", "DELETE tenants/beta/keys/AKID1",
			"GET tenants/beta/qrdls", "POST tenants/beta/numbers", "POST tenants/beta/numbers/remove", "GET instances/t2/events",
		} {
			method, path, _ := strings.Cut(path, " ")
			w := do(h, method, "/api/v1/"+path, "")
			if w.Code != c.status || !strings.Contains(w.Body.String(), `"code":"`+c.code+`"`) || strings.Contains(w.Body.String(), "private") {
				t.Errorf("%s, %v: %d %s", path, c.err, w.Code, w.Body)
			}
		}
	}
}
