package bus_test

import (
	"testing"

	"github.com/switchhook/switchhook/bus"
)

// TestPurgedInABurst empties the stream while events are on their way: what it has in
// the end is the end of the log, unbroken and once.
func TestPurgedInABurst(t *testing.T) {
	br := newBroker(t)
	log := newLog()
	log.add("a")
	b := start(t, external(t, br.url()), log)
	b.published(log)
	s, err := br.admin().Stream(patient(t), bus.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		before := b.Published()
		log.addMany(1500, 9)
		b.Notify()
		eventually(t, "progress", func() bool { return b.Published() > before })
		if err := s.Purge(patient(t)); err != nil {
			t.Fatal(err)
		}
	}
	log.addMany(10, 2)
	b.Notify()
	b.published(log)
	endOf(t, log, stored(t, connect(t, br.url())), 10)
}

// TestFullStream has bursts that exceed nats.max_bytes: the oldest go, nothing else.
func TestFullStream(t *testing.T) {
	log := newLog()
	cfg := embedded(t)
	cfg.MaxBytes = 4 << 20
	b := start(t, cfg, log)
	for range 3 {
		for range 300 {
			log.append(bulky("a", 20<<10))
		}
		b.Notify()
		b.published(log)
	}
	endOf(t, log, stored(t, b.reader()), 100)
}

// endOf fails unless got is the end of the log, so much of it at least.
func endOf(t *testing.T, log *memLog, got []string, least int) {
	t.Helper()
	want := log.ids()
	if len(got) < least || len(got) > len(want) {
		t.Fatalf("%d of %d events are stored", len(got), len(want))
	}
	same(t, got, want[len(want)-len(got):])
}
