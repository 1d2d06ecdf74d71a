package daemon_test

import (
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

// TestStopReplay ends a replay that is stuck: it is tried no more, also after a
// restart, and the live events go on.
func TestStopReplay(t *testing.T) {
	s := newSink(t)
	dir := shortDir(t)
	d := runDaemon(t, dir, persistent)
	shop := d.pair("shop", "")
	d.endpoint(api.EndpointSpec{Name: "erp", Instance: "shop", EndpointChange: at(s.url("erp"))})
	first := d.find("shop").Seq
	s.deciding("erp", func(d delivery) int {
		if d.seq <= first {
			return 503
		}
		return 0
	})
	started, err := d.admin.Replay(t.Context(), "shop", api.ReplaySpec{From: 2, Endpoint: "shop/erp"})
	if err != nil || len(started) != 1 {
		t.Fatalf("replay: %+v, %v", started, err)
	}
	d.untilEndpoint("shop/erp", "the replay's failure", func(e api.Endpoint) bool { return len(e.Failures) > 0 })
	if _, err := d.admin.StopReplays(t.Context(), "shop", "shop/erp", "another"); err == nil {
		t.Error("a replay that there is not was stopped")
	}
	stopped, err := d.admin.StopReplays(t.Context(), "shop", "shop/erp", started[0].Replay)
	if err != nil || len(stopped) != 1 || stopped[0].Replay != started[0].Replay {
		t.Fatalf("stopped: %+v, %v", stopped, err)
	}
	alone := func() bool {
		lanes, err := d.admin.Deliveries(t.Context(), "shop")
		return err == nil && len(lanes) == 1 && lanes[0].Replay == ""
	}
	d.eventually("its end", alone)
	d.cycle()
	s.awaitSeq("erp", shop.ID, d.find("shop").Seq)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, persistent)
	d.eventually("the live lane alone", alone)
}

// TestDeleteDeadLetters lets go of those that are named, and of no others.
func TestDeleteDeadLetters(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), impatient)
	d.pair("shop", "")
	for _, name := range []string{"erp", "log"} {
		s.answering(name, 500)
		d.endpoint(api.EndpointSpec{Name: name, Instance: "shop", EndpointChange: at(s.url(name))})
	}
	d.cycle()
	last := d.find("shop").Seq
	dead := func(name string) (n int) {
		all, err := d.admin.DeadLetters(t.Context(), client.DeadLook{Instance: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if l.Name == name && l.To == last {
				n++
			}
		}
		return n
	}
	d.eventually("the last dead letters", func() bool { return dead("erp") == 1 && dead("log") == 1 })
	n, err := d.admin.DeleteDeadLetters(t.Context(), "shop", "shop/erp", 0, 0)
	if err != nil || n == 0 || dead("erp") != 0 || dead("log") != 1 {
		t.Errorf("%d went, %d and %d are left, %v", n, dead("erp"), dead("log"), err)
	}
	if n, err := d.admin.DeleteDeadLetters(t.Context(), "shop", "", 0, 0); err != nil || n == 0 || dead("log") != 0 {
		t.Errorf("%d went, %d are left, %v", n, dead("log"), err)
	}
	if n, err := d.admin.DeleteDeadLetters(t.Context(), "shop", "", 0, 0); err != nil || n != 0 {
		t.Errorf("%d went of none, %v", n, err)
	}
}
