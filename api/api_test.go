package api_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/instance"
)

const token = "a-token-for-tests"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rooms is a daemon with the instance acme, and its handler with a token.
func rooms(t testing.TB, change ...func(*api.Config)) (*apitest.Fake, *api.API) {
	t.Helper()
	f := apitest.New("sandbox")
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	cfg := api.Config{Instances: f, System: f, Sandbox: f, Tenants: f, Token: token}
	for _, c := range change {
		c(&cfg)
	}
	return f, api.New(cfg)
}

// do plays one request with the token; headers come as "Key: value".
func do(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for _, line := range headers {
		k, v, _ := strings.Cut(line, ": ")
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRouting(t *testing.T) {
	for _, c := range []struct {
		method, target, accept string
		status                 int
		kind, holds            string
	}{
		{"GET", "/healthz", "", 200, "application/json", `{"status":"ok"}`},
		{"HEAD", "/healthz", "", 200, "application/json", ""},
		{"POST", "/healthz", "", 405, "application/json", "GET"},
		{"GET", "/readyz", "", 200, "application/json", `{"status":"ready"}`},
		{"GET", "/ui/", "text/html", 200, "text/html", "Sandbox."},
		{"GET", "/ui", "text/html", 200, "text/html", "Sandbox."},
		{"GET", "/ui/info", "", 200, "application/json", `"network":"sandbox"`},
		{"GET", "/", "text/html,application/xhtml+xml;q=0.9", 302, "text/html", "/ui/"},
		{"GET", "/", "application/json", 404, "application/json", `{"error":"not found"}`},
		{"GET", "/", "", 404, "application/json", `{"error":"not found"}`},
		{"POST", "/", "text/html", 404, "application/json", `{"error":"not found"}`},
		{"GET", "//status.aspx?wid=x", "", 401, "application/json", "Invalid wid"},
		{"GET", "/status.ASPX?wid=x", "", 401, "application/json", "Invalid wid"},
		{"GET", "/chats.aspx?wid=x", "", 404, "application/json", "error"},
		{"POST", "//waInstance1/setProfilePicture/token", "", 403, "application/json", `"message":"Forbidden"`},
		{"GET", "/waInstances", "", 403, "application/json", `"statusCode":403`},
		{"POST", "/v4/profile/portrait_set", "", 404, "application/json", `{"error":"not found"}`},
		{"GET", "/api", "", 404, "application/json", "no_route"},
		{"GET", "/api/v1//system", "", 200, "application/json", "sandbox"},
		{"GET", "/api/v1/system/", "", 404, "application/json", "no_route"},
		{"GET", "/api/v1/./system", "", 404, "application/json", "no_route"},
		{"GET", "/api/v2/system", "", 404, "application/json", "no_route"},
		{"GET", "/apiary", "", 404, "application/json", `{"error":"not found"}`},
	} {
		t.Run(c.method+" "+c.target+" "+c.accept, func(t *testing.T) {
			_, h := rooms(t, func(c *api.Config) { c.Tenants = nil })
			w := do(h, c.method, c.target, "", "Accept: "+c.accept)
			if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) || !strings.Contains(w.Body.String(), c.holds) {
				t.Errorf("%d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Error("may be sniffed")
			}
		})
	}
}

// Where there are tenants the root is CAMS's, but for browsers.
func TestRoutingOfTheRoot(t *testing.T) {
	_, h := rooms(t)
	for _, c := range []struct {
		method, target, accept string
		status                 int
		holds                  string
	}{
		{"GET", "/", "application/json", 400, `"Code":"MissingAccessKeyId"`},
		{"GET", "/", "", 400, `"Code":"MissingAccessKeyId"`},
		{"POST", "/", "text/html", 400, `"Code":"MissingAccessKeyId"`},
		{"GET", "/", "text/html", 302, "/ui/"},
		{"GET", "/apiary", "", 404, `{"error":"not found"}`},
	} {
		if w := do(h, c.method, c.target, "", "Accept: "+c.accept); w.Code != c.status || !strings.Contains(w.Body.String(), c.holds) {
			t.Errorf("%s %s for %q: %d %s", c.method, c.target, c.accept, w.Code, w.Body)
		}
	}
}

func TestReadyzTellsKnownReasonsOnly(t *testing.T) {
	f, h := rooms(t)
	f.Unready(fmt.Errorf("commit /secret/path: %w", instance.ErrUnavailable))
	w := do(h, "GET", "/readyz", "")
	if w.Code != 503 || !strings.Contains(w.Body.String(), "free space") || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	f.Unready(errors.New("/secret/path is gone"))
	w = do(h, "GET", "/readyz", "")
	if w.Code != 503 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w = do(h, "GET", "/api/v1/system", ""); !strings.Contains(w.Body.String(), "/secret/path is gone") {
		t.Errorf("the operator is not told why: %s", w.Body)
	}
	if w = do(h, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("healthz %d while requests are served", w.Code)
	}
}

// panicking is a port that fails in the middle of a request.
type panicking struct{ *apitest.Fake }

func (panicking) Find(context.Context, string) (api.Entry, error) { panic("the index is out of range") }

func TestPanicIsAnsweredAndLoggedOnce(t *testing.T) {
	var log strings.Builder
	f, _ := rooms(t)
	h := api.New(api.Config{
		Instances: panicking{f}, System: f, Token: token,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	w := do(h, "GET", "/api/v1/instances/acme", "")
	if w.Code != 500 || w.Body.String() != `{"error":"internal error"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n := strings.Count(log.String(), "request panicked"); n != 1 || !strings.Contains(log.String(), "out of range") {
		t.Errorf("logged %d times: %s", n, &log)
	}
}

func TestLogHoldsNoPathAndNoQuery(t *testing.T) {
	var log strings.Builder
	_, h := rooms(t, func(c *api.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for _, target := range []string{"/status.aspx?wid=s3cret", "/waInstance7/qr/s3cret", "/api/v1/instances/s3cret", "/s3cret"} {
		do(h, "GET", target, "")
	}
	if log.Len() == 0 || strings.Contains(log.String(), "s3cret") {
		t.Errorf("log: %s", &log)
	}
}
