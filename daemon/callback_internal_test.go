//nolint:forbidigo // in a bubble
package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
)

// TestCallbackOfBefore: an endpoint that bears the name but is none keeps the tenant from
// having one, and so do too many others; one that its receiver has disabled is enabled
// when its address is set again.
func TestCallbackOfBefore(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	if _, err := f.tenants.AddTenant(t.Context(), api.TenantSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	set := func(url string) error {
		_, err := f.tenants.ChangeTenant(t.Context(), "acme", api.TenantChange{Callback: &url})
		return err
	}
	old := record.Endpoint{ID: "e1", Name: api.CallbackName, Tenant: "acme", URL: "http://127.0.0.1/old", Format: webhook.Standard}
	f.book.put(old)
	var invalid *instance.InvalidError
	if err := set("http://127.0.0.1/"); !errors.As(err, &invalid) || invalid.Field != "callback" {
		t.Errorf("beside another of the name: %v", err)
	}
	if err := set(""); err != nil {
		t.Error(err)
	}
	if ep, ok := f.book.get("e1"); !ok || ep.URL != old.URL {
		t.Error("another endpoint was taken for the callback")
	}
	f.book.remove("e1")
	for n := range maxEndpoints {
		f.book.put(record.Endpoint{ID: fmt.Sprintf("e%d", n), Name: fmt.Sprintf("n%d", n), Tenant: "acme", URL: "http://127.0.0.1/", Format: callback.Format})
	}
	var refused *api.RefusedError
	if err := set("http://127.0.0.1/"); !errors.As(err, &refused) {
		t.Errorf("beside %d others: %v", maxEndpoints, err)
	}
	f.book.remove("e0")
	if err := set("http://127.0.0.1/"); err != nil {
		t.Fatal(err)
	}
	ep, _ := f.callback("acme")
	err := f.edit(t.Context(), ep.ID, func(now *record.Endpoint) error {
		now.Disabled, now.Gone = "410", true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := set("http://127.0.0.1/"); err != nil {
		t.Fatal(err)
	}
	if ep, has := f.callback("acme"); !has || ep.Gone || ep.Disabled != "" {
		t.Errorf("%+v", ep)
	}
}

// flaky is a receiver that fails a few times, in memory.
type flaky struct {
	mu    sync.Mutex
	fails int      // guarded by mu; how often it does yet
	tries int      // guarded by mu
	came  []int64  // guarded by mu; the EventTimes that it has taken
	paths []string // guarded by mu; where to
}

func (r *flaky) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		req, err := http.ReadRequest(bufio.NewReader(far))
		if err != nil {
			return
		}
		var body struct{ EventTime int64 }
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
			return
		}
		status := "200 OK"
		r.mu.Lock()
		r.tries++
		if r.fails > 0 {
			r.fails--
			status = "503 Service Unavailable"
		} else {
			r.came, r.paths = append(r.came, body.EventTime), append(r.paths, req.RequestURI)
		}
		r.mu.Unlock()
		_, _ = io.WriteString(far, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}()
	return near, nil
}

// TestCallbacksAreRepeatedInOrder: what the vendor would send once is sent until it was
// taken, each change after the one before; other events of the account are not sent.
func TestCallbacksAreRepeatedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.TempDir()+"/switchhook.db", store.Options{Network: "sandbox"})
		if err != nil {
			t.Fatal(err)
		}
		r := &flaky{fails: 3}
		sender, err := webhook.New(webhook.Config{Formats: map[string]webhook.Encoder{callback.Format: callback.Encoder{}}, DialContext: r.dial})
		if err != nil {
			t.Fatal(err)
		}
		b := newBook()
		b.open("a1", "acme")
		ep := record.Endpoint{ID: "e1", Name: api.CallbackName, Tenant: "acme", URL: "http://erp.example/hook?key=a", Format: callback.Format}
		b.put(ep)
		out := outbox.New(outbox.Config{
			Log: deliveries{s, b}, Sender: sender, Carries: sender.Carries, Covers: b.covers, Policy: sender.Policy,
		})
		s.OnAppend(func([]record.Event) { out.Notify("a1") })
		disk, sink := newGroup(t.Context()), newGroup(t.Context())
		disk.run("store", s.Run)
		sink.run("outbox", out.Run)
		defer func() {
			err := errors.Join(sink.stop(), disk.stop())
			sender.Close()
			if err := errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		var want []int64
		ch := s.Change()
		ch.PutEndpoint(ep)
		ch.PutLane(record.Lane{Endpoint: ep.ID, Stream: "a1"})
		for n := range 5 {
			at := began.Add(time.Duration(n) * time.Millisecond)
			ch.Append(record.Event{Stream: "a1", Kind: record.ProfileUpdated, At: at, Data: json.RawMessage(`{"account":"shop","sdkappid":1400000001,"operator":"administrator","fields":[]}`)})
			ch.Append(record.Event{Stream: "a1", Kind: record.ProfileApplied, At: at, Data: json.RawMessage(`{"account":"shop"}`)})
			want = append(want, at.UnixMilli())
		}
		if _, err := s.Commit(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		r.mu.Lock()
		defer r.mu.Unlock()
		if !slices.Equal(r.came, want) || r.tries != len(want)+3 {
			t.Errorf("%v came in %d tries; want %v", r.came, r.tries, want)
		}
		for _, path := range r.paths {
			if path != "/hook?key=a&SdkAppid=1400000001&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=0.0.0.0&OptPlatform=RESTAPI" {
				t.Errorf("sent to %s", path)
			}
		}
	})
}
