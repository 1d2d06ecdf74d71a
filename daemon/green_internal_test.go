package daemon

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/queue"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// TestWebhookBeginsWithTheQueue: an endpoint begins behind what was deleted and what
// is too old to be fetched, or with now where nothing was queued.
func TestWebhookBeginsWithTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.TempDir()+"/switchhook.db", store.Options{Network: "sandbox"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		defer func() {
			cancel()
			if err := errors.Join(<-done, s.Close()); err != nil {
				t.Error(err)
			}
		}()
		add := func(n int) {
			ch := s.Change()
			for range n {
				ch.Append(record.Event{Stream: "i1", Kind: record.MessageText, At: time.Now().UTC()})
			}
			if _, err := s.Commit(ctx, ch); err != nil {
				t.Error(err)
			}
		}
		add(5)
		time.Sleep(queue.Keep + time.Minute) //nolint:forbidigo // in a bubble
		add(5)
		f := &fleet{store: s, log: slog.New(slog.DiscardHandler)}
		for at, want := range map[uint64]uint64{0: 5, 3: 5, 5: 5, 7: 7, 10: 10} {
			g := greenMove{f: f, ch: s.Change(), id: "i1", url: "https://example.org", at: record.Lane{Endpoint: greenID("i1"), Acked: at}}
			if err := g.toWebhook(); err != nil || g.lanes[0].Acked != want {
				t.Errorf("a queue at %d becomes a lane at %d, want %d, %v", at, g.lanes[0].Acked, want, err)
			}
		}
		g := greenMove{f: f, ch: s.Change(), id: "i1", url: "https://example.org"}
		if err := g.toWebhook(); err != nil || g.lanes[0].Acked != 10 || g.lanes[0].Endpoint != "i1-greenapi" {
			t.Errorf("without a queue %+v, %v", g.lanes, err)
		}
	})
}

// TestWebhookComesBack: an endpoint that its receiver disabled is enabled when it is
// set again; one that an operator paused when it gets another address.
func TestWebhookComesBack(t *testing.T) {
	s, err := store.Open(t.TempDir()+"/switchhook.db", store.Options{Network: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &fleet{store: s}
	for name, c := range map[string]struct {
		url      string
		gone     bool
		disabled bool
	}{
		"gone, the same": {"https://a.example", true, false}, "gone, another": {"https://b.example", true, false},
		"paused, the same": {"https://a.example", false, true}, "paused, another": {"https://b.example", false, false},
	} {
		old := greenEndpoint("i1", "https://a.example", "")
		old.Disabled, old.Gone = "why", c.gone
		g := greenMove{f: f, ch: s.Change(), id: "i1", url: c.url, token: "t"}
		g.edit(&old)
		if (g.now.Disabled != "") != c.disabled || g.now.Gone || g.now.URL != c.url || g.now.Bearer != "t" {
			t.Errorf("%s: %+v", name, g.now)
		}
	}
}

// TestGreenEndpointStaysHere: what an instance leaves with has its settings, not the
// endpoint that they make.
func TestGreenEndpointStaysHere(t *testing.T) {
	b := newBook()
	b.put(record.Endpoint{ID: "e1", Name: "erp", Stream: "i1", URL: "https://example.org"})
	b.put(record.Endpoint{ID: webhookID("i1"), Name: webhookName, Stream: "i1", URL: "https://example.org"})
	b.put(greenEndpoint("i1", "https://example.org", ""))
	m := &mover{fleet: &fleet{book: b}}
	if got := m.others("i1"); len(got) != 1 || got[0].ID != "e1" {
		t.Errorf("it leaves with %+v", got)
	}
	p := &parcel{manifest: manifest{Endpoints: []record.Endpoint{{ID: "e2", Name: greenName}, {ID: "e3", Name: "erp"}}}}
	if got := m.endpointsOf(p, record.Instance{ID: "i2"}); len(got) != 2 || got[1].Name != "erp" {
		t.Errorf("it comes with %+v", got)
	}
}

// TestGreenURL: the vendor's former default means the queue.
func TestGreenURL(t *testing.T) {
	for url, want := range map[string]string{
		"": "", " ": "", "https://webhook.green-api.com": "", "https://Webhook.Green-API.com/": "",
		"https://webhook.green-api.com/mine": "https://webhook.green-api.com/mine", " https://example.org ": "https://example.org",
	} {
		if got := greenURL(record.GreenSettings{WebhookURL: url}); got != want {
			t.Errorf("%q: %q, want %q", url, got, want)
		}
	}
}

// TestNobodyIsKnown: without accounts nothing is said and nothing is queued.
func TestNobodyIsKnown(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	ev := record.Event{
		Stream: "i1", Kind: record.ConnectionChanged, Info: &record.Info{},
		Transition: &fsm.Transition{From: fsm.Starting, To: fsm.Authenticated},
	}
	if f.greenFormat().Wants(nil, &ev) {
		t.Error("an event is wanted")
	}
	if _, _, ok, err := f.ReceiveNotification(t.Context(), "i1", 0); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := f.DeleteNotification(t.Context(), "i1", 512); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
}
