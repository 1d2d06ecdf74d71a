package tencent_test

import (
	"compress/zlib"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/tencent/tencenttest"
	"github.com/switchhook/switchhook/instance"
)

// ask is a call before it is made.
type ask struct {
	verb    string
	command string
	signer  tencenttest.App
	doc     tencenttest.Document // without signature
	query   url.Values           // besides the usersig
	usersig *string              // instead of what the signer makes
	body    string
}

func asks(command string) *ask {
	a := &ask{verb: http.MethodPost, command: command, signer: app(), body: rights[command]}
	a.doc, a.query = a.signer.Document(), a.signer.Query()
	return a
}

func (a *ask) request() *http.Request {
	// Not compressed: then it is the same with every version of the compressor.
	sig := tencenttest.Pack(a.doc.Sign(a.signer.SecretKey).JSON(), zlib.NoCompression)
	if a.usersig != nil {
		sig = *a.usersig
	}
	a.query.Set("usersig", sig)
	if sig == "-" {
		a.query.Del("usersig")
	}
	return httptest.NewRequest(a.verb, "/v4/"+a.command+"?"+a.query.Encode(), strings.NewReader(a.body))
}

// TestOrder: of all that is wrong with a call the first is answered.
func TestOrder(t *testing.T) {
	dash, broken := "-", "broken"
	steps := []struct {
		profile, account int // codes; account 0: the same
		fault            func(w *world, a *ask)
	}{
		{60002, 0, func(_ *world, a *ask) { a.verb = http.MethodGet }},
		{60002, 0, func(_ *world, a *ask) { a.query["sdkappid"] = []string{"1", "1"} }},
		{60009, 0, func(_ *world, a *ask) { a.command += "s" }},
		{60012, 0, func(_ *world, a *ask) { a.query.Del("sdkappid") }},
		{60006, 0, func(_ *world, a *ask) { a.query.Set("sdkappid", "app") }},
		{70020, 0, func(_ *world, a *ask) { a.query.Set("sdkappid", "1400000002") }},
		{60004, 0, func(_ *world, a *ask) { a.usersig = &dash }},
		{70003, 0, func(_ *world, a *ask) { a.usersig = &broken }},
		{70014, 0, func(_ *world, a *ask) { a.doc.App++ }},
		{70013, 0, func(_ *world, a *ask) { a.doc.Identifier = "else" }},
		{70016, 0, func(w *world, _ *ask) { w.tenant.Chat.SecretKey = "" }},
		{70009, 0, func(_ *world, a *ask) { a.signer.SecretKey = "else" }},
		{70001, 0, func(_ *world, a *ask) { a.doc.Time -= 86401 }},
		{40004, 60010, func(w *world, _ *ask) { w.tenant.Chat.Admins = []string{"second", "Administrator", ""} }},
		{60007, 0, func(w *world, _ *ask) { w.now = noon }},
		{60003, 0, func(_ *world, a *ask) { a.body = "{" }},
		{40001, 70402, func(_ *world, a *ask) { a.body = "{}" }},
		{0, 0, func(*world, *ask) {}},
	}
	for command := range rights {
		w := newWorld()
		h := w.handler()
		for n := range 200 { // the rate is used up, at noon
			if got := call(t, h, command, rights[command]); got.ErrorCode != 0 && n < 100 {
				t.Fatalf("at first: %+v", got)
			}
		}
		for i, step := range steps {
			want := step.profile
			if step.account != 0 && strings.HasPrefix(command, "im_") {
				want = step.account
			}
			w.tenant = newWorld().tenant
			w.now = noon.Add(time.Second) // unless a fault sets it back, the rate allows more
			a := asks(command)
			for _, s := range slices.Backward(steps[i:]) {
				s.fault(w, a)
			}
			if got := play(t, h, a.request()); got.ErrorCode != want {
				t.Errorf("%s: %+v, want %d", command, got, want)
			}
		}
	}
}

// TestQueries are ways to write a query.
func TestQueries(t *testing.T) {
	sig := app().UserSig()
	escaped := strings.ReplaceAll(url.QueryEscape(sig), "-", "%2d")
	whole := fmt.Sprintf("sdkappid=%d&identifier=%s&usersig=%s", appID, admin, sig)
	for query, code := range map[string]int{
		whole: 0,
		fmt.Sprintf("usersig=%s&contenttype=json&identifier=%s&random=0b5c6f3e8a1d4c7c9b2e5f8a1d4c7c9b&sdkappid=%d", sig, admin, appID): 0,
		fmt.Sprintf("&&sdkappid=%d&identifier=%%61dministrator&usersig=%s&", appID, escaped):                                            0,
		whole + "&random=":                                        0,
		whole + "&random=1&random=2":                              0,
		whole + "&contenttype=":                                   0,
		whole + "&contenttype=JSON":                               0,
		whole + "&more=1&SDKAPPID=2":                              0,
		whole + "&contenttype=protobuf":                           60002,
		whole + "&contenttype=json;q=1":                           60002,
		whole + "&contenttype=json%2c":                            60002,
		whole + "&contenttype=json&contenttype":                   60002,
		whole + "&usersig=" + sig:                                 60002,
		whole + "&identifier=" + admin:                            60002,
		whole + "&sdkappid=1":                                     60002,
		whole + "&%zz":                                            60002,
		whole + "%":                                               60002,
		"":                                                        60012,
		"sdkappid=&identifier=x&usersig=x":                        60012,
		strings.Replace(whole, "=14", "=014", 1):                  60006,
		strings.Replace(whole, "=14", "=%2B14", 1):                60006,
		strings.Replace(whole, "=14", "=-14", 1):                  60006,
		strings.Replace(whole, "=14", "=14.", 1):                  60006,
		strings.Replace(whole, "=14", "=0x14", 1):                 60006,
		strings.Replace(whole, "=14", "=14000000000000000000", 1): 60006,
		strings.Replace(whole, "=14", "=1", 1):                    70020,
		strings.Replace(whole, "identifier=administrator", "identifier=", 1): 60004,
		strings.Replace(whole, "identifier=", "identifier2=", 1):             60004,
		strings.Replace(whole, "usersig=", "usersig=&x=", 1):                 60004,
		strings.Replace(whole, "=admin", "=Admin", 1):                        70013,
		strings.Replace(whole, "usersig=", "usersig=%2B", 1):                 70003,
		whole + "%0a": 70003,
		strings.Replace(whole, sig, strings.Repeat("A", 1<<20), 1): 70003,
	} {
		for command := range rights {
			r := httptest.NewRequest(http.MethodPost, "/v4/"+command, strings.NewReader(rights[command]))
			r.URL.RawQuery = query
			if got := play(t, newWorld().handler(), r); got.ErrorCode != code {
				t.Errorf("%s?%.300s: %+v, want %d", command, query, got, code)
			}
		}
	}
}

// TestCommandsAndVerbs are those that there are not.
func TestCommandsAndVerbs(t *testing.T) {
	w := newWorld()
	h := w.handler()
	for _, command := range []string{
		"", "/", "profile", "profile/", "profile/portrait_set/", "profile/portrait_set/x", "Profile/portrait_set", "profile/Portrait_Set",
		"profile/portrait%5Fset", "profile%2Fportrait_set", "profile/../profile/portrait_set", "openim/sendmsg", "im_open_login_svc/kick",
		"account_import", "v4/profile/portrait_set",
	} {
		r := asks(setting)
		r.command = command
		if got := play(t, h, r.request()); got.ErrorCode != 60009 {
			t.Errorf("%q: %+v", command, got)
		}
	}
	for _, verb := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "post"} {
		r := asks(setting)
		r.verb = verb
		if got := play(t, h, r.request()); got.ErrorCode != 60002 {
			t.Errorf("%s: %+v", verb, got)
		}
	}
	if w.writes != 0 {
		t.Errorf("%d writes", w.writes)
	}
}

// TestPortFails: what is no fault of the caller's says nothing of its cause.
func TestPortFails(t *testing.T) {
	hidden := errors.New("read /secret/path: gone")
	for _, err := range []error{hidden, instance.ErrUnavailable, fmt.Errorf("store: %w", instance.ErrStopping)} {
		for command := range rights {
			want := 40006
			if strings.HasPrefix(command, "im_") {
				want = 60008
			}
			for _, prepare := range []func(w *world){func(w *world) { w.appErr = err }, func(w *world) { w.err = err }} {
				w := newWorld()
				prepare(w)
				got := call(t, w.handler(), command, rights[command])
				codes := []int{got.ErrorCode}
				if got.ErrorCode == 0 { // each account says it
					codes = nil
				}
				for _, p := range got.Profiles {
					codes = append(codes, p.ResultCode)
				}
				for _, c := range got.Checks {
					codes = append(codes, c.ResultCode)
				}
				for _, code := range codes {
					if code != want {
						t.Errorf("%s: %+v, want %d", command, got, want)
					}
				}
				if len(codes) == 0 || w.writes != 0 || strings.Contains(fmt.Sprint(got), "secret") {
					t.Errorf("%s: %+v", command, got)
				}
			}
		}
	}
	w := newWorld()
	w.tenant.Chat = nil
	if got := call(t, w.handler(), setting, rights[setting]); got.ErrorCode != 70020 {
		t.Errorf("a tenant that is no app: %+v", got)
	}
	w = newWorld()
	w.tenant.Chat.App++
	if got := call(t, w.handler(), setting, rights[setting]); got.ErrorCode != 70020 {
		t.Errorf("a tenant that is another app: %+v", got)
	}
}
