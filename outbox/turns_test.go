//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

// at puts an endpoint behind a receiver.
func at(receiver string, n int) record.Endpoint {
	ep := endpoint(fmt.Sprintf("%s%d", receiver, n))
	ep.URL = fmt.Sprintf("https://%s.example/%d", receiver, n)
	return ep
}

// gauge counts requests under way, by receiver and in all, and their maxima.
type gauge struct {
	mu       sync.Mutex
	now, max map[string]int
}

func newGauge() *gauge { return &gauge{now: map[string]int{}, max: map[string]int{}} }

func (g *gauge) enter(address string) (leave func()) {
	name := originOf("", address)
	add := func(n int) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, k := range []string{name, "all"} {
			g.now[k] += n
			g.max[k] = max(g.max[k], g.now[k])
		}
	}
	add(1)
	return func() { add(-1) }
}

func TestBoundsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send, g := newFakeLog(), &fakeSender{}, newGauge()
		send.set(func(_ context.Context, r request) Verdict {
			defer g.enter(r.ep.URL)()
			time.Sleep(time.Second)
			return Verdict{Outcome: Delivered}
		})
		for i := range 30 {
			for _, name := range []string{"x", "y", "z"} {
				ep := log.add(at(name, i), 0)
				log.commit(ep.Stream, 2)
			}
		}
		o := run(t, log, send, func(c *Config) { c.MaxInFlight, c.PerOrigin = 10, 4 })
		o.drained("", time.Minute)
		// An origin has four, but never more than are left: (3, 3, 2) at the worst.
		for name, want := range map[string]int{"all": 9, "https://x.example": 4, "https://y.example": 4, "https://z.example": 4} {
			if g.max[name] > want || g.max[name] < want-1 {
				t.Errorf("%s: at most %d under way, want %d", name, g.max[name], want)
			}
		}
		if n := len(send.requests()); n != 180 {
			t.Errorf("%d requests", n)
		}
		if len(o.origins) != 3 || o.inFlight != 0 {
			t.Errorf("%d origins, %d in flight", len(o.origins), o.inFlight)
		}
	})
}

// A receiver that hangs, with hundreds of lanes, holds up nobody else.
func TestHangingReceiverHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			if strings.HasPrefix(r.ep.URL, "https://hang.") {
				time.Sleep(15 * time.Second)
				return Verdict{Err: errDown}
			}
			time.Sleep(time.Millisecond)
			return Verdict{Outcome: Delivered}
		})
		for i := range 500 {
			ep := log.add(at("hang", i), 0)
			log.commit(ep.Stream, 5)
		}
		var good []record.Endpoint
		for i := range 99 {
			ep := log.add(at(fmt.Sprintf("good%d-", i), 0), 0)
			log.commit(ep.Stream, 5)
			good = append(good, ep)
		}
		began := time.Now()
		o := run(t, log, send, nil)
		for _, ep := range good {
			o.drained(ep.Stream, time.Minute)
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("the others took %v", d)
		}
	})
}

// With one slot for all, receivers take turns whatever their number of lanes.
func TestReceiversTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict {
			time.Sleep(time.Second)
			return Verdict{Outcome: Delivered}
		})
		for i := range 50 {
			ep := log.add(at("big", i), 0)
			log.commit(ep.Stream, 1)
		}
		small := log.add(at("small", 0), 0)
		log.commit(small.Stream, 10)
		o := run(t, log, send, func(c *Config) { c.MaxInFlight = 1 })
		o.drained(small.Stream, time.Hour)
		n := map[string]int{}
		for _, r := range send.requests() {
			n[originOf("", r.ep.URL)]++
		}
		if n["https://small.example"] != 10 || n["https://big.example"] > 12 {
			t.Errorf("requests %v", n)
		}
	})
}

func TestQueuedLaneMovesToAnotherReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			if strings.HasPrefix(r.ep.URL, "https://hang.") {
				time.Sleep(15 * time.Second)
				return Verdict{Err: errDown}
			}
			return Verdict{Outcome: Delivered}
		})
		for i := range 2 {
			ep := log.add(at("hang", i), 0)
			log.commit(ep.Stream, 1)
		}
		o := run(t, log, send, func(c *Config) { c.PerOrigin = 1 })
		queued := at("hang", 0)
		if send.requests()[0].ep.ID == queued.ID {
			queued = at("hang", 1)
		}
		queued.URL = "https://good.example/"
		o.SetEndpoint(queued, from(queued, 0))
		o.drained(queued.Stream, time.Second)
		equal(t, "requests", send.seqs(queued.ID), upTo(1))
	})
}
