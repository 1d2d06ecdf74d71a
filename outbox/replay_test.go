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

// replay stores the lane of a replay and starts it.
func (r *running) replay(ep record.Endpoint, stream string, first, last uint64) record.Lane {
	lane := record.Lane{Endpoint: ep.ID, Stream: stream, Replay: "again", Acked: first - 1, From: first, Until: last}
	r.log.set(func() { r.log.put(lane) })
	r.StartReplay(lane)
	return lane
}

func (l *fakeLog) has(lane record.Lane) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.lanes[laneKey(lane)]
	return ok
}

// A replay sends the same events with the same prev, goes when no live lane is
// ready, and takes its dead letters with it.
func TestReplayBesideLiveEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict {
			time.Sleep(10 * time.Millisecond)
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 20)
		log.commit(ep.Stream, 3)
		log.commitKind(ep.Stream, record.QRIssued, 2)
		log.commit(ep.Stream, 15)
		log.dead = []record.DeadLetter{
			{Endpoint: "a", Stream: ep.Stream, From: 7, To: 9}, {Endpoint: "a", Stream: ep.Stream, From: 12, To: 13},
		}
		o := run(t, log, send, func(c *Config) { c.Carries, c.PerEndpoint = carried, 1 })
		lane := o.replay(ep, ep.Stream, 6, 12)
		o.commit(ep.Stream, 5) // these go first
		time.Sleep(time.Second)
		got := send.seqs("a")
		if len(got) != 12 || slices.Index(got, 25) > 8 {
			t.Errorf("sent %v", got)
		}
		var again []uint64
		for _, r := range send.requests() {
			if r.seq <= 20 {
				again = append(again, r.seq)
				if want := max(r.seq-1, 3); r.seq == 6 && r.prev != 3 || r.seq > 6 && r.prev != want {
					t.Errorf("%d has prev %d", r.seq, r.prev)
				}
			}
		}
		equal(t, "again", again, []uint64{6, 7, 8, 9, 10, 11, 12})
		if log.has(lane) || len(o.Status("")) != 1 {
			t.Errorf("the replay has not ended: %+v", o.Status(""))
		}
		if dead := log.deadLetters(); len(dead) != 1 || dead[0].From != 12 {
			t.Errorf("dead letters %+v", dead)
		}
	})
}

func TestReplayGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			if r.seq == 3 {
				return Verdict{Err: errDown}
			}
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 5)
		log.commit(ep.Stream, 5)
		o := run(t, log, send, nil)
		lane := o.replay(ep, ep.Stream, 1, 5)
		time.Sleep(time.Minute)
		o.drained("", time.Second) // a replay does not count
		st := o.Status("")
		if len(st) != 2 || st[1].Replay != "again" || st[1].Until != 5 || st[1].Acked != 2 || st[1].Attempts == 0 || st[1].Pending != 3 {
			t.Fatalf("status %+v", st)
		}
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		send.set(nil)
		n := len(send.requests())
		run(t, log, send, nil)
		time.Sleep(time.Second)
		equal(t, "rest", send.seqs("a")[n:], []uint64{3, 4, 5})
		if log.has(lane) {
			t.Error("the replay has not ended")
		}
	})
}

func TestReplayIsCancelled(t *testing.T) {
	for name, cancel := range map[string]func(*running, record.Endpoint){
		"endpoint": func(o *running, ep record.Endpoint) { o.RemoveEndpoint(ep.ID) },
		"stream":   func(o *running, ep record.Endpoint) { o.RemoveStream(ep.Stream) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, send := newFakeLog(), &fakeSender{}
				send.set(down)
				ep := log.add(endpoint("a"), 5)
				log.commit(ep.Stream, 5)
				o := run(t, log, send, nil)
				o.replay(ep, ep.Stream, 1, 5)
				time.Sleep(time.Minute)
				n := len(send.requests())
				cancel(o, ep)
				o.StartReplay(record.Lane{Endpoint: "nobody", Stream: ep.Stream, Replay: "x", Until: 3})
				send.set(nil)
				time.Sleep(100 * time.Hour)
				if len(send.requests()) != n || len(o.Status("")) != 0 {
					t.Errorf("%d requests more, status %+v", len(send.requests())-n, o.Status(""))
				}
			})
		})
	}
}

// What was pruned meanwhile is passed over and logged; what the receiver does not
// take is a dead letter again, which the end of the replay leaves.
func TestReplayOfWhatIsGoneAndOfWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			if r.seq == 6 {
				return Verdict{Err: errDown}
			}
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 9)
		log.commit(ep.Stream, 9)
		log.prune(ep.Stream, 4)
		log.dead = []record.DeadLetter{
			{Endpoint: "a", Stream: ep.Stream, From: 6, To: 6}, {Endpoint: "a", Stream: ep.Stream, From: 7, To: 7},
		}
		o := run(t, log, send, func(c *Config) { c.Logger = lines.logger() })
		lane := o.replay(ep, ep.Stream, 2, 8)
		time.Sleep(time.Hour)
		if len(log.deadLetters()) != 2 || !strings.Contains(lines.String(), "replay passes over pruned events") {
			t.Fatalf("dead letters %+v", log.deadLetters())
		}
		time.Sleep(72 * time.Hour)
		dead := log.deadLetters()
		if log.has(lane) || len(dead) != 1 || dead[0].From != 6 || dead[0].To != 6 || dead[0].Replay != "again" || !strings.HasPrefix(dead[0].Reason, "undelivered") {
			t.Errorf("dead letters %+v", dead)
		}
		if got := send.seqs("a"); got[len(got)-1] != 8 || got[len(got)-2] != 7 {
			t.Errorf("sent %v", got)
		}
	})
}

// A replay to a paused endpoint waits: what it repeats is old, but has its
// horizon before it.
func TestReplayWaitsWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := endpoint("a")
		ep.Disabled = "by an operator"
		log.add(ep, 5)
		log.commit(ep.Stream, 5)
		time.Sleep(500 * time.Hour)
		o := run(t, log, send, nil)
		o.replay(ep, ep.Stream, 1, 5)
		time.Sleep(71 * time.Hour)
		if got := log.deadLetters(); len(got) != 0 {
			t.Fatalf("dead letters %+v", got)
		}
		ep.Disabled = ""
		o.SetEndpoint(ep)
		time.Sleep(time.Second)
		equal(t, "sent", send.seqs("a"), upTo(5))
	})
}

func TestSkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var news ear
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(ctx context.Context, r request) Verdict {
			if r.seq == 1 {
				<-ctx.Done()
			}
			if r.seq <= 2 {
				return Verdict{Status: 400}
			}
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 0)
		o := run(t, log, send, func(c *Config) { c.OnHealth = news.hear })
		skip := func() record.DeadLetter {
			t.Helper()
			d, err := o.Skip(t.Context(), "a", ep.Stream, "")
			if err != nil {
				t.Fatal(err)
			}
			if dead := log.deadLetters(); len(dead) == 0 || dead[len(dead)-1].From != d.From {
				t.Fatalf("%+v is not on disk: %+v", d, dead)
			}
			return d
		}
		for _, at := range []string{"a", "nobody"} {
			if _, err := o.Skip(t.Context(), at, ep.Stream, ""); !errors.Is(err, ErrNothingPending) {
				t.Errorf("nothing is pending: %v", err)
			}
		}
		o.commit(ep.Stream, 4)
		time.Sleep(time.Second)
		if d := skip(); d.From != 1 || d.To != 1 || d.Reason != "skipped by operator" || d.Last != nil { // cut short
			t.Errorf("got %+v", d)
		}
		time.Sleep(time.Minute)
		if d := skip(); d.From != 2 || d.Attempts < 2 || d.Last == nil || d.Last.Status != 400 {
			t.Errorf("got %+v", d)
		}
		o.drained("", time.Second)
		if got := send.requests(); got[len(got)-2].seq != 3 || got[len(got)-2].prev != 2 || got[len(got)-1].seq != 4 {
			t.Errorf("sent %v", send.seqs("a"))
		}
		if got := news.heard(); len(got) == 0 || got[0] != record.EndpointGaveUp {
			t.Errorf("health %v", got)
		}
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Skip(t.Context(), "a", ep.Stream, ""); err == nil {
			t.Error("skipped without Run")
		}
	})
}

// A batch is skipped as a whole; one that was delivered after all is not, nor
// what follows it.
func TestSkipABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := log.add(bulk(), 0)
		log.commit(ep.Stream, 3)
		o := run(t, log, send, nil)
		time.Sleep(time.Second)
		o.commit(ep.Stream, 2)
		d, err := o.Skip(t.Context(), "a", ep.Stream, "")
		if err != nil || d.From != 1 || d.To != 3 {
			t.Fatalf("got %+v, %v", d, err)
		}
		send.set(func(ctx context.Context, r request) Verdict {
			<-ctx.Done() // cut short, but taken
			return Verdict{Outcome: Delivered}
		})
		time.Sleep(time.Minute)
		if _, err := o.Skip(t.Context(), "a", ep.Stream, ""); !errors.Is(err, ErrNothingPending) {
			t.Errorf("skipped what was delivered: %v", err)
		}
		if n := len(log.deadLetters()); n != 1 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// Skipping works at a paused endpoint and behind an open breaker, too.
func TestSkipWhatIsNotTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := everywhere(log, 8)
		o := run(t, log, send, nil)
		time.Sleep(time.Hour)
		if _, err := o.Skip(t.Context(), ep.ID, "i-07", ""); err != nil {
			t.Error(err)
		}
		ep.Disabled = "by an operator"
		o.SetEndpoint(ep)
		if _, err := o.Skip(t.Context(), ep.ID, "i-06", ""); err != nil {
			t.Error(err)
		}
		if n := len(log.deadLetters()); n != 2 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// What a replay delivers before it gives something up is a dead letter no more.
func TestReplayKeepsOnlyWhatItGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(endpoint("a"), 3)
		log.commit(ep.Stream, 3)
		for seq := uint64(1); seq <= 3; seq++ {
			log.dead = append(log.dead, record.DeadLetter{Endpoint: "a", Stream: ep.Stream, From: seq, To: seq})
		}
		send.set(func(_ context.Context, r request) Verdict {
			if r.seq == 2 {
				return Verdict{Err: errDown}
			}
			return Verdict{Outcome: Delivered}
		})
		o := run(t, log, send, func(c *Config) { c.Horizon = time.Hour })
		lane := o.replay(ep, ep.Stream, 1, 3)
		time.Sleep(10 * time.Hour)
		dead := log.deadLetters()
		if log.has(lane) || len(dead) != 1 || dead[0].From != 2 || dead[0].Replay != lane.Replay {
			t.Errorf("dead letters %+v", dead)
		}
	})
}

// A replay is stopped when StopReplay answers: it is not on disk, and nothing is
// sent for it. Its dead letters stay.
func TestStopReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		log.saveDelay = func() time.Duration { return 20 * time.Millisecond }
		send.set(func(ctx context.Context, r request) Verdict {
			if r.seq <= 2 {
				return Verdict{Outcome: Delivered}
			}
			<-ctx.Done()
			return Verdict{Err: ctx.Err()}
		})
		ep := log.add(endpoint("a"), 5)
		log.commit(ep.Stream, 5)
		log.dead = []record.DeadLetter{{Endpoint: "a", Stream: ep.Stream, From: 1, To: 1}}
		o := run(t, log, send, nil)
		lane := o.replay(ep, ep.Stream, 1, 5)
		time.Sleep(time.Second)
		for range 2 {
			if _, err := o.Skip(t.Context(), "a", ep.Stream, ""); !errors.Is(err, ErrNothingPending) {
				t.Errorf("skipped a live event: %v", err)
			}
		}
		if d, err := o.Skip(t.Context(), "a", ep.Stream, lane.Replay); err != nil || d.From != 3 || d.Replay != lane.Replay {
			t.Errorf("skipped %+v, %v", d, err)
		}
		time.Sleep(time.Second)
		began := time.Now()
		if err := o.StopReplay(t.Context(), "a", ep.Stream, lane.Replay); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 45*time.Millisecond || log.has(lane) || len(o.Status("")) != 1 {
			t.Errorf("not stopped after %v: %+v", took, o.Status(""))
		}
		for _, replay := range []string{lane.Replay, "", "another"} {
			if err := o.StopReplay(t.Context(), "a", ep.Stream, replay); !errors.Is(err, ErrNothingPending) {
				t.Errorf("replay %q: %v", replay, err)
			}
		}
		send.set(nil)
		o.commit(ep.Stream, 1)
		time.Sleep(time.Hour)
		equal(t, "sent", send.seqs("a"), []uint64{1, 2, 3, 4, 6})
		if dead := log.deadLetters(); len(dead) != 2 || dead[0].From != 1 || dead[1].From != 3 {
			t.Errorf("dead letters %+v", dead)
		}
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		if err := o.StopReplay(t.Context(), "a", ep.Stream, lane.Replay); err == nil || errors.Is(err, ErrNothingPending) {
			t.Errorf("without Run: %v", err)
		}
	})
}

// A replay that waits, at a paused endpoint or behind an open breaker, and one
// whose end the disk does not take at first, are stopped as well.
func TestStopReplayThatWaits(t *testing.T) {
	for name, paused := range map[string]string{"paused": "by an operator", "breaker": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, send := newFakeLog(), &fakeSender{answer: down}
				ep := endpoint("a")
				ep.Disabled = paused
				log.add(ep, 5)
				log.commit(ep.Stream, 6)
				o := run(t, log, send, nil)
				lane := o.replay(ep, ep.Stream, 1, 5)
				time.Sleep(time.Hour)
				log.set(func() { log.saveErr = errors.New("disk full") })
				time.AfterFunc(10*time.Second, func() { log.set(func() { log.saveErr = nil }) })
				if err := o.StopReplay(t.Context(), "a", ep.Stream, lane.Replay); err != nil || log.has(lane) {
					t.Errorf("not stopped: %v", err)
				}
				ep.Disabled = ""
				o.SetEndpoint(ep)
				send.set(nil)
				o.Retry("a")
				o.drained("", time.Second)
				if got := send.seqs("a"); got[len(got)-1] != 6 {
					t.Errorf("sent %v", got)
				}
			})
		})
	}
}
