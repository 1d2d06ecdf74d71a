package tencent_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/record"
)

// tenants is the world as the server asks for it.
type tenants struct {
	allTenants
	w *world
}

type allTenants = api.Tenants // by a name that is none of its methods'

func (t tenants) ChatApp(ctx context.Context, app int64) (record.Tenant, error) {
	return t.w.ChatApp(ctx, app)
}

func (t tenants) ChatAccount(ctx context.Context, tenant, user string) (record.Account, error) {
	return t.w.ChatAccount(ctx, tenant, user)
}

func (t tenants) SetProfile(ctx context.Context, tenant, user, operator string, fields []record.Field) error {
	return t.w.SetProfile(ctx, tenant, user, operator, fields)
}

// serve is a server with the world as its app, or with none.
func serve(t *testing.T, w *world) *httptest.Server {
	t.Helper()
	fake := apitest.New("sandbox")
	cfg := api.Config{Instances: fake, System: fake, Now: func() time.Time { return noon }}
	if w != nil {
		cfg.Tenants = tenants{w: w}
	}
	a := api.New(cfg)
	srv := httptest.NewServer(a)
	t.Cleanup(func() {
		a.Stop()
		srv.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return srv
}

// TestServed: the server hands over what is below /v4/, with any number of slashes, bodies
// in chunks and of no known type, and bounds them.
func TestServed(t *testing.T) {
	w := newWorld()
	srv := serve(t, w)
	send := func(path, body string, change func(r *http.Request)) (int, string) {
		t.Helper()
		r := app().Request(srv.URL, setting, body).WithContext(t.Context())
		r.URL.Path = path
		change(r)
		res, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var b strings.Builder
		if err := res.Write(&b); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, b.String()
	}
	same := func(*http.Request) {}
	for _, c := range []struct {
		path, body, answer string
		change             func(r *http.Request)
	}{
		{"/v4/profile/portrait_set", rights[setting], `"ErrorCode":0,`, same},
		{"//v4//profile///portrait_set", rights[setting], `"ErrorCode":0,`, same},
		{"/v4/profile/portrait_set", rights[setting], `"ErrorCode":0,`, func(r *http.Request) { r.ContentLength = -1 }},
		{"/v4/profile/portrait_set", rights[setting], `"ErrorCode":0,`, func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }},
		{"/v4/profile/portrait_set", rights[setting] + strings.Repeat(" ", 1<<20), `"ErrorCode":60002,`, same},
		{"/v4/profile/portrait_set", rights[setting] + strings.Repeat(" ", 1<<20), `"ErrorCode":60002,`, func(r *http.Request) { r.ContentLength = -1 }},
		{"/v4/profile/portrait_set", rights[setting], `"ErrorCode":60002,`, func(r *http.Request) { r.Method = http.MethodGet; r.Body = http.NoBody; r.ContentLength = 0 }},
		{"/v4/", rights[setting], `"ErrorCode":60009,`, same},
		{"/v4/waInstance7/qr", rights[setting], `"ErrorCode":60009,`, same},
	} {
		status, answer := send(c.path, c.body, c.change)
		if status != http.StatusOK || !strings.Contains(answer, c.answer) {
			t.Errorf("%s with %d bytes: %s", c.path, len(c.body), answer)
		}
	}
	if w.writes != 4 {
		t.Errorf("%d writes", w.writes)
	}
	for _, path := range []string{"/v4", "/V4/profile/portrait_set", "/v5/profile/portrait_set"} {
		if status, _ := send(path, rights[setting], same); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	srv = serve(t, nil)
	if status, _ := send("/v4/profile/portrait_set", rights[setting], same); status != http.StatusNotFound {
		t.Errorf("without an app: %d", status)
	}
}
