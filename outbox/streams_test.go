//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

// An endpoint of the whole daemon has a lane for every stream, those included
// that come later; its own are not repeated after a restart.
func TestDaemonEndpointCoversStreamsThatComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		log.commit("i-old", 3) // before it was made
		log.commit("daemon", 1)
		time.Sleep(time.Second)
		ep := endpoint("all")
		ep.Stream = ""
		o := run(t, log, send, nil)
		log.add(ep, 0)
		lane := record.Lane{Endpoint: ep.ID, Stream: "i-old", Acked: 3}
		log.set(func() { log.put(lane) })
		o.SetEndpoint(ep, lane)
		time.Sleep(time.Second)
		if got := send.requests(); len(got) != 0 {
			t.Fatalf("sent what was before it: %v", got)
		}
		o.commit("i-old", 1)
		o.commit("daemon", 1)
		o.commit("i-new", 2)
		o.drained("", time.Second)
		var got []string
		for _, r := range send.requests() {
			got = append(got, r.stream+strings.Repeat("+", int(r.seq)))
		}
		slices.Sort(got)
		equal(t, "sent", got, []string{"daemon++", "i-new+", "i-new++", "i-old++++"})
		if st := o.Endpoints("")[0]; st.Lanes != 3 || st.Pending != 0 {
			t.Errorf("status %+v", st)
		}
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		log.commit("i-asleep", 1) // while nobody looks
		n := len(send.requests())
		o = run(t, log, send, nil)
		o.drained("", time.Second)
		if got := send.requests()[n:]; len(got) != 1 || got[0].stream != "i-asleep" {
			t.Errorf("after a restart: %v", got)
		}
	})
}

// A tenant's endpoint follows the tenant: streams come and go with Cover.
func TestCoverageChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		members := map[string]bool{"i-1": true}
		ep := endpoint("t")
		ep.Stream, ep.Tenant = "", "acme"
		log.add(ep, 0)
		log.commit("i-1", 1)
		log.commit("i-2", 1)
		o := run(t, log, send, func(c *Config) {
			c.Covers = func(_ *record.Endpoint, stream string) bool { return members[stream] }
		})
		o.drained("", time.Second)
		members["i-1"], members["i-2"] = false, true
		lane := record.Lane{Endpoint: "t", Stream: "i-2", Acked: 1}
		o.SetEndpoint(ep, lane)
		o.Cover()
		o.commit("i-1", 1)
		o.commit("i-2", 1)
		o.commit("i-3", 1)
		o.drained("", time.Second)
		var got []string
		for _, r := range send.requests() {
			got = append(got, r.stream+strings.Repeat("+", int(r.seq)))
		}
		equal(t, "sent", got, []string{"i-1+", "i-2++"})
		if st := o.Status(""); len(st) != 1 || st[0].Stream != "i-2" {
			t.Errorf("status %+v", st)
		}
	})
}

func TestRemoveStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		everywhere(log, 5)
		o := run(t, log, send, nil)
		time.Sleep(time.Hour)
		for _, stream := range []string{"i-00", "i-01", "i-02", "i-03", "nothing"} {
			o.RemoveStream(stream)
		}
		send.set(nil)
		o.drained("i-04", time.Hour)
		if st := o.Status(""); len(st) != 1 || st[0].Stream != "i-04" {
			t.Errorf("status %+v", st)
		}
	})
}

// A lane that looks for its beginning in a long log passes over the old part
// and loses nothing of the new one, whatever comes between.
func TestLaneFindsItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		log.commit("i-long", 5000)
		log.prune("i-long", 100)
		time.Sleep(time.Second)
		ep := endpoint("all")
		ep.Stream = ""
		log.add(ep, 0)
		log.commitKind("i-long", record.QRIssued, 1)
		log.commit("i-long", 2)
		o := run(t, log, send, func(c *Config) { c.Carries = carried })
		o.drained("", time.Second)
		equal(t, "sent", send.seqs("all"), []uint64{5002, 5003})
		if got := send.requests()[0].prev; got != 0 {
			t.Errorf("prev %d of the first", got)
		}
		if len(log.deadLetters()) != 0 {
			t.Errorf("dead letters %+v", log.deadLetters())
		}
	})
}

// One answer of 410 stops all lanes; enabled again, all of them go on.
func TestGoneStopsEveryLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict { return Verdict{Outcome: Disable, Status: 410} })
		ep := everywhere(log, 50)
		told := 0
		o := run(t, log, send, func(c *Config) {
			c.PerEndpoint = 3
			c.OnDisable = func(record.Endpoint, string) { told++ }
		})
		time.Sleep(71 * time.Hour)
		if n := len(send.requests()); n != 3 || told != 1 {
			t.Fatalf("%d requests, told %d times", n, told)
		}
		if st := o.Endpoints(ep.ID)[0]; st.State != "paused" || st.Pending != 50 {
			t.Errorf("status %+v", st)
		}
		send.set(nil)
		o.SetEndpoint(ep)
		o.drained("", time.Second)
		if n := len(log.deadLetters()); n != 0 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// News that nobody listens to are gathered and stay bounded.
func TestHealthIsGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var news ear
		hold := make(chan struct{})
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := log.add(endpoint("a"), 0)
		o := run(t, log, send, func(c *Config) {
			exact(c)
			c.Horizon = time.Minute
			c.OnHealth = func(h Health) { <-hold; news.hear(h) }
		})
		for range 200 {
			o.commit(ep.Stream, 1)
			time.Sleep(30 * time.Second)
		}
		time.Sleep(time.Hour)
		close(hold)
		synctest.Wait()
		news.mu.Lock()
		defer news.mu.Unlock()
		if len(news.got) > 5 || news.got[len(news.got)-1].To != 200 || news.got[len(news.got)-1].Kind != record.EndpointGaveUp {
			t.Errorf("told %d times", len(news.got))
		}
	})
}

// At a stop everything that there is to tell is told.
func TestStopTellsHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var news ear
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict { return Verdict{Err: errors.New("no")} })
		everywhere(log, 8)
		o := run(t, log, send, func(c *Config) {
			c.OnHealth = func(h Health) { time.Sleep(time.Second); news.hear(h) }
		})
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		equal(t, "health", news.heard(), []record.Kind{record.EndpointFailing})
	})
}

// A stream whose events were all pruned is not in the log's list. After a restart
// its lane to an endpoint of many streams is the stored one nonetheless: what
// waited becomes a dead letter, and prev goes on.
func TestLaneOfAPrunedStreamIsKept(t *testing.T) {
	for name, tc := range map[string]struct{ acked, dead uint64 }{
		"two waited": {3, 1}, "nothing waited": {5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, send := newFakeLog(), &fakeSender{}
				for _, id := range []string{"all", "other"} { // each may be the first that is loaded
					ep := endpoint(id)
					ep.Stream = ""
					log.add(ep, 0)
					log.set(func() {
						log.put(record.Lane{Endpoint: id, Stream: "i-1", Acked: tc.acked, Prev: tc.acked})
					})
				}
				log.commit("i-1", 5)
				log.prune("i-1", 5)
				o := run(t, log, send, nil)
				time.Sleep(time.Second)
				o.commit("i-1", 1)
				o.drained("", time.Minute)
				for _, id := range []string{"all", "other"} {
					equal(t, "sent", send.seqs(id), []uint64{6})
				}
				for _, r := range send.requests() {
					if r.prev != 5 {
						t.Errorf("%d came with prev %d", r.seq, r.prev)
					}
				}
				dead := log.deadLetters()
				if uint64(len(dead)) != 2*tc.dead {
					t.Fatalf("dead letters %+v", dead)
				}
				for _, d := range dead {
					if d.From != 4 || d.To != 5 || d.Reason != reasonExpired {
						t.Errorf("dead letter %+v", d)
					}
				}
			})
		})
	}
}
