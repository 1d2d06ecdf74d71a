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

// slow makes requests to hosts that begin with hang. wait for the sender's
// timeout, those to fail. fail at once, and others take a millisecond.
func slow(_ context.Context, r request) Verdict {
	switch {
	case strings.HasPrefix(r.ep.URL, "https://hang."), strings.Contains(r.ep.URL, "/hang"):
		time.Sleep(15 * time.Second)
		return Verdict{Err: errDown}
	case strings.HasPrefix(r.ep.URL, "https://fail."):
		return Verdict{Err: errDown}
	}
	time.Sleep(time.Millisecond)
	return Verdict{Outcome: Delivered}
}

// One endpoint that hangs and one that fails, among 100, each with a backlog in
// many lanes: what the others get is as fast as without.
func TestTwoSickAmongAHundred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(slow)
		for _, name := range []string{"hang", "fail"} {
			ep := at(name, 0)
			ep.Stream, ep.Tenant = "", name
			log.add(ep, 0)
			for i := range 300 {
				log.commit(fmt.Sprintf("%s-%d", name, i), 300)
			}
		}
		var good []record.Endpoint
		for i := range 98 {
			good = append(good, log.add(at(fmt.Sprintf("good%d-", i), 0), 0))
		}
		o := run(t, log, send, func(c *Config) {
			c.Covers = func(ep *record.Endpoint, stream string) bool { return strings.HasPrefix(stream, ep.Tenant+"-") }
		})
		for round := range 20 {
			for _, ep := range good {
				o.commit(ep.Stream, 1)
			}
			committed, sent := time.Now(), 0
			time.Sleep(500 * time.Millisecond)
			for _, r := range send.requests() {
				if strings.HasPrefix(r.stream, "i-good") {
					sent++
					if r.at.After(committed) {
						t.Fatalf("%s was sent %v late", r.ep.ID, r.at.Sub(committed))
					}
				}
			}
			if sent != (round+1)*len(good) {
				t.Fatalf("%d sent in round %d", sent, round)
			}
		}
	})
}

// Four endpoints that hang, with 64 lanes each, leave slots to others: to those
// of their own origin, and to other origins.
func TestHangingEndpointsLeaveSlots(t *testing.T) {
	for name, url := range map[string]string{"one origin": "https://same.example/hang%d", "four origins": "https://hang.%d.example/"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, send := newFakeLog(), &fakeSender{}
				send.set(slow)
				for i := range 4 {
					ep := endpoint(fmt.Sprintf("hang%d", i))
					ep.Stream, ep.Tenant, ep.URL = "", fmt.Sprintf("t%d", i), fmt.Sprintf(url, i)
					ep.InFlight = 1000
					log.add(ep, 0)
					for n := range 64 {
						log.commit(fmt.Sprintf("t%d-%d", i, n), 10)
					}
				}
				same := endpoint("same")
				same.URL = "https://same.example/fine"
				log.add(same, 0)
				other := log.add(endpoint("other"), 0)
				o := run(t, log, send, func(c *Config) {
					c.Covers = func(ep *record.Endpoint, stream string) bool { return strings.HasPrefix(stream, ep.Tenant+"-") }
				})
				o.ask(func() {
					if free := o.cfg.MaxInFlight - o.inFlight; free < 50 {
						t.Errorf("%d slots are left", free)
					}
					for _, g := range o.origins {
						if free := o.cfg.PerOrigin - g.inFlight; free < 20 {
							t.Errorf("%d slots are left of %s", free, g.name)
						}
					}
				})
				for _, ep := range []record.Endpoint{same, other} {
					o.commit(ep.Stream, 20)
					o.drained(ep.Stream, time.Second)
				}
			})
		})
	}
}

// million is a log in which one stream has a million events that take no room.
type million struct {
	*fakeLog
	stream string
}

func (l million) Head(stream string) uint64 {
	if stream == l.stream {
		return 1_000_000
	}
	return l.fakeLog.Head(stream)
}

func (l million) Streams() []string { return append(l.fakeLog.Streams(), l.stream) }

func (l million) Events(stream string, after uint64, most int) (out []record.Event, err error) {
	if stream != l.stream {
		return l.fakeLog.Events(stream, after, most)
	}
	for seq := after + 1; seq <= min(1_000_000, after+uint64(most)); seq++ {
		out = append(out, record.Event{Stream: stream, Epoch: 1, Seq: seq, Kind: kind, At: time.Now()})
	}
	return out, nil
}

// An endpoint with a million events waiting gets no more turns than one with a
// few, of its origin or of another.
func TestAMillionWaitingDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict {
			time.Sleep(10 * time.Millisecond)
			return Verdict{Outcome: Delivered}
		})
		big, near, far := at("x", 0), at("x", 1), at("y", 0)
		for _, ep := range []record.Endpoint{big, near, far} {
			log.add(ep, 0)
		}
		o := run(t, log, send, func(c *Config) {
			c.Log, c.MaxInFlight = million{log, big.Stream}, 1
		})
		time.Sleep(time.Second)
		o.commit(near.Stream, 50)
		o.commit(far.Stream, 50)
		began := time.Now()
		o.drained(near.Stream, 10*time.Second)
		o.drained(far.Stream, 10*time.Second)
		n := map[string]int{}
		for _, r := range send.requests() {
			if r.at.After(began) {
				n[r.ep.ID]++
			}
		}
		if n["x1"] < 49 || n["y0"] < 49 || n["x0"] > 60 {
			t.Errorf("requests %v", n)
		}
		if st := o.Status(big.Stream)[0]; st.Pending < 999_000 {
			t.Errorf("status %+v", st)
		}
	})
}

// Thousands of lanes of one endpoint, and thousands of endpoints of one origin,
// are added, held, let go and removed in no time.
func TestThousands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		everywhere(log, 20_000)
		for i := range 5_000 {
			ep := log.add(at("x", i), 0)
			log.commit(ep.Stream, 1)
		}
		o := run(t, log, send, nil)
		time.Sleep(time.Minute)
		if st := o.Endpoints("all")[0]; st.State != "failing" || st.Lanes != 25_000 {
			t.Errorf("status %+v", st)
		}
		send.set(nil)
		o.drained("", time.Hour)
		for i := range 5_000 {
			o.RemoveEndpoint(at("x", i).ID)
		}
		o.RemoveEndpoint("all")
		if got := o.Status(""); len(got) != 0 {
			t.Errorf("%d lanes are left", len(got))
		}
		o.ask(func() {
			if len(o.origins)+len(o.targets)+len(o.waits)+o.turns.len != 0 {
				t.Errorf("left: %d origins, %d targets, %d alarms, %d turns", len(o.origins), len(o.targets), len(o.waits), o.turns.len)
			}
		})
	})
}
