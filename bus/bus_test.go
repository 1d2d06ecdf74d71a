package bus_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/bus"
)

// TestOrder publishes ten thousand events of fifty streams while they are being
// appended: all arrive, once, in order, stored and live.
func TestOrder(t *testing.T) {
	log := newLog()
	b := start(t, embedded(t), log)
	nc := b.reader()
	live, err := nc.SubscribeSync("switchhook.ev.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	const total = 10_000
	for range total / 100 {
		log.addMany(100, 50)
		b.Notify()
	}
	b.published(log)
	same(t, stored(t, nc), log.ids())

	var got []string
	for range total {
		m, err := live.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Header.Get(bus.HeaderID))
	}
	same(t, got, log.ids())

	if s := b.Status(); !s.Connected || s.Lag != 0 || s.StreamSeq != total || s.Published != log.last() {
		t.Errorf("status %+v", s)
	}
}

// TestMessage looks at one message from all sides.
func TestMessage(t *testing.T) {
	log := newLog()
	log.add("alpha")
	b := start(t, embedded(t), log)
	b.published(log)
	m := messages(t, b.reader())[0]
	want, err := log.events[0].Standard()
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject() != "switchhook.ev.alpha.connection.10" || string(m.Data()) != string(want) {
		t.Errorf("%s: %s", m.Subject(), m.Data())
	}
	if m.Headers().Get(bus.HeaderID) != "alpha/1/1" || m.Headers().Get(bus.HeaderSeq) != "1" {
		t.Errorf("headers %v", m.Headers())
	}
}

// TestUnpublishable has events that NATS does not take: each becomes a marker
// in its place.
func TestUnpublishable(t *testing.T) {
	log := newLog()
	log.add("a")
	log.append(bulky("a", 2<<20))
	bad := bulky("a", 1)
	bad.Data = []byte("{")
	log.append(bad)
	log.append(bulky("a b\r\nX: y", 1))
	log.append(bulky("a", 1<<20-200)) // just over, with its headers
	log.append(bulky("a", 1<<20-1000))
	log.add("a")
	b := start(t, embedded(t), log)
	b.published(log)
	got := messages(t, b.reader())
	if len(got) != len(log.events) {
		t.Fatalf("%d messages", len(got))
	}
	for i, want := range []string{"", "too large", "cannot be encoded", "subject", "too large", "", ""} {
		body := string(got[i].Data())
		if want == "" && strings.Contains(body, "omitted") || !strings.Contains(body, want) {
			t.Errorf("message %d: %.300s", i, body)
		}
		if id := got[i].Headers().Get(bus.HeaderID); i != 3 && id != log.events[i].ID() {
			t.Errorf("message %d has id %q", i, id)
		}
	}
	if s := got[1].Subject(); s != "switchhook.ev.a.test.big" {
		t.Errorf("marker on %s", s)
	}
}

// TestRestart stops the bus again and again in the middle of its work.
func TestRestart(t *testing.T) {
	log, cfg := newLog(), embedded(t)
	for range 6 {
		log.addMany(800, 50)
		b := start(t, cfg, log)
		nc := b.reader()
		sub, err := nc.SubscribeSync("switchhook.ev.>")
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if b.Published() < log.last() { // some are under way
			if _, err := sub.NextMsg(time.Second); err != nil {
				t.Log("nothing seen before the stop")
			}
		}
		nc.Close()
		b.stop()
	}
	b := start(t, cfg, log)
	b.published(log)
	same(t, stored(t, b.reader()), log.ids())
}

// TestStopLeavesNothing counts goroutines.
func TestStopLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	log := newLog()
	log.addMany(1000, 10)
	b := start(t, embedded(t), log)
	b.published(log)
	b.stop()
	if err := b.WaitPublished(t.Context(), log.last()+1); !errors.Is(err, bus.ErrStopped) {
		t.Errorf("waiting on a stopped bus: %v", err)
	}
	if err := b.Run(t.Context()); err == nil {
		t.Error("Run ran twice")
	}
}
