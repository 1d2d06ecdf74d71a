package daemon_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/configs"
)

// TestLogReachesItsSize: of a dead receiver's events the log keeps no more than
// fits. What went becomes a dead letter, and the rest arrives once the receiver is
// back.
func TestLogReachesItsSize(t *testing.T) {
	rcv := newReceiver(t)
	var dead atomic.Bool
	dead.Store(true)
	rcv.fail = func(string) int {
		if dead.Load() {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	dir := shortDir(t)
	d := runDaemon(t, dir, func(c *configs.Config) {
		c.Store.MaxSize = 3 * configs.KiB
		c.Webhook.Schedule = []time.Duration{20 * time.Millisecond}
	})
	id := d.pair("shop", rcv.url("shop")).ID
	for range 5 {
		if _, err := d.admin.Close(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.admin.Restore(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
	}
	last := d.find("shop").Seq
	d.d.PruneOver(t.Context())
	left := d.events("shop", 0)
	if len(left) == 0 || left[0].Seq == 1 {
		t.Fatalf("%d of %d events are left", len(left), last)
	}
	// A new endpoint begins with what there is, and says so.
	late := d.endpoint(api.EndpointSpec{Name: "late", Instance: "shop", After: new(uint64), EndpointChange: at(rcv.url("late"))})
	if late.Begins != left[0].Seq {
		t.Errorf("a new endpoint begins with %d, the log with %d", late.Begins, left[0].Seq)
	}
	dead.Store(false)
	if _, err := d.admin.Close(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	last = d.find("shop").Seq
	rcv.awaitSeq("shop", last)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}

	letters, err := openStore(t, dir).DeadLetters(id + "-webhook")
	if err != nil || len(letters) == 0 {
		t.Fatalf("the dead letters are %+v, %v", letters, err)
	}
	seen := make(map[uint64]bool) // what arrived, or is known to be lost
	for _, l := range letters {
		if l.Reason != "expired" {
			t.Errorf("a dead letter's reason is %q", l.Reason)
		}
		for seq := l.From; seq <= l.To; seq++ {
			seen[seq] = true
		}
	}
	if lost := left[0].Seq - 1; !seen[lost] {
		t.Errorf("event %d has left the log and is in no dead letter: %+v", lost, letters)
	}
	before := uint64(0)
	rcv.mu.Lock()
	defer rcv.mu.Unlock()
	for _, p := range rcv.posts["shop"] {
		if p.Seq <= before {
			t.Errorf("event %d arrived after %d", p.Seq, before)
		}
		before, seen[p.Seq] = p.Seq, true
	}
	for seq := uint64(1); seq <= last; seq++ {
		if !seen[seq] {
			t.Errorf("event %d neither arrived nor became a dead letter", seq)
		}
	}
}
