package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/qrcode/qrcodetest"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// Every step of an instance's life, by name and by id.
func TestLifeOfAnInstance(t *testing.T) {
	f, h := rooms(t)
	steps := []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"GET", "instances", "", 200, `[{"id":"i1","name":"acme"`},
		{"POST", "instances", `{"name":"beta","webhook":"http://x.example/?a=1&b=2"}`, 201, `"webhook":"http://x.example/?a=1&b=2"`},
		{"POST", "instances", `{"name":"beta"}`, 409, `"code":"name_taken"`},
		{"POST", "instances", `{"name":"no good"}`, 400, `"field":"name"`},
		{"GET", "instances/beta", "", 200, `"wid":"6D6307C3-2973-4468-85FA-000000000002","id_instance":1101000002,"api_token":"00000000000000000000000000000000000000000000000002","webhook_secret":"whsec_i2"`},
		{"GET", "instances/i2", "", 200, `"code":0,"state":"noConnection"`},
		{"GET", "instances/gamma", "", 404, `"code":"not_found"`},
		{"POST", "instances/beta/restore", "", 409, `"code":"nothing_to_restore"`},
		{"POST", "instances/beta/generate", `{"user_agent":"Opera"}`, 200, `"ttl":20`},
		{"GET", "instances/beta/qr", "", 200, `"svg":"<?xml`},
		{"POST", "instances/beta/scan", `{"phone":"15551112222"}`, 200, `"phone":"15551112222"`},
		{"POST", "instances/beta/scan", "", 409, `"code":"sandbox"`},
		{"GET", "instances/beta", "", 200, `"code":10,"state":"WhatsAppAuthenticated"`},
		{"GET", "instances/beta/qr", "", 409, `"code":"established"`},
		{"POST", "instances/i2/fault", `{"kind":"drop","no_gap":true}`, 200, `{"id":"i2","name":"beta","kind":"drop","no_gap":true}`},
		{"POST", "instances/i2/fault", `{"kind":"flood"}`, 400, `"field":"kind"`},
		{"POST", "instances/i2/fault", ``, 400, `"field":"kind"`},
		{"GET", "instances/beta/qr", "", 409, `"code":"saved_session"`},
		{"POST", "instances/beta/save", "", 200, `"can_restore":true`},
		{"POST", "instances/beta/restore", "", 200, `"code":10`},
		{"POST", "instances/beta/close", "", 200, `"code":0`},
		{"POST", "instances/beta/clear", "", 200, `"stats":{"contacts":0`},
		{"PATCH", "instances/beta", `{"user_agent":"Edge","can_bulk":true}`, 200, `"user_agent":"Edge"`},
		{"PATCH", "instances/beta", `{"api_version":"3"}`, 400, `"field":"APIVersion"`},
		{"PATCH", "instances/beta", `{"user-agent":"x"}`, 400, `"code":"bad_json"`},
		{"PATCH", "instances/beta", `{"user_agent":"x"} {}`, 400, `"code":"bad_json"`},
		{"PATCH", "instances/beta", `{"user_agent":`, 400, `"code":"bad_json"`},
		{"PATCH", "instances/beta", `{"user_agent":"` + strings.Repeat("x", 1<<20) + `"}`, 413, `"code":"too_large"`},
		{"POST", "instances/beta/disconnect", "", 200, `"can_restore":false`},
		{"PUT", "instances/beta", "", 405, `use GET or PATCH or DELETE`},
		{"DELETE", "instances/beta", "", 200, `{"id":"i2","name":"beta","deleted":true}`},
		{"GET", "instances/beta", "", 200, `"deleting":true`},
		{"GET", "nats", "", 200, `"password":"nats-password","stream":"SWITCHHOOK","subjects":["switchhook.ev.>"]`},
		{"GET", "sandbox", "", 200, `{"faults":[{"name":"drop"`},
		{"GET", "system", "", 200, `"uptime_seconds":3600,"ready":true`},
	}
	for _, s := range steps {
		w := do(h, s.method, "/api/v1/"+s.path, s.body)
		if w.Code != s.status || !strings.Contains(w.Body.String(), s.holds) {
			t.Errorf("%s %s %.80s: %d %s", s.method, s.path, s.body, w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: no JSON, or kept by caches", s.method, s.path)
		}
	}
	e, err := f.Find(t.Context(), "beta")
	if err != nil || e.UserAgent != "Edge" {
		t.Errorf("user agent %q, %v: a refused change was made", e.UserAgent, err)
	}
}

func TestAnswersWithoutInstancesAreAnArray(t *testing.T) {
	f, h := rooms(t)
	f.Erase("i1")
	if w := do(h, "GET", "/api/v1/instances", ""); w.Body.String() != "[]" {
		t.Errorf("%s", w.Body)
	}
}

func TestCodeScans(t *testing.T) {
	_, h := rooms(t)
	var code api.Code
	if err := json.Unmarshal(do(h, "GET", "/api/v1/instances/acme/qr", "").Body.Bytes(), &code); err != nil {
		t.Fatal(err)
	}
	if got := qrcodetest.ScanSVG(t, []byte(code.SVG)); got != code.Text || got == "" {
		t.Errorf("scanned %q, want %q", got, code.Text)
	}
}

func TestOnTheRealNetworkNothingIsPlayed(t *testing.T) {
	f, h := rooms(t, func(c *api.Config) { c.Sandbox = nil })
	before := len(f.Calls())
	for _, path := range []string{"POST instances/acme/scan", "POST instances/acme/fault", "GET sandbox"} {
		method, path, _ := strings.Cut(path, " ")
		w := do(h, method, "/api/v1/"+path, `{"kind":"drop"}`)
		if w.Code != 404 || !strings.Contains(w.Body.String(), "--sandbox") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if len(f.Calls()) != before {
		t.Errorf("commands ran: %v", f.Calls()[before:])
	}
}

func TestErrorsOfThePort(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		holds  string
	}{
		{fmt.Errorf("close /secret: %w", instance.ErrUnavailable), 503, `"code":"unavailable"`},
		{instance.ErrStopping, 503, `"code":"stopping"`},
		{instance.ErrDeleted, 410, `"code":"deleted"`},
		{fmt.Errorf("wait /secret: %w", instance.ErrNotReady), 504, `"code":"not_ready"`},
		{&instance.FailedError{State: fsm.AuthenticatedClosed, Cause: fsm.CauseStreamReplaced}, 502, `"code":"failed","state":11,"cause":"stream_replaced"`},
		{errors.New("open /secret: I/O error"), 500, `"code":"internal"`},
	} {
		f, h := rooms(t)
		f.Fail(c.err)
		w := do(h, "POST", "/api/v1/instances/acme/close", "")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.holds) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}
