package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

const token = "a-token-for-tests"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon serves a fake and answers a client of it.
func daemon(t *testing.T) (*apitest.Fake, *client.Client) {
	t.Helper()
	f := apitest.New("sandbox")
	srv := httptest.NewServer(api.New(api.Config{Instances: f, System: f, Sandbox: f, Token: token}))
	t.Cleanup(srv.Close)
	c, err := client.HTTP(srv.URL+"/", token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return f, c
}

func TestEverythingOnce(t *testing.T) {
	ctx := t.Context()
	_, c := daemon(t)
	if _, err := c.Add(ctx, api.AddSpec{Name: "a b"}); err == nil {
		t.Fatal("a name with a space was taken")
	}
	made, err := c.Add(ctx, api.AddSpec{Name: "acme", Webhook: "http://x.example/"})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := c.Find(ctx, "acme"); err != nil || found.WID != made.WID || found.Webhook != "http://x.example/" {
		t.Errorf("%+v %v", found, err)
	}
	if code, err := c.Code(ctx, "acme"); err != nil || code.Text == "" || code.TTL != 20 || !strings.HasPrefix(code.SVG, "<?xml") {
		t.Errorf("%+v %v", code, err)
	}
	if s, err := c.Scan(ctx, "acme", ""); err != nil || s.Phone != apitest.Phone {
		t.Errorf("%+v %v", s, err)
	}
	if f, err := c.Fault(ctx, "acme", "drop", true); err != nil || !f.NoGap {
		t.Errorf("%+v %v", f, err)
	}
	agent := "Opera"
	if e, err := c.Configure(ctx, "acme", api.Change{UserAgent: &agent}); err != nil || e.UserAgent != agent {
		t.Errorf("%+v %v", e, err)
	}
	for _, step := range []struct {
		run  func(context.Context, string) (api.Entry, error)
		want fsm.State
	}{
		{c.Save, fsm.AuthenticatedClosed},
		{c.Restore, fsm.Authenticated},
		{c.Clear, fsm.Authenticated},
		{c.Close, fsm.NoConnection},
		{c.Disconnect, fsm.NoConnection},
	} {
		if e, err := step.run(ctx, made.ID); err != nil || e.State != step.want || e.Name != "acme" {
			t.Errorf("%+v %v, want %v", e, err, step.want)
		}
	}
	if d, err := c.Delete(ctx, "acme"); err != nil || d.ID != made.ID {
		t.Errorf("%+v %v", d, err)
	}
	if all, err := c.List(ctx); err != nil || len(all) != 1 || !all[0].Deleting {
		t.Errorf("%+v %v", all, err)
	}
	if s, err := c.System(ctx); err != nil || s.Network != "sandbox" || !s.Ready {
		t.Errorf("%+v %v", s, err)
	}
	if n, err := c.NATS(ctx); err != nil || n.Stream != "SWITCHHOOK" {
		t.Errorf("%+v %v", n, err)
	}
}

func TestEvents(t *testing.T) {
	f, c := daemon(t)
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Code(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	events, err := c.Events(t.Context(), "acme", client.Look{After: 2, Limit: 5})
	if err != nil || len(events) != 2 {
		t.Fatalf("%+v %v", events, err)
	}
	if tr := events[0].Data.Transition; tr == nil || tr.To != fsm.AwaitingScan || events[0].Seq != 3 || events[0].Data.Connection.State != fsm.AwaitingScan {
		t.Errorf("%+v", events[0])
	}
	if events[1].Type != record.QRIssued || events[1].Data.TTL != 20 || !strings.Contains(string(events[1].Raw), `"qr.issued"`) {
		t.Errorf("%+v", events[1])
	}
	waited := make(chan int)
	go func() {
		events, err := c.Events(t.Context(), "acme", client.Look{After: 4, Wait: 50 * time.Second})
		if err != nil {
			t.Error(err)
		}
		waited <- len(events)
	}()
	f.Fire("acme", fsm.CauseOperator, fsm.Closed)
	if n := <-waited; n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestRefusalsAreTheErrorsOfInstance(t *testing.T) {
	f, c := daemon(t)
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{
		instance.ErrNotFound, instance.ErrDeleted, instance.ErrNameTaken, instance.ErrEstablished, instance.ErrSavedSession,
		instance.ErrNothingToRestore, instance.ErrNotReady, instance.ErrUnavailable, instance.ErrStopping,
	} {
		f.Fail(fmt.Errorf("wrapped: %w", want))
		if _, err := c.Close(t.Context(), "acme"); !errors.Is(err, want) || err.Error() != want.Error() {
			t.Errorf("%v, want %v", err, want)
		}
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fail(&instance.FailedError{State: fsm.AuthenticatedClosed, Cause: fsm.CauseTemporaryBan, RetryAt: at})
	_, err := c.Restore(t.Context(), "acme")
	if failed := (*instance.FailedError)(nil); !errors.As(err, &failed) || failed.Cause != fsm.CauseTemporaryBan || failed.State != fsm.AuthenticatedClosed || !failed.RetryAt.Equal(at) {
		t.Errorf("%v", err)
	}
	f.Fail(nil)
	version := "7"
	_, err = c.Configure(t.Context(), "acme", api.Change{APIVersion: &version})
	if wrong := (*instance.InvalidError)(nil); !errors.As(err, &wrong) || wrong.Field != "APIVersion" || wrong.Error() != err.Error() {
		t.Errorf("%v", err)
	}
	f.Fail(errors.New("a secret"))
	_, err = c.Close(t.Context(), "acme")
	if refused := (*client.Error)(nil); !errors.As(err, &refused) || refused.Status != 500 || refused.Code != "internal" {
		t.Errorf("%v", err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	c := client.Unix(filepath.Join(t.TempDir(), "none.sock"))
	_, err := c.List(t.Context())
	if none := (*client.UnreachedError)(nil); !errors.As(err, &none) || strings.Contains(err.Error(), "localhost") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.List(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestSomebodyElseAnswers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a page":     func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") },
		"an error":   func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(h)
			defer srv.Close()
			c, err := client.HTTP(srv.URL, token)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseIdle()
			if _, err := c.List(t.Context()); err == nil {
				t.Error("taken for a daemon")
			}
		})
	}
}

func TestAddressesAreChecked(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8080", "ftp://x", "http://", "http://user:pass@x", "http://x/?a=b", "http://x y"} {
		if _, err := client.HTTP(address, ""); err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
