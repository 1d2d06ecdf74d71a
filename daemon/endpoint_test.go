package daemon_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// set points the webhook of the instance shop at a URL.
func (d door) set(url string) api.Entry {
	d.t.Helper()
	e, err := d.admin.Configure(d.t.Context(), "shop", api.Change{Webhook: &url})
	if err != nil {
		d.t.Fatalf("set the webhook of shop: %v", err)
	}
	return e
}

// TestGone: a receiver that answers 410 gets nothing more and the operator sees
// it; setting the webhook again, to the same address, delivers what waited.
func TestGone(t *testing.T) {
	rcv := newReceiver(t)
	d := runDaemon(t, shortDir(t), nil)
	gone, asked := true, make(chan struct{}, 100)
	rcv.fail = func(string) int {
		if gone {
			asked <- struct{}{}
			return http.StatusGone
		}
		return 0
	}
	d.pair("shop", rcv.url("shop"))
	<-asked
	d.until("shop", "being disabled", func(e api.Entry) bool {
		if strings.Contains(e.LastError, "disabled") {
			return true
		}
		_, err := d.admin.Close(t.Context(), "shop") // an event to look after
		if err == nil {
			_, err = d.admin.Restore(t.Context(), "shop")
		}
		return err != nil
	})
	rcv.mu.Lock()
	gone = false
	rcv.mu.Unlock()
	if e := d.find("shop"); e.Pending == 0 {
		t.Error("nothing is pending for a disabled endpoint")
	}
	d.set(rcv.url("shop"))
	last := d.find("shop").Seq
	rcv.awaitSeq("shop", last)
	if n := rcv.checkOrder("shop", last); n != 0 {
		t.Errorf("%d PostBacks were repeated", n)
	}
}

// TestWebhookRemoved: what waits when the webhook is taken away is recorded as
// given up, and a new webhook starts from then.
func TestWebhookRemoved(t *testing.T) {
	rcv := newReceiver(t)
	rcv.fail = func(name string) int {
		if name == "old" {
			return http.StatusInternalServerError
		}
		return 0
	}
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	id := d.pair("shop", rcv.url("old")).ID
	removed := d.find("shop").Seq
	if e := d.set(""); e.Pending != 0 || e.Webhook != "" {
		t.Errorf("after the webhook is removed %d are pending for %q", e.Pending, e.Webhook)
	}
	d.set(rcv.url("new"))
	if _, err := d.admin.Close(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	rcv.await("the first PostBack to the new webhook", func() bool { return len(rcv.posts["new"]) > 0 })
	rcv.mu.Lock()
	if got := rcv.posts["new"][0].Seq; got != removed+1 {
		t.Errorf("the new webhook begins with event %d, not %d", got, removed+1)
	}
	rcv.mu.Unlock()
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}

	dead, err := openStore(t, dir).DeadLetters(id + "-webhook")
	if err != nil || len(dead) != 1 || dead[0].From != 1 || dead[0].To != removed {
		t.Errorf("the dead letters are %+v, %v; want one from 1 to %d", dead, err, removed)
	}
}

// openStore opens the store of a daemon that has stopped.
func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "switchhook.db"), store.Options{
		Network: "sandbox",
		Unseal: func(record []byte, _ bool) (store.Sealer, []byte, error) {
			key, err := seal.ReadFile(filepath.Join(dir, "store.key"))
			if err != nil {
				return nil, nil, err
			}
			ring, err := seal.OpenRing(record, key)
			return ring, nil, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
