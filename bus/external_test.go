package bus_test

import (
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/bus"
)

// TestKilledBroker kills the broker with SIGKILL in the middle of the work and
// starts it again.
func TestKilledBroker(t *testing.T) {
	for _, wiped := range []bool{false, true} {
		t.Run(map[bool]string{false: "same store", true: "wiped store"}[wiped], func(t *testing.T) {
			br := newBroker(t)
			log := newLog()
			log.addMany(500, 10)
			b := start(t, external(t, br.url()), log)
			b.published(log)
			for range 3 {
				log.addMany(800, 10)
				b.Notify()
				br.kill()
				log.addMany(10, 10)
				b.Notify() // into the void
				if wiped {
					br.wipe()
				}
				br.start()
			}
			b.published(log)
			same(t, stored(t, connect(t, br.url())), log.ids())
		})
	}
}

// TestUnreachable starts the bus first and the broker later: nothing fails in
// between, and nothing waits.
func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	log := newLog()
	b := start(t, external(t, "nats://user:secret@"+l.Addr().String()), log)
	log.addMany(1000, 5)
	for range 1000 {
		b.Notify()
	}
	eventually(t, "an error in the status", func() bool { return b.Status().LastError != "" })
	s := b.Status()
	if s.Connected || s.Lag == 0 || s.Published != 0 || !strings.Contains(s.LastError, "refused") {
		t.Errorf("status %+v", s)
	}
	if s.URL != "nats://"+l.Addr().String() {
		t.Errorf("url %s", s.URL)
	}
	br := &broker{t: t, dir: t.TempDir(), addr: l.Addr().String()}
	t.Cleanup(br.kill)
	br.start()
	b.published(log)
	same(t, stored(t, connect(t, br.url())), log.ids())
}

// TestNoJetStream meets a broker without JetStream, which then gets it.
func TestNoJetStream(t *testing.T) {
	br := newBroker(t, brokerNoJSEnv+"=1")
	log := newLog()
	log.addMany(100, 5)
	b := start(t, external(t, br.url()), log)
	eventually(t, "an error in the status", func() bool { return b.Status().LastError != "" })
	if s := b.Status(); s.Connected || !strings.Contains(s.LastError, "JetStream") {
		t.Errorf("status %+v", s)
	}
	br.kill()
	br.env = nil
	br.start()
	b.published(log)
	same(t, stored(t, connect(t, br.url())), log.ids())
}

// TestRefusedLogin keeps trying, and keeps the password to itself.
func TestRefusedLogin(t *testing.T) {
	br := newBroker(t, brokerUserEnv+"=right")
	log := newLog()
	log.add("a")
	b := start(t, external(t, "nats://wrong:secret@"+br.addr), log)
	eventually(t, "an error in the status", func() bool { return b.Status().LastError != "" })
	s := b.Status()
	if !strings.Contains(s.LastError, "Authorization") || strings.Contains(s.LastError+s.URL, "secret") {
		t.Errorf("status %+v", s)
	}
	b.stop()

	cfg := external(t, br.url())
	cfg.User, cfg.Password = "right", "right"
	b = start(t, cfg, log)
	b.published(log)
}

// TestHangingBroker stops the broker's process: it takes connections and never
// answers. The bus gives up, and can itself be stopped at any point.
func TestHangingBroker(t *testing.T) {
	br := newBroker(t)
	log := newLog()
	log.add("a")
	cfg := external(t, br.url())
	quick := cfg
	quick.AckWait = 200 * time.Millisecond
	for _, cfg := range []bus.Config{cfg, quick} {
		b := start(t, cfg, log)
		b.published(log)
		if err := br.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		reads := log.reads.Load()
		for range 10 {
			log.append(bulky("a", 900<<10)) // together more than the sockets hold
		}
		b.Notify()
		if cfg.AckWait != 0 {
			eventually(t, "an error in the status", func() bool { return b.Status().LastError != "" })
		} else {
			eventually(t, "a write", func() bool { return log.reads.Load() > reads })
		}
		at := time.Now()
		b.stop()
		if took := time.Since(at); took > 3*time.Second {
			t.Errorf("stopping took %v", took)
		}
		if err := br.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	b := start(t, cfg, log)
	b.published(log)
	same(t, stored(t, connect(t, br.url())), log.ids())
}

// TestSlowLink has a link that carries a part of a window at a time. The broker's
// answers come all along, so that nobody takes it for dead.
func TestSlowLink(t *testing.T) {
	br := newBroker(t)
	p := newProxy(t, br.addr)
	log := newLog()
	log.add("a")
	cfg := external(t, p.url())
	cfg.AckWait = 2 * time.Second
	b := start(t, cfg, log)
	b.published(log)
	p.hesitate(1 << 20)
	for range 400 {
		log.append(bulky("a", 20<<10))
	}
	b.Notify()
	b.published(log)
	if n := p.connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
	same(t, stored(t, connect(t, br.url())), log.ids())
}

// TestAmbiguousAck cuts the connection between publishing and acknowledgement:
// a subscriber has seen events that the bus does not know to be stored.
func TestAmbiguousAck(t *testing.T) {
	br := newBroker(t)
	p := newProxy(t, br.addr)
	log := newLog()
	log.add("a")
	b := start(t, external(t, p.url()), log)
	b.published(log)

	nc := connect(t, br.url())
	live, err := nc.SubscribeSync("switchhook.ev.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	seen := log.ids()
	known := map[string]bool{}
	see := func() {
		m, err := live.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		// A core subscription also hears the publishes that JetStream refuses.
		if id := m.Header.Get(bus.HeaderID); !known[id] {
			known[id] = true
			seen = append(seen, id)
		}
	}
	for range 10 {
		before := b.Published()
		p.deafen()
		log.addMany(100, 7)
		b.Notify()
		see() // stored, and not acknowledged
		if b.Published() != before {
			t.Fatal("acknowledged without an acknowledgement")
		}
		p.cut()
		b.published(log)
	}
	same(t, stored(t, nc), log.ids())
	for len(seen) < len(log.ids()) {
		see()
	}
	same(t, seen, log.ids())
}

// TestDeletedStream deletes the stream underneath: the next event finds out,
// and the stream is filled from the log.
func TestDeletedStream(t *testing.T) {
	br := newBroker(t)
	log := newLog()
	log.addMany(1000, 5)
	b := start(t, external(t, br.url()), log)
	b.published(log)
	if err := br.admin().DeleteStream(patient(t), bus.StreamName); err != nil {
		t.Fatal(err)
	}
	log.add("a")
	b.Notify()
	b.published(log)
	eventually(t, "a stream that is full again", func() bool {
		return slices.Equal(stored(t, connect(t, br.url())), log.ids())
	})
}

// TestSmallBroker has a max_payload that some events exceed.
func TestSmallBroker(t *testing.T) {
	br := newBroker(t, brokerMaxEnv+"=4096")
	log := newLog()
	for range 100 {
		log.add("a")
		log.append(bulky("a", 5000))
		log.append(bulky("a", 3400+rand.IntN(700))) // close to it
	}
	b := start(t, external(t, br.url()), log)
	b.published(log)
	nc := connect(t, br.url())
	same(t, stored(t, nc), log.ids())
	for i, m := range messages(t, nc) {
		marked := strings.Contains(string(m.Data()), `"omitted":"too large for the broker"`)
		if i%3 == 0 && marked || i%3 == 1 && !marked {
			t.Errorf("message %d: %.200s", i, m.Data())
		}
	}
}
