//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The schedule of an event that is never taken, over its whole 72 hours.
func TestScheduleUpToTheHorizon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			if r.seq == 1 {
				return Verdict{Err: errDown}
			}
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		began := time.Now()
		o := run(t, log, send, func(c *Config) { c.Logger = lines.logger() })
		time.Sleep(time.Hour)
		o.commit(ep.Stream, 2)
		o.drained("", 71*time.Hour+time.Second)

		var tries []request
		for _, r := range send.requests() {
			if r.seq == 1 {
				tries = append(tries, r)
			}
		}
		schedule := DefaultSchedule()
		for i := range tries[1:] {
			gap, want := tries[i+1].at.Sub(tries[i].at), schedule[min(i, len(schedule)-1)]
			last := i == len(tries)-2
			if gap > want*12/10 || gap < want*8/10 && !last {
				t.Errorf("wait %d is %v, want %v ±20 %%", i+1, gap, want)
			}
		}
		if n := len(tries); n < 65 || n > 95 {
			t.Errorf("%d tries", n)
		}
		if last := tries[len(tries)-1].at.Sub(began); last != 72*time.Hour {
			t.Errorf("last try after %v", last)
		}
		dead := log.deadLetters()
		if len(dead) != 1 || dead[0].From != 1 || dead[0].To != 1 || dead[0].Reason != "undelivered: "+errDown.Error() {
			t.Errorf("dead letters %+v", dead)
		}
		equal(t, "the rest", send.seqs("a")[len(tries):], []uint64{2, 3})
		if r := send.requests()[len(tries)]; r.prev != 1 {
			t.Errorf("prev after the dead letter is %d: the receiver cannot see the gap", r.prev)
		}
		for phrase, want := range map[string]int{"postback failed": 1, "postback given up": 1, "postback delivered again": 1} {
			if n := strings.Count(lines.String(), phrase); n != want {
				t.Errorf("%q logged %d times, want %d", phrase, n, want)
			}
		}
		if strings.Contains(lines.String(), "hunter2") || strings.Contains(lines.String(), "/hook") {
			t.Errorf("the address is in the log:\n%s", lines.String())
		}
	})
}

func TestFailureIsLoggedWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		log, send := newFakeLog(), &fakeSender{}
		tries := 0
		send.set(func(context.Context, request) Verdict {
			if tries++; tries <= 4 {
				return Verdict{Err: errDown}
			}
			return Verdict{Status: 503}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		run(t, log, send, func(c *Config) { c.Logger = lines.logger() })
		time.Sleep(10 * time.Hour)
		if n := strings.Count(lines.String(), "postback failed"); n != 2 || !strings.Contains(lines.String(), "status 503") {
			t.Errorf("logged %d times:\n%s", n, lines.String())
		}
	})
}

func TestRetryAfterTakesThePlaceOfTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		waits := []time.Duration{time.Hour, time.Second, 17 * time.Second}
		tries := 0
		send.set(func(context.Context, request) Verdict {
			if tries++; tries <= len(waits) {
				return Verdict{Status: 503, RetryAfter: waits[tries-1]}
			}
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		o := run(t, log, send, nil)
		o.drained("", 2*time.Hour)
		got := send.requests()
		for i, want := range waits {
			if gap := got[i+1].at.Sub(got[i].at); gap != want {
				t.Errorf("wait %d is %v, want %v", i+1, gap, want)
			}
		}
	})
}

// A restarted daemon tries at once, and the horizon counts from the first try.
func TestRestartKeepsScheduleAndHorizon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		began := time.Now()
		o := run(t, log, send, nil)
		time.Sleep(10 * time.Hour)
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		stored := log.lane("a")
		if stored.Attempts < 10 || !stored.FirstAt.Equal(began) || stored.NextAt.Before(time.Now()) ||
			stored.LastError != errDown.Error() {
			t.Fatalf("stored %+v", stored)
		}
		n := len(send.requests())

		restarted := time.Now()
		o = run(t, log, send, nil)
		time.Sleep(time.Second)
		got := send.requests()
		if len(got) != n+1 || !got[n].at.Equal(restarted) {
			t.Fatalf("not tried at once: %v", got[n:])
		}
		st := o.Status(ep.Stream)[0]
		if st.Attempts != stored.Attempts+1 {
			t.Errorf("attempts %d after %d", st.Attempts, stored.Attempts)
		}
		if wait := st.NextAt.Sub(restarted); wait < 48*time.Minute || wait > 72*time.Minute {
			t.Errorf("the next wait is %v: the schedule began anew", wait)
		}
		time.Sleep(63 * time.Hour)
		dead := log.deadLetters()
		if len(dead) != 1 || dead[0].At.Sub(began) != 72*time.Hour {
			t.Errorf("dead letters %+v", dead)
		}
	})
}

func TestRetryNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		o := run(t, log, send, nil)
		time.Sleep(5 * time.Hour)
		n := len(send.requests())
		send.set(nil)
		o.Retry(ep.ID)
		o.drained("", 100*time.Millisecond)
		if got := len(send.requests()); got != n+1 {
			t.Errorf("%d requests after Retry", got-n)
		}
	})
}

func TestPanicFailsThatTryOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		log, send := newFakeLog(), &fakeSender{}
		tries := 0
		send.set(func(_ context.Context, r request) Verdict {
			if tries++; r.seq == 2 && tries < 4 {
				panic(errors.New("secret hunter2"))
			}
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 3)
		o := run(t, log, send, func(c *Config) { c.Logger = lines.logger() })
		time.Sleep(time.Second)
		if st := o.Status("")[0]; st.Attempts != 1 || !strings.Contains(st.LastError, "panicked") {
			t.Errorf("status %+v", st)
		}
		o.drained("", time.Minute)
		equal(t, "a", send.seqs("a"), []uint64{1, 2, 2, 2, 3})
		if strings.Contains(lines.String(), "hunter2") || !strings.Contains(lines.String(), "a try panicked") {
			t.Errorf("log:\n%s", lines.String())
		}
	})
}

// A receiver that is dead for longer than the horizon: giving up ends no row of
// failures, nor does a restart. An event a minute makes no try a minute, no line in
// the log and no dead letter.
func TestDeadForLongerThanTheHorizon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines logBuffer
		log, send := newFakeLog(), &fakeSender{answer: down}
		ep := log.add(endpoint("a"), 0)
		logs := func(c *Config) { c.Logger = lines.logger() }
		o := run(t, log, send, logs)
		hours := func(n int) (requests int) {
			before := len(send.requests())
			for range n * 60 {
				o.commit(ep.Stream, 1)
				time.Sleep(time.Minute)
			}
			return len(send.requests()) - before
		}
		hours(74)
		said := len(lines.String())
		if n := hours(3); n == 0 || n > 8 {
			t.Errorf("%d requests in three hours", n)
		}
		if lane := log.lane("a"); lane.Acked < 120 || lane.Step < 70 || lane.Attempts > 1 {
			t.Errorf("lane %+v", lane)
		}
		if more := lines.String()[said:]; strings.Contains(more, "postback failed") || strings.Count(more, "\n") > 4 {
			t.Errorf("logged\n%s", more)
		}
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		o = run(t, log, send, logs)
		if n := hours(3); n == 0 || n > 9 {
			t.Errorf("%d requests in three hours after a restart", n)
		}
		send.set(nil)
		o.drained("", 80*time.Minute)
		if lane := log.lane("a"); lane.Step != 0 {
			t.Errorf("lane %+v", lane)
		}
		if n := strings.Count(lines.String(), "postback delivered again"); n != 1 {
			t.Errorf("told %d times that it works again", n)
		}
	})
}

// All that a replay repeats is old. At its horizon one event alone is given up; a
// receiver that is dead does not get the rest in a rush.
func TestDeadReplayKeepsToTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{answer: down}
		ep := log.add(endpoint("a"), 100)
		log.commit(ep.Stream, 100)
		o := run(t, log, send, nil)
		o.replay(ep, ep.Stream, 1, 100)
		time.Sleep(73 * time.Hour)
		before := len(send.requests())
		time.Sleep(10 * time.Hour)
		if n := len(send.requests()) - before; n < 8 || n > 13 {
			t.Errorf("%d requests in ten hours", n)
		}
	})
}
