package api_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// seqs reads the numbers of the events in an answer.
func seqs(t *testing.T, w *httptest.ResponseRecorder) []uint64 {
	t.Helper()
	var events []struct{ Seq uint64 }
	if err := json.Unmarshal(w.Body.Bytes(), &events); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	out := []uint64{}
	for _, e := range events {
		out = append(out, e.Seq)
	}
	return out
}

func TestEventsArePaged(t *testing.T) {
	f, h := rooms(t)
	for range 60 {
		f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
	}
	for query, want := range map[string]struct{ first, n int }{
		"":                  {1, 100},
		"?after=100":        {101, 20},
		"?after=120":        {0, 0},
		"?after=999":        {0, 0},
		"?limit=3&after=7":  {8, 3},
		"?limit=1000":       {1, 120},
		"?after=0&limit=1":  {1, 1},
		"?wait=50&after=50": {51, 70}, // there are some: no waiting
	} {
		got := seqs(t, do(h, "GET", "/api/v1/instances/acme/events"+query, ""))
		if len(got) != want.n || (want.n > 0 && got[0] != uint64(want.first)) {
			t.Errorf("%q: %d events from %v", query, len(got), got)
		}
	}
	for _, query := range []string{"after=-1", "after=x", "limit=0", "limit=1001", "limit=x", "wait=-1", "wait=-1s", "wait=soon", "after=i1/1", "after=i2/1/1", "format=xml"} {
		if w := do(h, "GET", "/api/v1/instances/acme/events?"+query, ""); w.Code != 400 || !strings.Contains(w.Body.String(), `"code":"invalid"`) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

func TestEventsHoldNoCredential(t *testing.T) {
	f, h := rooms(t)
	hook := "http://user:pass@x.example/"
	do(h, "PATCH", "/api/v1/instances/acme", `{"webhook":"`+hook+`"}`)
	do(h, "GET", "/api/v1/instances/acme/qr", "")
	e, err := f.Find(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	body := do(h, "GET", "/api/v1/instances/acme/events", "").Body.String()
	for _, secret := range []string{hook, e.WID, e.WebhookSecret, "2@code"} {
		if strings.Contains(body, secret) {
			t.Errorf("%s in %s", secret, body)
		}
	}
}

// A long poll ends with the first event, with its time, with its client or with
// the daemon, and then watches no more.
func TestLongPoll(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		end   func(f poller)
		after time.Duration
		n     int
		code  int
	}{
		"event":       {"wait=50", func(p poller) { p.fire() }, 0, 1, 200},
		"time":        {"wait=7", nil, 7 * time.Second, 0, 200},
		"cut":         {"wait=86400", nil, 55 * time.Second, 0, 200},
		"duration":    {"wait=1m30s", nil, 55 * time.Second, 0, 200},
		"shorter":     {"wait=1500ms", nil, 1500 * time.Millisecond, 0, 200},
		"client gone": {"wait=50", func(p poller) { p.cancel() }, 0, 0, 504},
		"stopping":    {"wait=50", func(p poller) { p.api.Stop(); p.api.Stop() }, 0, 0, 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, h := rooms(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := httptest.NewRequest("GET", "/api/v1/instances/acme/events?"+c.query, nil).WithContext(ctx)
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				done := make(chan time.Duration)
				go func() {
					began := time.Now()
					h.ServeHTTP(w, r)
					done <- time.Since(began)
				}()
				synctest.Wait()
				if f.Watchers("i1") != 1 {
					t.Fatalf("%d watchers", f.Watchers("i1"))
				}
				if c.end != nil {
					c.end(poller{h, cancel, func() { f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested) }})
				}
				if took := <-done; took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
				if w.Code != c.code || (c.code == 200 && len(seqs(t, w)) != c.n) {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if f.Watchers("i1") != 0 {
					t.Error("still watching")
				}
			})
		})
	}
}

type poller struct {
	api    *api.API
	cancel func()
	fire   func()
}

// What is not refused is within the bounds.
func FuzzEventsQuery(f *testing.F) {
	for _, q := range []string{"", "after=1&limit=2", "limit=1000", "after=18446744073709551615", "limit=-1", "after=%31", "a;b", "after=i1/1/1", "after=i1/0/9&format=standard", "after=i1/1/18446744073709551615"} {
		f.Add(q)
	}
	fake, h := rooms(f)
	fake.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil || values.Has("wait") {
			return
		}
		w := do(h, "GET", "/api/v1/instances/acme/events?"+values.Encode(), "")
		limit, _ := strconv.Atoi(values.Get("limit"))
		switch {
		case w.Code == 200 && values.Get("limit") != "" && (limit < 1 || limit > api.MaxEvents):
			t.Errorf("%q: a limit of %d was taken", query, limit)
		case w.Code == 200 && len(seqs(t, w)) > 2, w.Code != 200 && w.Code != 400:
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}

// Whoever pulls learns how far the stream is, and what it will never get.
func TestPullTellsWhereItIs(t *testing.T) {
	f, h := rooms(t, func(c *api.Config) {
		c.Formats = map[string]func(*record.Event) ([]byte, error){
			"cloudevents": func(ev *record.Event) ([]byte, error) {
				return []byte(`{"specversion":"1.0","seq":` + strconv.FormatUint(ev.Seq, 10) + "}"), nil
			},
		}
	})
	for range 5 {
		f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
	}
	f.Prune("i1", 4)
	f.Tell(record.DaemonStarted)
	for path, want := range map[string]struct {
		n            int
		head, pruned string
		holds        string
	}{
		"acme/events?after=4":                          {6, "10", "", `"id":"i1/1/5"`},
		"acme/events?after=10":                         {0, "10", "", `[]`},
		"acme/events":                                  {6, "10", "1-4", ""},
		"acme/events?after=2&limit=1":                  {1, "10", "3-4", ""},
		"acme/events?after=i1/1/9":                     {1, "10", "", ""},
		"acme/events?after=99":                         {0, "10", "", ""},
		"acme/events?after=18446744073709551615":       {0, "10", "", ""},
		"acme/events?after=8&format=standard":          {2, "10", "", ""},
		"acme/events?after=9&format=cloudevents":       {1, "10", "", `[{"specversion":"1.0","seq":10}]`},
		"acme/events?after=9&format=cloudevents&wait=": {1, "10", "", `specversion`},
		"daemon/events":                                {1, "1", "", `"type":"daemon.started"`},
	} {
		w := do(h, "GET", "/api/v1/instances/"+path, "")
		if n := len(seqs(t, w)); n != want.n || w.Header().Get(api.HeadHeader) != want.head || w.Header().Get(api.PrunedHeader) != want.pruned || !strings.Contains(w.Body.String(), want.holds) {
			t.Errorf("%s: %d events, %v", path, n, w.Header())
		}
	}
	f.Prune("i1", 10)
	if w := do(h, "GET", "/api/v1/instances/acme/events?after=7", ""); w.Header().Get(api.PrunedHeader) != "8-10" {
		t.Errorf("all pruned: %v", w.Header())
	}
	if w := do(h, "GET", "/api/v1/instances/acme/events?format=xml", ""); !strings.Contains(w.Body.String(), "must be cloudevents or standard") {
		t.Errorf("%s", w.Body)
	}
}
