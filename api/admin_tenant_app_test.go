package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func TestAppOfATenant(t *testing.T) {
	f, h := landlord(t)
	apitest.NewEndpoints(f)
	play(t, h, []exchange{
		{"GET", "tenants/beta", "", 200, `"sdkappid":1400000002,"admins":["administrator"],"custom":[]}`},
		{"PATCH", "tenants/beta", `{"admins":["administrator","backend"]}`, 200, `"admins":["administrator","backend"],"custom":[]}`},
		{"PATCH", "tenants/beta", `{"custom":[{"name":"vip","admin":true},{"name":"level","admin":false}]}`, 200, `"admins":["administrator","backend"],"custom":[{"name":"level","admin":false},{"name":"vip","admin":true}]}`},
		{"PATCH", "tenants/beta", `{"callback":"https://erp.example/hook?key=hunter2"}`, 200, `"callback":"@beta/callback"}`},
		{"PATCH", "tenants/beta", `{"callback":"http://10.0.0.1/"}`, 400, `"field":"callback"`},
		{"PATCH", "tenants/beta", `{"subscribed":true}`, 200, `"custom":[{"name":"level","admin":false},{"name":"vip","admin":true}],"callback":"@beta/callback"}`},
		{"DELETE", "tenants/beta", "", 409, `"code":"refused"`},
		{"PATCH", "tenants/beta", `{"callback":"","custom":[]}`, 200, `"custom":[]}`},
		{"PATCH", "tenants/beta", `{"callback":""}`, 200, `"custom":[]}`},
		{"PATCH", "tenants/beta", `{"admins":[]}`, 400, `"field":"admins"`},
		{"PATCH", "tenants/beta", `{"admins":["a b"]}`, 400, `"field":"admins"`},
		{"PATCH", "tenants/beta", `{"admins":"administrator"}`, 400, `"code":"bad_json"`},
		{"PATCH", "tenants/beta", `{"custom":[{"name":"vip_1"}]}`, 400, `"field":"custom"`},
		{"PATCH", "tenants/beta", `{"custom":[{"name":"vip","by":"me"}]}`, 400, `"code":"bad_json"`},
		{"PATCH", "tenants/beta", `{"sdkappid":1400000009}`, 400, `"code":"bad_json"`},
		{"PATCH", "tenants/beta", `{"secret_key":"mine"}`, 400, `"code":"bad_json"`},
		{"POST", "tenants/beta/secret/rotate", `{"secret_key":"mine"}`, 400, `"code":"bad_json"`},
		{"POST", "tenants/beta/secret/rotate", "", 201, `{"sdkappid":1400000002,"secret_key":"appkey3"}`},
		{"POST", "tenants/beta/secret/rotate", "{}", 201, `{"sdkappid":1400000002,"secret_key":"appkey4"}`},
		{"POST", "tenants/nobody/secret/rotate", "", 404, `"code":"no_tenant"`},
		{"GET", "tenants/beta/secret/rotate", "", 405, `use POST`},
		{"GET", "tenants/beta/secret", "", 404, `"code":"no_route"`},
		{"GET", "instances/daemon/events?limit=1000", "", 200, `"data":{"detail":{"tenant":"t2","name":"beta","what":"secret_rotated"}}`},
	})
	for _, path := range []string{"tenants", "tenants/beta", "instances/daemon/events"} {
		if w := do(h, "GET", "/api/v1/"+path, ""); strings.Contains(w.Body.String(), "hunter2") || strings.Contains(w.Body.String(), "appkey") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
}

// TestCheckAdmins and TestCheckCustom: what an app may have, to the byte.
func TestCheckAdmins(t *testing.T) {
	many := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("admin%d", i))
		}
		return out
	}
	for name, c := range map[string]struct {
		admins []string
		good   bool
	}{
		"one":               {[]string{"administrator"}, true},
		"32":                {many(32), true},
		"32 bytes":          {[]string{strings.Repeat("a", 32)}, true},
		"32 bytes of UTF-8": {[]string{strings.Repeat("ü", 16)}, true},
		"signs":             {[]string{"a+b@erp.example:8080/ü"}, true},
		"none":              {nil, false},
		"33":                {many(33), false},
		"33 bytes":          {[]string{strings.Repeat("a", 33)}, false},
		"33 bytes of UTF-8": {[]string{strings.Repeat("ü", 16) + "a"}, false},
		"an empty one":      {[]string{"administrator", ""}, false},
		"a space":           {[]string{"an admin"}, false},
		"a wide space":      {[]string{"an\u3000admin"}, false},
		"the end of a line": {[]string{"admin\n"}, false},
		"a zero":            {[]string{"admin\x00"}, false},
		"no UTF-8":          {[]string{"admin\xff"}, false},
		"one twice":         {[]string{"a", "b", "a"}, false},
		"another case":      {[]string{"a", "A"}, true},
	} {
		judged(t, name, "admins", api.CheckAdmins(c.admins), c.good)
	}
}

func TestCheckCustom(t *testing.T) {
	of := func(names ...string) (out []record.CustomField) {
		for _, n := range names {
			out = append(out, record.CustomField{Name: n})
		}
		return out
	}
	var letters []string
	for r := 'a'; r <= 'u'; r++ {
		letters = append(letters, string(r))
	}
	for name, c := range map[string]struct {
		fields []record.CustomField
		good   bool
	}{
		"none":         {nil, true},
		"one":          {of("vip"), true},
		"20":           {of(letters[:20]...), true},
		"8 letters":    {of("abcdefGH"), true},
		"another case": {of("vip", "VIP"), true},
		"21":           {of(letters...), false},
		"9 letters":    {of("abcdefGHI"), false},
		"an empty one": {of(""), false},
		"a digit":      {of("vip1"), false},
		"a dash":       {of("v-ip"), false},
		"no ASCII":     {of("vïp"), false},
		"a line's end": {of("vip\n"), false},
		"one twice":    {of("vip", "level", "vip"), false},
	} {
		judged(t, name, "custom", api.CheckCustom(c.fields), c.good)
	}
}

// judged fails unless an error says what is wrong with a field, of one that is not good.
func judged(t *testing.T, name, field string, err error, good bool) {
	t.Helper()
	var wrong *instance.InvalidError
	if good != (err == nil) || !good && (!errors.As(err, &wrong) || wrong.Field != field || !strings.HasPrefix(wrong.Problem, "must ")) {
		t.Errorf("%s: %v", name, err)
	}
}
