//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

// everywhere is an endpoint of the whole daemon, with n streams that have an
// event each.
func everywhere(log *fakeLog, n int) record.Endpoint {
	ep := endpoint("all")
	ep.Stream = ""
	for i := range n {
		log.commit(fmt.Sprintf("i-%02d", i), 1)
	}
	return log.add(ep, 0)
}

// exact takes the chance out of the schedule.
func exact(c *Config) {
	c.Policy = func(*record.Endpoint) record.Policy { return record.Policy{Jitter: new(int)} }
}

// ear listens to what OnHealth is told.
type ear struct {
	mu  sync.Mutex
	got []Health
}

func (e *ear) hear(h Health) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = append(e.got, h)
}

func (e *ear) heard() (kinds []record.Kind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.got {
		kinds = append(kinds, h.Kind)
	}
	return kinds
}

// While the breaker is open one lane at a time probes, by the schedule and in
// turn; the first success lets all of them go at once.
func TestBreakerProbesInTurnAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var news ear
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		everywhere(log, 8)
		began := time.Now()
		o := run(t, log, send, func(c *Config) {
			exact(c)
			c.PerEndpoint, c.OnHealth = 1, news.hear
		})
		time.Sleep(10 * time.Minute)
		var at []time.Duration
		streams := map[string]int{}
		for _, r := range send.requests() {
			at = append(at, r.at.Sub(began))
			streams[r.stream]++
		}
		// Five at once open it; the probes wait 5 s, 30 s, 2 min and so on.
		equal(t, "requests", at, []time.Duration{0, 0, 0, 0, 0, 5 * time.Second, 35 * time.Second, 155 * time.Second})
		if len(streams) != 8 {
			t.Errorf("the probes were not in turn: %v", streams)
		}
		st := o.Endpoints("all")
		if len(st) != 1 || st[0].State != "failing" || !st[0].Since.Equal(began) || st[0].Fails != 8 || st[0].Lanes != 8 ||
			st[0].Pending != 8 || !st[0].ProbeAt.Equal(began.Add(755*time.Second)) || len(st[0].Failures) != 8 {
			t.Errorf("status %+v", st)
		}
		send.set(nil)
		time.Sleep(155*time.Second + time.Millisecond) // to the next probe, and no more
		if n := len(send.requests()); n != 8+8 {
			t.Errorf("%d requests when it closed", n-8)
		}
		o.drained("", time.Second)
		equal(t, "health", news.heard(), []record.Kind{record.EndpointFailing, record.EndpointRecovered})
		if st := o.Endpoints("all")[0]; st.State != "ok" || st.Fails != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestRetryProbesNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := everywhere(log, 8)
		o := run(t, log, send, exact)
		time.Sleep(5 * time.Hour)
		n := len(send.requests())
		o.Retry(ep.ID)
		time.Sleep(time.Second)
		if got := len(send.requests()) - n; got != 1 {
			t.Errorf("%d probes", got)
		}
		send.set(nil)
		o.Retry(ep.ID)
		o.drained("", 100*time.Millisecond)
	})
}

// An event that its receiver never takes keeps its own lane waiting, not others.
func TestPoisonEventKeepsNobodyElseWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			if r.stream == "i-00" && r.seq == 1 {
				return Verdict{Status: 500}
			}
			return Verdict{Outcome: Delivered}
		})
		everywhere(log, 3)
		o := run(t, log, send, exact)
		time.Sleep(12 * time.Hour)
		if st := o.Endpoints("all")[0]; st.State != "failing" {
			t.Fatalf("status %+v", st)
		}
		for range 100 {
			o.commit("i-01", 2)
			time.Sleep(time.Second)
			o.drained("i-01", time.Millisecond)
			time.Sleep(31 * time.Minute)
		}
		time.Sleep(12 * time.Hour)
		o.commit("i-00", 1)
		o.drained("i-00", 100*time.Millisecond) // the lane has gone on
		dead := log.deadLetters()
		if len(dead) != 1 || dead[0].Stream != "i-00" || dead[0].Last == nil || dead[0].Last.Status != 500 {
			t.Errorf("dead letters %+v", dead)
		}
	})
}

// Events that wait for an open breaker grow old as others do: each is given up
// when its time has come, to the second, whether it was ever tried or not.
func TestEventsGrowOldBehindTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var news ear
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		everywhere(log, 10)
		began := time.Now()
		o := run(t, log, send, func(c *Config) { c.OnHealth = news.hear })
		for range 9 {
			time.Sleep(time.Hour)
			for i := range 10 {
				o.commit(fmt.Sprintf("i-%02d", i), 1)
			}
		}
		time.Sleep(80 * time.Hour)
		if dead := log.deadLetters(); len(dead) != 10 {
			t.Errorf("%d dead letters, of one run a stream", len(dead))
		}
		given := map[string]uint64{}
		for _, d := range log.wrote { // each longer than the one before
			if d.From != 1 || d.To <= given[d.Stream] {
				t.Errorf("%s: %d to %d after %d", d.Stream, d.From, d.To, given[d.Stream])
			}
			d.From = given[d.Stream] + 1
			given[d.Stream] = d.To
			want := began.Add(72*time.Hour + time.Duration(d.From-1)*time.Hour)
			// The first failed try starts the clock, and a lane's may have come with a
			// probe.
			if d.At.Before(want) || d.From > 1 && d.At.After(want.Add(10*time.Hour)) {
				t.Errorf("%s: %d to %d given up %v after its event", d.Stream, d.From, d.To, d.At.Sub(want)+72*time.Hour)
			}
		}
		for i := range 10 {
			if got := given[fmt.Sprintf("i-%02d", i)]; got != 10 {
				t.Errorf("stream %d: given up to %d", i, got)
			}
		}
		if heard := news.heard(); len(heard) < 11 || heard[0] != record.EndpointFailing || heard[1] != record.EndpointGaveUp {
			t.Errorf("health %v", heard)
		}
		if n := len(send.requests()); n > 130 {
			t.Errorf("%d requests for 100 events", n)
		}
	})
}

// A slow verdict leaves out the two quick steps.
func TestSlowVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict { return Verdict{Status: 404, Slow: true} })
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		run(t, log, send, exact)
		time.Sleep(3 * time.Hour)
		got := send.requests()
		for i, want := range []time.Duration{2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, time.Hour} {
			if gap := got[i+1].at.Sub(got[i].at); gap != want {
				t.Errorf("wait %d is %v, want %v", i+1, gap, want)
			}
		}
	})
}

// The endpoint's own schedule goes before its format's, that before the
// configuration's.
func TestPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		own, policy := endpoint("own"), endpoint("policy")
		own.Schedule, own.Horizon, own.Jitter = []time.Duration{time.Second}, 10*time.Second, new(int)
		for _, ep := range []record.Endpoint{own, policy} {
			log.add(ep, 0)
			log.commit(ep.Stream, 1)
		}
		run(t, log, send, func(c *Config) {
			c.Policy = func(*record.Endpoint) record.Policy {
				return record.Policy{Schedule: []time.Duration{3 * time.Second}, Horizon: 30 * time.Second, Jitter: new(int)}
			}
		})
		time.Sleep(time.Hour)
		if a, b := len(send.seqs("own")), len(send.seqs("policy")); a != 11 || b != 11 {
			t.Errorf("%d and %d requests, want 11 each", a, b)
		}
		if n := len(log.deadLetters()); n != 2 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// At the horizon one last try fails, and everything whose time is over goes with
// it as one run; what is younger stays.
func TestOneRunAtTheHorizon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 3000)
		o := run(t, log, send, nil)
		began := time.Now()
		time.Sleep(time.Hour)
		o.commit(ep.Stream, 1)
		time.Sleep(71*time.Hour + time.Minute)
		dead := log.deadLetters()
		if len(dead) != 1 || dead[0].To != 3000 || dead[0].At.Sub(began) != 72*time.Hour || dead[0].Attempts < 65 || dead[0].Last == nil {
			t.Fatalf("dead letters %+v", dead)
		}
		time.Sleep(2*time.Hour + 20*time.Minute) // by the schedule: each wait is 72 minutes at most
		dead = log.deadLetters()
		if len(dead) != 1 || dead[0].From != 1 || dead[0].To != 3001 || dead[0].At.Sub(began) < 73*time.Hour || dead[0].At.Sub(began) > 74*time.Hour+12*time.Minute {
			t.Fatalf("dead letters %+v", dead)
		}
		if lane := log.lane("a"); !lane.FirstAt.Equal(began) || len(lane.Tries) != 5 {
			t.Errorf("giving up made the lane forget: %+v", lane)
		}
		send.set(nil)
		o.commit(ep.Stream, 1)
		o.drained("", time.Hour)
		if lane := log.lane("a"); !lane.FirstAt.IsZero() || len(lane.Tries) != 0 || lane.LastError != "" {
			t.Errorf("a delivery left %+v", lane)
		}
	})
}

// What a receiver answered to failed tries is kept, bounded.
func TestFailedTriesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		long := make([]byte, 5000)
		for i := range long {
			long[i] = 'x'
		}
		n := 0
		send.set(func(context.Context, request) Verdict {
			n++
			return Verdict{Status: 500 + n, Excerpt: string(long), Duration: time.Second}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		o := run(t, log, send, nil)
		time.Sleep(30 * time.Hour)
		lane, st := log.lane("a"), o.Endpoints("a")[0]
		if len(lane.Tries) != 5 || len(st.Failures) != 20 || lane.Tries[4].Status != 500+n || st.Failures[19].Status != 500+n ||
			lane.Tries[0].Status != 500+n-4 || len(lane.Tries[4].Answer) != 1024 || lane.Tries[4].Took != time.Second || lane.Tries[4].Seq != 1 {
			t.Errorf("kept %+v and %d", lane.Tries, len(st.Failures))
		}
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		o = run(t, log, send, nil)
		if st := o.Status("")[0]; len(st.Tries) < 5 {
			t.Errorf("lost over a restart: %+v", st)
		}
	})
}

// An endpoint that was failing when the outbox stopped is told to work again with
// its first delivery after a start, once. One that had failed a little is not.
func TestRecoveryIsToldAfterARestart(t *testing.T) {
	for name, tc := range map[string]struct {
		failing time.Duration
		want    []record.Kind
	}{
		"open":   {2 * time.Hour, []record.Kind{record.EndpointFailing, record.EndpointRecovered}},
		"closed": {10 * time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var news ear
				log, send := newFakeLog(), &fakeSender{answer: down}
				ep := log.add(endpoint("a"), 0)
				cfg := func(c *Config) { c.OnHealth = news.hear }
				o := run(t, log, send, cfg)
				o.commit(ep.Stream, 3)
				time.Sleep(tc.failing)
				for range 2 { // the second start has nothing to tell
					if err := o.stop(); err != nil {
						t.Fatal(err)
					}
					send.set(nil)
					o = run(t, log, send, cfg)
					o.commit(ep.Stream, 1)
					o.drained("", time.Minute)
					time.Sleep(time.Second)
				}
				equal(t, "health", news.heard(), tc.want)
			})
		})
	}
}
