package daemon

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// TestDeleteFreesTheName: whoever asks for a deletion and does not wait for it,
// the name and the key are free once a deletion has been answered.
func TestDeleteFreesTheName(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	for n := range 100 {
		e, err := f.Add(t.Context(), api.AddSpec{Name: "shop"})
		if err != nil {
			t.Fatalf("round %d: %v", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), rand.N(700*time.Microsecond))
		_ = f.Delete(ctx, e.ID) // may be answered or not
		cancel()
		if err := f.Delete(t.Context(), e.ID); err != nil {
			t.Fatalf("round %d: delete again: %v", n, err)
		}
		if _, _, err := f.FindWID(t.Context(), e.WID); !errors.Is(err, instance.ErrNotFound) {
			t.Fatalf("round %d: the key of a deleted instance answers %v", n, err)
		}
	}
}

// TestDisableAndConfigureRace: a receiver's 410 that comes while its webhook is
// being changed never undoes the change, in memory or on disk.
func TestDisableAndConfigureRace(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	url := "http://127.0.0.1/old"
	e, err := f.Add(t.Context(), api.AddSpec{Name: "shop", Webhook: url})
	if err != nil {
		t.Fatal(err)
	}
	m := f.byID(e.ID)
	for n := range 100 {
		old := m.webhook()
		url := "http://127.0.0.1/" + string(rune('a'+n%26))
		var wg sync.WaitGroup
		wg.Go(func() { f.endpointGone(old, "410") })
		wg.Go(func() {
			if _, err := f.Configure(t.Context(), e.ID, instance.Patch{Webhook: &url}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		stored, err := f.store.Endpoints()
		if err != nil {
			t.Fatal(err)
		}
		for _, ep := range []record.Endpoint{m.webhook(), stored[0]} {
			if ep.URL != url || ep.Disabled != "" {
				t.Fatalf("round %d: the endpoint is %s (disabled %q), the webhook %s", n, ep.URL, ep.Disabled, url)
			}
		}
	}
}
