//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

// While nothing reaches the disk a lane makes exactly two requests, and not one
// more for as long as that lasts.
func TestNeverTwoAheadOfTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		log.saveDelay = func() time.Duration { return time.Minute }
		a, b := log.add(endpoint("a"), 0), log.add(endpoint("b"), 0)
		log.commit(a.Stream, 5)
		log.commit(b.Stream, 1)
		o := run(t, log, send, nil)
		time.Sleep(59 * time.Second)
		equal(t, "a before the disk", send.seqs("a"), []uint64{1, 2})
		if st := o.Status(a.Stream)[0]; st.Acked != 2 || st.Pending != 3 {
			t.Errorf("status %+v", st)
		}
		time.Sleep(2 * time.Second) // the first save carried both
		equal(t, "a after it", send.seqs("a"), []uint64{1, 2, 3, 4})
		o.drained("", 5*time.Minute)
	})
}

// A save under way carries N only: once it is on disk, one more may go.
func TestOneAheadOfTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		log.saveDelay = func() time.Duration { return time.Second }
		send.set(func(context.Context, request) Verdict {
			time.Sleep(200 * time.Millisecond)
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 4)
		run(t, log, send, nil)
		// 0.20 s: 1 is acknowledged, its save begins at 0.25 s; 0.40 s: 2 is; 3 must
		// wait until 1.25 s, and 4 until 2 and 3 are on disk at 2.25 s and 3.25 s.
		time.Sleep(1240 * time.Millisecond)
		equal(t, "before", send.seqs("a"), []uint64{1, 2})
		time.Sleep(20 * time.Millisecond)
		equal(t, "once 1 is on disk", send.seqs("a"), []uint64{1, 2, 3})
		time.Sleep(980 * time.Millisecond)
		equal(t, "before 2 is on disk", send.seqs("a"), []uint64{1, 2, 3})
		time.Sleep(20 * time.Millisecond)
		equal(t, "once 2 is on disk", send.seqs("a"), []uint64{1, 2, 3, 4})
	})
}

func TestAcknowledgementsShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ids := strings.Split("abcdefghijklmnopqrstuvwxyz", "")
		for _, id := range ids {
			ep := log.add(endpoint(id), 0)
			log.commit(ep.Stream, 1)
		}
		began := time.Now()
		o := run(t, log, send, nil)
		o.drained("", time.Second)
		if len(log.savedAt()) != 1 {
			t.Errorf("%d saves for %d lanes", len(log.savedAt()), len(ids))
		}
		if d := log.savedAt()[0].Sub(began); d > 50*time.Millisecond {
			t.Errorf("the save came after %v", d)
		}
	})
}

// The rule does not make a lane wait for the timer: it asks for the commit.
func TestBacklogDoesNotWaitForTheTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		log.saveDelay = func() time.Duration { return time.Millisecond }
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1000)
		began := time.Now()
		o := run(t, log, send, nil)
		o.drained("", time.Minute)
		if d := time.Since(began); d > 600*time.Millisecond {
			t.Errorf("1000 events took %v", d)
		}
	})
}

func TestSaveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		log, send := newFakeLog(), &fakeSender{}
		log.saveErr = errors.New("disk full")
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 6)
		o := run(t, log, send, func(c *Config) { c.Logger = lines.logger() })
		time.Sleep(10*time.Second + 500*time.Millisecond)
		equal(t, "while it fails", send.seqs("a"), []uint64{1, 2})
		if n := len(log.savedAt()); n != 11 {
			t.Errorf("%d saves in 10 s, want one each second", n)
		}
		log.set(func() { log.saveErr = nil })
		o.drained("", 2*time.Second)
		equal(t, "in all", send.seqs("a"), upTo(6))
		for phrase, want := range map[string]int{"cursors not saved": 1, "cursors saved again": 1} {
			if n := strings.Count(lines.String(), phrase); n != want {
				t.Errorf("%q logged %d times", phrase, n)
			}
		}
	})
}

// A dead letter is on disk before the event after it is sent.
func TestDeadLetterHoldsTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			if r.seq == 1 {
				log.set(func() { log.saveErr = errors.New("disk full") })
				return Verdict{Err: errDown}
			}
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		o := run(t, log, send, func(c *Config) { c.Horizon = time.Minute })
		time.Sleep(30 * time.Second)
		o.commit(ep.Stream, 1)
		time.Sleep(time.Hour)
		if seqs := send.seqs("a"); seqs[len(seqs)-1] != 1 {
			t.Fatalf("sent %v with no dead letter on disk", seqs)
		}
		log.set(func() { log.saveErr = nil })
		o.drained("", 2*time.Second)
		if seqs := send.seqs("a"); seqs[len(seqs)-1] != 2 || len(log.deadLetters()) != 1 {
			t.Fatalf("sent %v, dead %v", seqs, log.deadLetters())
		}
	})
}

func TestStopWaitsAndSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict {
			time.Sleep(3 * time.Second)
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 5)
		o := run(t, log, send, nil)
		time.Sleep(time.Second)
		added := endpoint("late")
		o.cancel()
		o.SetEndpoint(added, from(added, 7))
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		if got := log.lane("a"); got.Acked != 1 {
			t.Errorf("the request under way was not counted: %+v", got)
		}
		if got := log.lane("late"); got.Acked != 7 {
			t.Errorf("the endpoint added last has no cursor: %+v", got)
		}
		equal(t, "sent", send.seqs("a"), []uint64{1})
	})
}

func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(ctx context.Context, _ request) Verdict {
			<-ctx.Done()
			return Verdict{Err: ctx.Err()}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		o := run(t, log, send, nil)
		began := time.Now()
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("stopped after %v", d)
		}
		if got := log.lane("a"); got.Attempts != 0 {
			t.Errorf("a try cut short was counted: %+v", got)
		}
	})
}

// Whoever is told of a disabled endpoint during a stop may ask for the status
// and gets an answer or none, but is not locked up, and Run waits for it.
func TestStopDuringOnDisable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict { return Verdict{Outcome: Disable, Status: 410} })
		ep := log.add(endpoint("a"), 0)
		told := false
		asked := make(chan *Outbox, 1)
		o := run(t, log, send, func(c *Config) {
			c.OnDisable = func(ep record.Endpoint, _ string) {
				o := <-asked
				time.Sleep(time.Second)
				o.SetEndpoint(ep, from(ep, 0))
				o.Status("")
				told = true
			}
		})
		asked <- o.Outbox
		o.commit(ep.Stream, 1)
		synctest.Wait()
		if err := o.stop(); err != nil || !told {
			t.Errorf("stopped with %v, told %v", err, told)
		}
		if got := log.lane("a"); got.Attempts != 1 || got.Acked != 0 {
			t.Errorf("stored %+v", got)
		}
	})
}

func TestStopReportsCursorsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		log.saveErr = errors.New("disk full")
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		o := run(t, log, send, nil)
		if err := o.stop(); !errors.Is(err, log.saveErr) {
			t.Errorf("got %v", err)
		}
	})
}
