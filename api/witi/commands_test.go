package witi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/api/dialecttest"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// wid is the key of the first instance of a fake.
const wid = "6D6307C3-2973-4468-85FA-000000000001"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// acme is a daemon with the instance acme, brought where prepare takes it.
func acme(t *testing.T, prepare func(t *testing.T, f *apitest.Fake)) (*apitest.Fake, http.Handler) {
	t.Helper()
	f := apitest.New("sandbox")
	f.Now = func() time.Time { return noon }
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "acme", Webhook: "http://my-erp.example&wid=" + wid}); err != nil {
		t.Fatal(err)
	}
	f.Amend("acme", func(in *record.Instance) {
		in.Config.UserAgent = "Chrome"
		in.Stats = record.Stats{Contacts: 72, Chats: 32, SentBytes: 1000, ReceivedBytes: 2000}
	})
	if prepare != nil {
		prepare(t, f)
	}
	return f, api.New(api.Config{Instances: f, System: f, Sandbox: f, Now: f.Now})
}

func pair(t *testing.T, f *apitest.Fake) {
	t.Helper()
	if _, err := f.Generate(t.Context(), "i1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Scan(t.Context(), "i1", ""); err != nil {
		t.Fatal(err)
	}
}

// situations are where the golden requests find the instance.
var situations = map[string]func(t *testing.T, f *apitest.Fake){
	"new": nil,
	"shown": func(t *testing.T, f *apitest.Fake) {
		if _, err := f.Generate(t.Context(), "i1", nil); err != nil {
			t.Fatal(err)
		}
		f.Now = func() time.Time { return noon.Add(7500 * time.Millisecond) }
	},
	"starting": func(t *testing.T, f *apitest.Fake) {
		pair(t, f)
		f.Fire("acme", fsm.CauseNetwork, fsm.ConnectionLost, fsm.RetryDue, fsm.HandshakeDone, fsm.LoginSent)
	},
	"paired": pair,
	"closed": func(t *testing.T, f *apitest.Fake) {
		pair(t, f)
		f.Fire("acme", fsm.CauseOperator, fsm.Closed)
	},
	"lost": func(t *testing.T, f *apitest.Fake) {
		pair(t, f)
		f.Fire("acme", fsm.CauseNetwork, fsm.ConnectionLost)
	},
	"revoked": func(t *testing.T, f *apitest.Fake) {
		pair(t, f)
		f.Fire("acme", fsm.CauseLoggedOut, fsm.LoggedOut)
	},
	"failing":     func(_ *testing.T, f *apitest.Fake) { f.Fail(errors.New("open /secret/path: I/O error")) },
	"unavailable": func(_ *testing.T, f *apitest.Fake) { f.Fail(fmt.Errorf("commit: %w", instance.ErrUnavailable)) },
	"banned": func(_ *testing.T, f *apitest.Fake) {
		f.Fail(&instance.FailedError{State: fsm.AuthenticatedClosed, Cause: fsm.CauseTemporaryBan})
	},
	"slow": func(_ *testing.T, f *apitest.Fake) { f.Fail(instance.ErrNotReady) },
}

func TestCommands(t *testing.T) {
	handlers := make(map[string]func(t *testing.T) http.Handler)
	for name, prepare := range situations {
		handlers[name] = func(t *testing.T) http.Handler {
			_, h := acme(t, prepare)
			return h
		}
	}
	dialecttest.Run(t, "testdata/commands", handlers)
}

// What is answered with an error changes nothing.
func TestRefusedRequestsChangeNothing(t *testing.T) {
	requests := map[string]*http.Request{
		"unknown wid":        httptest.NewRequest("GET", "/disconnect.aspx?wid=nobody", http.NoBody),
		"wrong method":       httptest.NewRequest("POST", "/disconnect.aspx?wid="+wid, http.NoBody),
		"broken JSON":        httptest.NewRequest("POST", "/set_config.aspx?wid="+wid, strings.NewReader(`{"webhook":"http://x.example/"`)),
		"two values":         httptest.NewRequest("POST", "/set_config.aspx?wid="+wid, strings.NewReader(`{"webhook":"http://x.example/"}{}`)),
		"wrong type at last": httptest.NewRequest("POST", "/set_config.aspx?wid="+wid, strings.NewReader(`{"webhook":"http://x.example/","APIVersionCanBulk":"yes"}`)),
		"not UTF-8":          httptest.NewRequest("POST", "/set_config.aspx?wid="+wid, strings.NewReader("{\"webhook\":\"http://x.example/\xff\"}")),
		"oversized":          httptest.NewRequest("POST", "/set_config.aspx?wid="+wid, bigBody()),
	}
	for name, r := range requests {
		t.Run(name, func(t *testing.T) {
			f, h := acme(t, pair)
			before, calls := read(t, f), f.Calls()
			h.ServeHTTP(httptest.NewRecorder(), r)
			if after := read(t, f); fmt.Sprint(after) != fmt.Sprint(before) || len(f.Calls()) != len(calls) {
				t.Errorf("changed from %+v to %+v by %v", before, after, f.Calls()[len(calls):])
			}
		})
	}
}

func read(t *testing.T, f *apitest.Fake) api.Entry {
	t.Helper()
	e, err := f.Find(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// bigBody is valid JSON of more than a mebibyte.
func bigBody() *bytes.Reader {
	return bytes.NewReader([]byte(`{"user_agent":"` + strings.Repeat("x", 1<<20) + `"}`))
}

func TestOversizedBodyIs413InTheCommandsForm(t *testing.T) {
	for path, want := range map[string]string{
		"/set_config.aspx":      `{"error":"The body is larger than 1 MiB"}`,
		"/generate_qrcode.aspx": `{"status":0,"error":"The body is larger than 1 MiB","ttl":0}`,
	} {
		_, h := acme(t, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", path+"?wid="+wid, bigBody()))
		if w.Code != http.StatusRequestEntityTooLarge || w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestBodyThatBreaksOffIsToldWithoutAddresses(t *testing.T) {
	f, h := acme(t, nil)
	before := len(f.Calls())
	body := io.MultiReader(strings.NewReader(`{"user_agent":"Opera"}`), iotest.ErrReader(errors.New("read tcp 10.0.0.7:8080: timeout")))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/set_config.aspx?wid="+wid, body))
	if w.Body.String() != `{"error":"Invalid body: the body broke off"}` || len(f.Calls()) != before {
		t.Errorf("%d %s, then %v", w.Code, w.Body, f.Calls()[before:])
	}
}

func TestByteOrderMarkIsTaken(t *testing.T) {
	f, h := acme(t, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/set_config.aspx?wid="+wid, strings.NewReader("\ufeff{\"user_agent\":\"Opera\"}")))
	if ua := read(t, f).UserAgent; ua != "Opera" {
		t.Errorf("user agent %q after %s", ua, w.Body)
	}
}

// ask plays one command and answers the body, which must come with 200.
func ask(t *testing.T, h http.Handler, method, path, body string) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path+"?wid="+wid, strings.NewReader(body)))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// Two things at once: an unknown error is logged once, and neither its text nor
// the key reaches the other side.
func TestUnknownErrorIsLoggedAndKept(t *testing.T) {
	var log bytes.Buffer
	f := apitest.New("whatsapp")
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	f.Fail(errors.New("open /secret/path: I/O error"))
	h := api.New(api.Config{Instances: f, System: f, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	body := ask(t, h, "GET", "/disconnect.aspx", "")
	if strings.Contains(string(body), "secret") {
		t.Errorf("shown: %s", body)
	}
	if n := strings.Count(log.String(), "/secret/path"); n != 1 {
		t.Errorf("logged %d times: %s", n, &log)
	}
	if strings.Contains(strings.ToLower(log.String()), strings.ToLower(wid)) {
		t.Errorf("the log holds the key: %s", &log)
	}
}
