package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/instance"
)

func TestAdminNames(t *testing.T) {
	f, h := linked(t)
	const name, about = "/api/v1/instances/acme/name", "/api/v1/instances/acme/about"
	for _, row := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"POST", name, `{"name":"The Shop"}`, 200, `"push_name":"The Shop"`},
		{"POST", name, `{"name":""}`, 400, `"field":"name"`},
		{"POST", name, `{}`, 400, `"field":"name"`},
		{"POST", name, ``, 400, `is missing`},
		{"POST", name, `{"nick":"x"}`, 400, `"code":"bad_json"`},
		{"POST", about, `{"about":"open"}`, 200, `"push_name":"The Shop"`},
		{"POST", about, `{"about":""}`, 200, `"name":"acme"`},
		{"POST", about, ``, 400, `"field":"about"`}, // and not taken for an empty one
		{"POST", about, `{"about":7}`, 400, `"code":"bad_json"`},
		{"GET", name, ``, 405, `use POST`},
		{"POST", "/api/v1/instances/nobody/name", `{"name":"x"}`, 404, `"code":"not_found"`},
		{"GET", "/api/v1/sandbox/profile?phone=15550001234", ``, 200, `"name":"The Shop","announced":"The Shop","about":""`},
		{"GET", "/api/v1/sandbox/profile", ``, 400, `"field":"phone"`},
		{"POST", "/api/v1/sandbox/name", `{"phone":"15550001234","name":"Other"}`, 200, `"name":"Other"`},
		{"POST", "/api/v1/sandbox/name", `{"phone":"1","name":"Other"}`, 409, `no such phone`},
	} {
		if w := do(h, row.method, row.path, row.body); w.Code != row.status || !strings.Contains(w.Body.String(), row.holds) {
			t.Errorf("%s %s %s: %d %s", row.method, row.path, row.body, w.Code, w.Body)
		}
	}
	for _, row := range []struct {
		err    error
		status int
		holds  string
	}{
		{instance.ErrNotConnected, 409, `"code":"not_connected"`},
		{instance.ErrNoSettingsKey, 409, `open WhatsApp on it`},
		{errors.Join(instance.ErrProfileRefused), 502, `"code":"profile_refused"`},
		{&instance.ProfileError{Err: errors.New("no answer in time")}, 502, `"code":"profile_failed"`},
		{instance.ErrBusy, 429, `"code":"busy"`},
	} {
		f.Fail(row.err)
		for path, body := range map[string]string{name: `{"name":"x"}`, about: `{"about":"x"}`} {
			if w := do(h, "POST", path, body); w.Code != row.status || !strings.Contains(w.Body.String(), row.holds) {
				t.Errorf("%v: %d %s", row.err, w.Code, w.Body)
			}
		}
	}
	f.Fail(nil)
	if w := do(h, "POST", name, `{"name":"x"}`, "Authorization: Bearer wrong"); w.Code != 401 {
		t.Errorf("without the token: %d", w.Code)
	}
}
