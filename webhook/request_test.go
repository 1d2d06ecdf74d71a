package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// A batch has one id, made of its ends, and the numbers of its ends.
func TestBatchHeaders(t *testing.T) {
	got := make(chan seen, 1)
	srv := serve(t, catch(got))
	s := local(t)
	for name, tc := range map[string]struct {
		bulk   *record.Bulk
		events []*record.Event
		want   map[string]string
	}{
		"single": {nil, []*record.Event{event(7)}, map[string]string{
			"webhook-id": "k7f3q/2/7", "switchhook-seq": "7", "switchhook-prev": "5", "switchhook-count": "",
		}},
		"batch of one": {&record.Bulk{Most: 9}, []*record.Event{event(7)}, map[string]string{
			"webhook-id": "k7f3q/2/7", "switchhook-seq": "7", "switchhook-prev": "5", "switchhook-count": "1",
		}},
		"batch": {&record.Bulk{Most: 9}, []*record.Event{event(7), event(9), event(12)}, map[string]string{
			"webhook-id": "k7f3q/2/7-12", "switchhook-seq": "12", "switchhook-prev": "5", "switchhook-count": "3",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ep := endpointAt(srv.URL)
			ep.Bulk = tc.bulk
			if v := s.Send(t.Context(), &ep, 5, tc.events); v.Err != nil {
				t.Fatal(v.Err)
			}
			r := <-got
			for header, want := range tc.want {
				if r.header.Get(header) != want {
					t.Errorf("%s: %q, want %q", header, r.header.Get(header), want)
				}
			}
			lib, _ := standardwebhooks.NewWebhook(ep.Secrets[0])
			if err := lib.Verify([]byte(r.body), r.header); err != nil {
				t.Error(err)
			}
			var list []json.RawMessage
			if err := json.Unmarshal([]byte(r.body), &list); (err == nil) != (tc.bulk != nil) || err == nil && len(list) != len(tc.events) {
				t.Errorf("%s", r.body)
			}
		})
	}
}

// fat makes a body of 1 MB of each event.
type fat struct{}

func (fat) Encode(_ *record.Endpoint, events []*record.Event) (record.PostBack, error) {
	return record.PostBack{Body: bytes.Repeat([]byte("x"), len(events)<<20), ContentType: "text/plain"}, nil
}
func (fat) Carries(record.Kind) bool { return true }

// A batch that is too long for one request goes in several, in order, and is cut
// alike when it is repeated.
func TestLongBatchesAreCut(t *testing.T) {
	var mu sync.Mutex
	var got []string
	fail := true
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprint(r.Header.Get("webhook-id"), " ", r.Header.Get("switchhook-prev"), " ", r.Header.Get("switchhook-count"), " ", r.ContentLength>>20))
		if fail && len(got) == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s := senderFor(t, Config{AllowLoopback: true, Formats: map[string]Encoder{"fat": fat{}}})
	ep := endpointAt(srv.URL)
	ep.Format, ep.Bulk = "fat", &record.Bulk{Most: 100}
	var events []*record.Event
	for seq := range uint64(11) {
		events = append(events, event(seq+10))
	}
	want := []string{"k7f3q/2/10-11 8 2 2", "k7f3q/2/12-14 11 3 3", "k7f3q/2/15-17 14 3 3", "k7f3q/2/18-20 17 3 3"}
	v := s.Send(t.Context(), &ep, 8, events)
	if v.Outcome != outbox.Retry || v.Status != 503 || strings.Join(got, "\n") != strings.Join(want[:2], "\n") {
		t.Fatalf("%+v: %s", v, strings.Join(got, "\n"))
	}
	fail, got = false, nil
	if v = s.Send(t.Context(), &ep, 8, events); v.Outcome != outbox.Delivered || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("%+v: %s", v, strings.Join(got, "\n"))
	}
	ep.Bulk, got = nil, nil
	if v = s.Send(t.Context(), &ep, 8, events[:1]); v.Outcome != outbox.Delivered || len(got) != 1 {
		t.Errorf("%+v", v)
	}
}

// special is a format with a query, and a success of its own.
type specialFormat struct{ query string }

func (f specialFormat) Encode(*record.Endpoint, []*record.Event) (record.PostBack, error) {
	return record.PostBack{Body: []byte("{}"), ContentType: "application/json", Query: f.query}, nil
}
func (specialFormat) Carries(record.Kind) bool { return true }
func (specialFormat) Accepts(status int) bool  { return status == 200 || status == 307 }
func (specialFormat) Policy() record.Policy {
	return record.Policy{Schedule: []time.Duration{time.Minute}, Horizon: 24 * time.Hour, InFlight: 3}
}

func TestQueryIsAppended(t *testing.T) {
	got := make(chan seen, 1)
	srv := serve(t, catch(got))
	s := senderFor(t, Config{AllowLoopback: true, Formats: map[string]Encoder{"q": specialFormat{"a=1&b=%20"}, "none": specialFormat{}}})
	for _, tc := range []struct{ format, path, want string }{
		{"q", "", "/?a=1&b=%20"},
		{"q", "/p", "/p?a=1&b=%20"},
		{"q", "/p?", "/p?a=1&b=%20"},
		{"q", "/p?x=y", "/p?x=y&a=1&b=%20"},
		{"q", "/p%2Fq?x=%zz;#frag", "/p%2Fq?x=%zz;&a=1&b=%20"},
		{"none", "/p?x=%zz;", "/p?x=%zz;"},
		{"none", "/p?", "/p?"},
		{"none", "/p?x=a b", "/p?x=a%20b"},
	} {
		for range 2 { // the second time with the address parsed already
			ep := endpointAt(srv.URL + tc.path)
			ep.Format = tc.format
			if v := s.Send(t.Context(), &ep, 0, []*record.Event{event(1)}); v.Err != nil {
				t.Fatal(v.Err)
			}
			if r := <-got; r.uri != tc.want {
				t.Errorf("%s: %s, want %s", tc.path, r.uri, tc.want)
			}
		}
	}
}

// A format may have its own idea of success. 410 still disables, unless it is
// that idea.
func TestFormatJudges(t *testing.T) {
	s := senderFor(t, Config{AllowLoopback: true, Formats: map[string]Encoder{"own": specialFormat{}}})
	for status, want := range map[int]outbox.Verdict{
		200: {Outcome: outbox.Delivered},
		307: {Outcome: outbox.Delivered},
		201: {Slow: true},
		204: {Slow: true},
		302: {Slow: true},
		400: {Slow: true},
		410: {Outcome: outbox.Disable},
		503: {RetryAfter: 77 * time.Second},
	} {
		srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "77")
			w.Header().Set("Location", "/away")
			w.WriteHeader(status)
		})
		ep := endpointAt(srv.URL)
		ep.Format, ep.FollowRedirects = "own", true
		v := s.Send(t.Context(), &ep, 0, []*record.Event{event(1)})
		if v.Outcome != want.Outcome || v.Slow != want.Slow || v.RetryAfter != want.RetryAfter || v.Status != status ||
			(v.Err == nil) != (v.Outcome == outbox.Delivered) {
			t.Errorf("%d: %+v", status, v)
		}
	}
}

func TestPolicy(t *testing.T) {
	s := senderFor(t, Config{Formats: map[string]Encoder{"own": specialFormat{}}})
	percent := 5
	p := s.Policy(&record.Endpoint{Format: "own"})
	if len(p.Schedule) != 1 || p.Horizon != 24*time.Hour || p.InFlight != 3 || p.Jitter != nil {
		t.Errorf("%+v", p)
	}
	p = s.Policy(&record.Endpoint{Format: "own", Schedule: []time.Duration{1, 2}, Horizon: 3, Jitter: &percent, InFlight: 4})
	if len(p.Schedule) != 2 || p.Horizon != 3 || p.InFlight != 4 || p.Jitter != &percent {
		t.Errorf("%+v", p)
	}
	if p = s.Policy(&record.Endpoint{Format: Standard}); p.Schedule != nil || p.Horizon != 0 || p.InFlight != 0 {
		t.Errorf("%+v", p)
	}
}

// An endpoint's own timeout counts, within bounds; redirects share it.
func TestTimeouts(t *testing.T) {
	for own, want := range map[time.Duration]time.Duration{
		0: 15 * time.Second, -1: 15 * time.Second, 2 * time.Second: 2 * time.Second, time.Millisecond: MinTimeout,
		40 * time.Second: 40 * time.Second, time.Hour: MaxTimeout,
	} {
		synctest.Test(t, func(t *testing.T) {
			s, _, cleanup := bubble(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/first" {
					time.Sleep(want / 2) //nolint:forbidigo // in a bubble
					w.Header().Set("Location", "/second")
					w.WriteHeader(http.StatusTemporaryRedirect)
					return
				}
				<-r.Context().Done()
			})
			defer cleanup()
			ep := endpointAt("http://receiver.example/first")
			ep.Timeout, ep.FollowRedirects = own, true
			began := time.Now()
			v := s.Send(t.Context(), &ep, 0, []*record.Event{event(1)})
			if d := time.Since(began); d != want || v.Duration != d {
				t.Errorf("took %v, want %v", d, want)
			}
			if v.Outcome != outbox.Retry || v.Slow || v.Err.Error() != "post to http://receiver.example: no answer within "+want.String() {
				t.Errorf("%+v", v)
			}
		})
	}
}

// Rotated secrets sign until their time has come.
func TestRetiringSecretsSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan seen, 1)
		s, _, cleanup := bubble(t, catch(got))
		defer cleanup()
		ep := endpointAt("http://receiver.example/")
		old := NewSecret()
		body, _ := event(1).Standard()
		ep.Retiring = []record.Retiring{{Secret: old, Until: time.Now().Add(24 * time.Hour)}}
		for _, verifies := range []bool{true, false} {
			if v := s.Send(t.Context(), &ep, 0, []*record.Event{event(1)}); v.Err != nil {
				t.Fatal(v.Err)
			}
			r := <-got
			for secret, want := range map[string]bool{ep.Secrets[0]: true, old: verifies} {
				lib, _ := standardwebhooks.NewWebhook(secret)
				if err := lib.Verify(body, r.header); (err == nil) != want {
					t.Errorf("verifies: %v, want %v", err, want)
				}
			}
			if n := len(strings.Fields(r.header.Get("webhook-signature"))); (n == 2) != verifies {
				t.Errorf("%d signatures", n)
			}
			time.Sleep(24 * time.Hour) //nolint:forbidigo // in a bubble
		}
	})
}

func TestAddressesAreForgotten(t *testing.T) {
	var c targets
	for i := range maxTargets + 10 {
		if _, err := c.get(fmt.Sprint("http://receiver.example/", i)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	c.urls.Range(func(any, any) bool { n++; return true })
	if n > 10 {
		t.Errorf("%d addresses kept", n)
	}
}
