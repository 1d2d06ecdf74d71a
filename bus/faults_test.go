package bus_test

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/bus"
)

var (
	faultSeed  = flag.Uint64("faults.seed", 0, "repeat the random faults of this seed")
	faultSteps = flag.Int("faults.steps", 12, "how many random faults")
)

// TestFaults lets random things go wrong at random moments while events are
// appended. In the end the stream is the log.
func TestFaults(t *testing.T) {
	seed := *faultSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -faults.seed=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	br := newBroker(t)
	p := newProxy(t, br.addr)
	log, cfg := newLog(), external(t, p.url())
	log.add("a")
	cfg.AckWait = 300 * time.Millisecond
	b := start(t, cfg, log)
	for range *faultSteps {
		n := 1 + rnd.Uint64N(900)
		last := log.addMany(int(n), 1+rnd.IntN(20))
		b.Notify()
		if rnd.IntN(3) > 0 { // let it get somewhere first
			if err := b.WaitPublished(patient(t), last-stride*rnd.Uint64N(n)); err != nil {
				t.Fatalf("%v: %+v", err, b.Status())
			}
		}
		switch what := rnd.IntN(8); what {
		case 0:
			p.cut()
		case 1:
			p.deafen()
			reads := log.reads.Load()
			log.addMany(50, 5)
			b.Notify()
			eventually(t, "a read, or the end of a session", func() bool {
				return log.reads.Load() > reads || !b.Status().Connected
			})
			p.cut()
		case 2, 3:
			br.kill()
			if what == 3 {
				br.wipe()
			}
			br.start()
		case 4:
			b.stop()
			b = start(t, cfg, log)
		case 5:
			js, err := jetstream.New(connect(t, br.url()))
			if err != nil {
				t.Fatal(err)
			}
			_ = js.DeleteStream(patient(t), bus.StreamName)
		case 6:
			p.deafen()
			log.add("a")
			b.Notify()
			eventually(t, "a bus that has had enough", func() bool { return !b.Status().Connected })
			p.cut()
		case 7:
		}
	}
	p.cut()
	log.add("last")
	b.Notify()
	b.published(log)
	same(t, stored(t, connect(t, br.url())), log.ids())
}
