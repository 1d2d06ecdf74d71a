package bus_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/bus"
)

// once runs a bus until it has published a log, and stops it.
func once(t testing.TB, cfg bus.Config, log *memLog) {
	t.Helper()
	b := start(t, cfg, log)
	b.published(log)
	b.stop()
}

// TestPruned resumes on a log that no longer has the stream's last event.
func TestPruned(t *testing.T) {
	log, cfg := newLog(), embedded(t)
	log.addMany(500, 5)
	once(t, cfg, log)
	want := log.ids()
	log.prune(500)
	log.addMany(300, 5)
	want = append(want, log.ids()...)
	b := start(t, cfg, log)
	b.published(log)
	same(t, stored(t, b.reader()), want)
}

// TestRestored resumes on a log that was restored from a backup: it lacks
// events the stream has, and continues in a new epoch.
func TestRestored(t *testing.T) {
	for name, lose := range map[string]func(dir string){
		"bookmark of then": func(string) {},
		"no bookmark":      func(dir string) { _ = os.Remove(filepath.Join(dir, "bus.json")) },
	} {
		t.Run(name, func(t *testing.T) {
			br := newBroker(t)
			log, cfg := newLog(), external(t, br.url())
			cfg.Origin = "thelog"
			log.addMany(400, 5)
			log.add("quiet")
			once(t, cfg, log)
			file := filepath.Join(cfg.Dir, "bus.json")
			then, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			log.addMany(600, 5)
			once(t, cfg, log)
			want := log.ids()

			restored := log.backup(700)
			restored.addMany(200, 7)
			want = append(want, restored.ids()[700:]...)
			if err := os.WriteFile(file, then, 0o600); err != nil {
				t.Fatal(err)
			}
			lose(cfg.Dir)
			b := start(t, cfg, restored)
			b.published(restored)
			same(t, stored(t, connect(t, br.url())), want)
		})
	}
}

// TestNewLog meets a stream that another log has filled, whose events have the
// same ids: a data directory was thrown away.
func TestNewLog(t *testing.T) {
	br := newBroker(t)
	old := newLog()
	old.addMany(300, 5)
	once(t, external(t, br.url()), old)
	log := newLog()
	log.addMany(200, 5)
	b := start(t, external(t, br.url()), log)
	b.published(log)
	same(t, stored(t, connect(t, br.url())), append(old.ids(), log.ids()...))
}

// TestExpired resumes on a stream that has published everything and holds
// nothing: nothing is published again.
func TestExpired(t *testing.T) {
	br := newBroker(t)
	log, cfg := newLog(), external(t, br.url())
	log.addMany(300, 5)
	once(t, cfg, log)
	s, err := br.admin().Stream(patient(t), bus.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(patient(t)); err != nil {
		t.Fatal(err)
	}
	log.addMany(10, 5)
	b := start(t, cfg, log)
	b.published(log)
	same(t, stored(t, connect(t, br.url())), log.ids()[300:])

	if err := s.Purge(patient(t)); err != nil { // now under a running bus
		t.Fatal(err)
	}
	log.addMany(10, 5)
	b.Notify()
	b.published(log)
	same(t, stored(t, connect(t, br.url())), log.ids()[310:])
	b.stop()

	// The last message alone is gone: the one before it shows the way.
	if err := s.DeleteMsg(patient(t), 320); err != nil {
		t.Fatal(err)
	}
	log.addMany(10, 5)
	b = start(t, cfg, log)
	b.published(log)
	same(t, stored(t, connect(t, br.url())), slices.Concat(log.ids()[310:319], log.ids()[320:]))
}

// TestForeignStream leaves a stream alone that is not for our subjects, and one
// that somebody else configured as it is.
func TestForeignStream(t *testing.T) {
	br := newBroker(t)
	js, ctx := br.admin(), patient(t)
	log, cfg := newLog(), external(t, br.url())
	log.addMany(50, 5)
	theirs := jetstream.StreamConfig{Name: bus.StreamName, Subjects: []string{"theirs"}}
	if _, err := js.CreateStream(ctx, theirs); err != nil {
		t.Fatal(err)
	}
	b := start(t, cfg, log)
	eventually(t, "an error in the status", func() bool { return b.Status().LastError != "" })
	if s := b.Status(); !strings.Contains(s.LastError, "does not bind switchhook.ev.>") {
		t.Errorf("status %+v", s)
	}
	if err := js.DeleteStream(ctx, bus.StreamName); err != nil {
		t.Fatal(err)
	}
	theirs.Subjects, theirs.MaxMsgs, theirs.MaxMsgSize = []string{"switchhook.ev.>"}, 1000, 2000
	if _, err := js.CreateStream(ctx, theirs); err != nil && !strings.Contains(err.Error(), "in use") {
		t.Fatal(err)
	} else if err != nil {
		t.Skip("the bus was faster")
	}
	log.append(bulky("a", 5000))
	b.Notify()
	b.published(log)
	s, err := js.Stream(ctx, bus.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.CachedInfo().Config; c.MaxMsgs != 1000 || c.MaxAge != 0 {
		t.Errorf("configuration changed: %+v", c)
	}
	same(t, stored(t, connect(t, br.url())), log.ids())
}

// TestTwoDaemons lets two of them, and a stranger, publish on one stream: each
// log arrives whole, once, and in its order.
func TestTwoDaemons(t *testing.T) {
	br := newBroker(t)
	ctx := patient(t)
	logs := map[string]*memLog{"one": newLog(), "two": newLog()}
	buses := map[string]*running{}
	for name, log := range logs {
		log.add("daemon")
		cfg := external(t, br.url())
		cfg.Origin = name
		buses[name] = start(t, cfg, log)
		buses[name].published(log)
	}
	nc := connect(t, br.url())
	seen := 0
	if _, err := nc.Subscribe("switchhook.ev.*.connection.>", func(*nats.Msg) {
		if seen++; seen%20 == 0 {
			_ = nc.Publish("switchhook.ev.stranger.x", nil)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for name, log := range logs {
		writers.Go(func() {
			for range 40 {
				for range 1 + rand.N(40) {
					log.add([]string{name + "a", name + "b", "daemon"}[rand.N(3)])
				}
				buses[name].Notify()
				if err := buses[name].WaitPublished(ctx, log.last()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	got := map[string][]string{}
	for _, m := range messages(t, connect(t, br.url())) {
		from, id, _ := strings.Cut(m.Headers().Get(jetstream.MsgIDHeader), "/")
		got[from] = append(got[from], id)
	}
	for name, log := range logs {
		same(t, got[name], log.ids())
	}
}
