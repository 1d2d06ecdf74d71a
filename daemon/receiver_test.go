package daemon_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// post is one PostBack as it arrived.
type post struct {
	Event  string `json:"event"`
	ID     string `json:"id"`
	Seq    uint64 `json:"seq"`
	Status int    `json:"status"`
	prev   string
}

// receiver is a webhook receiver that remembers what came, per instance (the
// path it was sent to), and verifies every signature with the published
// library.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	posts   map[string][]post                    // guarded by mu
	secrets map[string]*standardwebhooks.Webhook // guarded by mu
	count   int                                  // guarded by mu
	fail    func(name string) int                // guarded by mu; a status to answer with, 0 for success
	changed chan struct{}                        // guarded by mu; closed at each arrival
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{
		t: t, posts: make(map[string][]post), secrets: make(map[string]*standardwebhooks.Webhook),
		changed: make(chan struct{}),
	}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) url(name string) string { return r.URL + "/" + name }

func (r *receiver) trust(name, secret string) {
	r.t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets[name] = wh
}

func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed half way
	}
	name := req.URL.Path[1:]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if status := r.fail(name); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	if wh := r.secrets[name]; wh != nil {
		if err := wh.Verify(body, req.Header); err != nil {
			r.t.Errorf("PostBack to %s: %v", name, err)
		}
	}
	var p post
	if err := json.Unmarshal(body, &p); err != nil {
		r.t.Errorf("PostBack to %s: %v", name, err)
	}
	p.prev = req.Header.Get("switchhook-prev")
	if id := req.Header.Get("webhook-id"); id != p.ID {
		r.t.Errorf("PostBack to %s: webhook-id %q, id %q", name, id, p.ID)
	}
	r.posts[name] = append(r.posts[name], p)
	r.count++
	close(r.changed)
	r.changed = make(chan struct{})
}

// await waits until done, called with the lock held, is content.
func (r *receiver) await(what string, done func() bool) {
	r.t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		r.mu.Lock()
		ok, changed := done(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			r.t.Fatalf("the receiver still waits for %s", what)
		}
	}
}

// awaitSeq waits until the instance's event seq has arrived.
func (r *receiver) awaitSeq(name string, seq uint64) {
	r.t.Helper()
	r.await(name, func() bool {
		p := r.posts[name]
		return len(p) > 0 && p[len(p)-1].Seq >= seq || seq == 0
	})
}

// newest is the seq of the youngest of the instance's events that have arrived.
func (r *receiver) newest(name string) (seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.posts[name] {
		seq = max(seq, p.Seq)
	}
	return seq
}

// checkOrder proves that the instance's PostBacks, repeats aside, are seqs 1 to
// last without a gap, whatever came behind them, and answers how many were repeated.
func (r *receiver) checkOrder(name string, last uint64) (repeated int) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var seen uint64
	for _, p := range r.posts[name] {
		switch {
		case p.Seq > last: // committed since
		case p.Seq == seen+1:
			seen++
		case p.Seq <= seen:
			repeated++
		default:
			r.t.Errorf("%s: event %d came after event %d", name, p.Seq, seen)
			seen = p.Seq
		}
	}
	if seen != last {
		r.t.Errorf("%s: %d events arrived, %d were committed", name, seen, last)
	}
	return repeated
}
