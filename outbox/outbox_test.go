//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

func TestDeliversEachLaneInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			time.Sleep(time.Duration(1+r.seq*7%5) * time.Millisecond)
			return Verdict{Outcome: Delivered}
		})
		a, b := log.add(endpoint("a"), 0), log.add(endpoint("b"), 3)
		log.commit(a.Stream, 20)
		log.commit(b.Stream, 9)
		o := run(t, log, send, nil)
		o.drained("", time.Second)
		equal(t, "a", send.seqs("a"), upTo(20))
		equal(t, "b", send.seqs("b"), upTo(9)[3:])
		for _, r := range send.requests() {
			want := r.seq - 1
			if r.ep.ID == "b" && r.seq == 4 {
				want = 0 // the first that this endpoint gets
			}
			if r.prev != want {
				t.Errorf("%s/%d has prev %d, want %d", r.ep.ID, r.seq, r.prev, want)
			}
		}
		if got := log.lane("a"); got.Acked != 20 || got.Prev != 20 {
			t.Errorf("stored cursor %+v", got)
		}
	})
}

func TestNotifyBeforeRunAndEndpointFromNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := endpoint("a")
		log.commit(ep.Stream, 5)
		o := New(Config{Log: log, Sender: send})
		o.Notify(ep.Stream)
		o.SetEndpoint(ep, from(ep, 2))
		o.Retry("nobody")
		o.RemoveEndpoint("nobody")
		if got := o.Status(""); got != nil {
			t.Errorf("status before Run: %v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- o.Run(ctx) }()
		if err := o.WaitDrained(ctx, ep.Stream); err != nil {
			t.Fatal(err)
		}
		equal(t, "a", send.seqs("a"), []uint64{3, 4, 5})
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		// Afterwards everything is harmless.
		o.Notify(ep.Stream)
		o.SetEndpoint(ep, from(ep, 0))
		if got := o.Status(""); got != nil {
			t.Errorf("status after Run: %v", got)
		}
		if err := o.WaitDrained(t.Context(), ""); err == nil {
			t.Error("WaitDrained after Run gave no error")
		}
		if err := o.Run(t.Context()); err == nil {
			t.Error("a second Run gave no error")
		}
	})
}

func TestRunReportsALogThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		log.listErr = errors.New("disk on fire")
		err := New(Config{Log: log, Sender: &fakeSender{}}).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Fatalf("got %v", err)
		}
	})
}

// An endpoint whose cursor was lost to a crash gets the events since it exists,
// not the history before and none less.
func TestEndpointWithoutCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := endpoint("a")
		log.commit(ep.Stream, 200)
		log.prune(ep.Stream, 50)
		time.Sleep(time.Second)
		ep.CreatedAt = time.Now()
		log.commit(ep.Stream, 3)
		log.endpoints = append(log.endpoints, ep)
		o := run(t, log, send, nil)
		o.drained("", time.Second)
		equal(t, "a", send.seqs("a"), []uint64{201, 202, 203})
		if got := log.deadLetters(); len(got) != 0 {
			t.Errorf("dead letters %v", got)
		}
	})
}

func TestEndpointWithoutCursorAndNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := endpoint("a")
		log.commit(ep.Stream, 5)
		log.prune(ep.Stream, 5)
		log.endpoints = append(log.endpoints, ep)
		o := run(t, log, send, nil)
		o.drained("", time.Second)
		if got := log.lane("a"); got.Acked != 5 || len(send.requests()) != 0 || len(log.deadLetters()) != 0 {
			t.Errorf("cursor %+v, requests %v, dead %v", got, send.requests(), log.deadLetters())
		}
	})
}

func TestEventsTheFormatDoesNotCarry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(endpoint("a"), 0)
		log.commitKind(ep.Stream, record.QRIssued, 3) // 1-3
		log.commit(ep.Stream, 1)                      // 4
		log.commitKind(ep.Stream, record.QRIssued, 3000)
		log.commit(ep.Stream, 1) // 3005
		log.commitKind(ep.Stream, record.QRIssued, 2)
		o := run(t, log, send, func(c *Config) {
			c.Carries = func(_ *record.Endpoint, ev *record.Event) bool { return ev.Kind == kind }
		})
		o.drained("", time.Second)
		equal(t, "sent", send.seqs("a"), []uint64{4, 3005})
		if got := send.requests(); got[0].prev != 0 || got[1].prev != 4 {
			t.Errorf("prev %d and %d", got[0].prev, got[1].prev)
		}
		if got := log.lane("a"); got.Acked != 3007 || got.Prev != 3005 {
			t.Errorf("stored %+v", got)
		}
	})
}

func TestPrunedUnderTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		log, send := newFakeLog(), &fakeSender{}
		a, b := log.add(endpoint("a"), 2), log.add(endpoint("b"), 0)
		log.commit(a.Stream, 10)
		log.prune(a.Stream, 6)
		log.commit(b.Stream, 4) // all of them went
		log.prune(b.Stream, 4)
		o := run(t, log, send, func(c *Config) { c.Logger = lines.logger() })
		o.drained("", time.Second)
		equal(t, "a", send.seqs("a"), []uint64{7, 8, 9, 10})
		if first := send.requests()[0]; first.prev != 6 {
			t.Errorf("prev after the gap is %d: the receiver cannot see it", first.prev)
		}
		dead := log.deadLetters()
		want := map[string][2]uint64{"a": {3, 6}, "b": {1, 4}}
		for _, d := range dead {
			if want[d.Endpoint] != [2]uint64{d.From, d.To} || d.Reason != "expired" {
				t.Errorf("dead letter %+v", d)
			}
		}
		if len(dead) != 2 {
			t.Errorf("%d dead letters, want 2", len(dead))
		}
		synctest.Wait() // it is told beside the loop
		if n := strings.Count(lines.String(), "postback given up"); n != 2 {
			t.Errorf("logged %d times:\n%s", n, lines.String())
		}
	})
}

// erasedLog loses everything before its first event is read.
type erasedLog struct {
	*fakeLog
	once  sync.Once
	erase func()
}

func (l *erasedLog) Events(stream string, after uint64, most int) ([]record.Event, error) {
	l.once.Do(func() { l.set(l.erase) })
	return l.fakeLog.Events(stream, after, most)
}

// A log that is being erased or reopened is shorter than it was: nothing
// expires, the lane asks again.
func TestLogShorterThanItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 2)
		kept := log.events[ep.Stream]
		o := run(t, log, send, func(c *Config) {
			c.Log = &erasedLog{fakeLog: log, erase: func() {
				log.events[ep.Stream], log.heads[ep.Stream] = nil, 0
			}}
		})
		time.Sleep(3 * time.Second)
		if got := log.deadLetters(); len(got) != 0 {
			t.Fatalf("dead letters %v", got)
		}
		log.set(func() { log.events[ep.Stream], log.heads[ep.Stream] = kept, 2 })
		o.drained("", 2*time.Second)
		equal(t, "a", send.seqs("a"), upTo(2))
	})
}

func TestUnreadableLogIsNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 2)
		log.readErr = errors.New("decode event i-a/1: bad tag")
		o := run(t, log, send, func(c *Config) { c.Logger = lines.logger() })
		time.Sleep(time.Hour)
		st := o.Status(ep.Stream)
		if len(st) != 1 || st[0].Attempts != 0 || st[0].LastError != log.readErr.Error() || st[0].Pending != 2 {
			t.Fatalf("status %+v", st)
		}
		if n := strings.Count(lines.String(), "event log unreadable"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		log.set(func() { log.readErr = nil })
		o.drained("", 2*time.Second)
		equal(t, "a", send.seqs("a"), upTo(2))
	})
}
