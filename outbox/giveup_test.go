//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

func runsOf(dead []record.DeadLetter) (out []string) {
	for _, d := range dead {
		out = append(out, fmt.Sprintf("%d-%d%s", d.From, d.To, d.Replay))
	}
	slices.Sort(out)
	return out
}

func (e *ear) gaveUp() (out []span) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.got {
		if h.Kind == record.EndpointGaveUp {
			out = append(out, span{h.From, h.To})
		}
	}
	return out
}

// What a dead receiver does not get is one dead letter, which grows; of that it is
// told about once a minute, in the log too, and what is told leaves nothing out.
func TestDeadReceiverMakesOneDeadLetter(t *testing.T) {
	for name, paused := range map[string]string{"failing": "", "paused": "by an operator"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var news ear
				var lines logBuffer
				log, send := newFakeLog(), &fakeSender{answer: down}
				ep := endpoint("a")
				ep.Disabled = paused
				log.add(ep, 0)
				o := run(t, log, send, func(c *Config) {
					c.Horizon, c.OnHealth, c.Carries = time.Hour, news.hear, carried
					c.Logger = lines.logger()
				})
				for range 1000 {
					o.commit(ep.Stream, 1)
					o.log.commitKind(ep.Stream, record.QRIssued, 1) // not for it
					time.Sleep(10 * time.Second)
				}
				minutes := 1000*10/60 - 60
				synctest.Wait()
				if got := len(news.gaveUp()); got < 1 || got > minutes+2 {
					t.Errorf("told %d times in %d minutes", got, minutes)
				}
				time.Sleep(3 * time.Hour)
				synctest.Wait()
				equal(t, "dead letters", runsOf(log.deadLetters()), []string{"1-1999"})
				told := news.gaveUp()
				for i, s := range told {
					if i == 0 && s.from != 1 || i > 0 && s.from <= told[i-1].to || s.to < s.from {
						t.Errorf("told %v", told)
						break
					}
				}
				if told[len(told)-1].to != 1999 {
					t.Errorf("not all is told: %v", told[len(told)-1])
				}
				if n := strings.Count(lines.String(), "postback given up"); n != len(told) {
					t.Errorf("logged %d times, told %d times", n, len(told))
				}
			})
		})
	}
}

// A dead letter claims nothing that was delivered, and only one kind of reason;
// what an operator skips stands for itself, and what a restart finds.
func TestDeadLettersGrowByAdjacentRunsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var news ear
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(_ context.Context, r request) Verdict {
			if r.seq%3 == 0 {
				return Verdict{Outcome: Delivered}
			}
			return Verdict{Err: errDown}
		})
		ep := log.add(endpoint("a"), 0)
		cfg := func(c *Config) { c.Horizon, c.OnHealth = time.Hour, news.hear }
		o := run(t, log, send, cfg)
		for range 6 {
			o.commit(ep.Stream, 1)
			time.Sleep(5 * time.Hour)
		}
		o.commit(ep.Stream, 2) // 7 and 8
		time.Sleep(time.Minute)
		for range 2 {
			if _, err := o.Skip(t.Context(), "a", ep.Stream, ""); err != nil {
				t.Fatal(err)
			}
		}
		o.commit(ep.Stream, 1) // 9 goes, 10 not
		time.Sleep(5 * time.Hour)
		o.commit(ep.Stream, 1)
		time.Sleep(5 * time.Hour)
		ep.Disabled = "by an operator"
		o.SetEndpoint(ep)
		o.commit(ep.Stream, 1) // 11
		time.Sleep(10 * time.Hour)
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		log.set(func() { log.endpoints[0] = ep })
		o = run(t, log, send, cfg)
		o.commit(ep.Stream, 1) // 12
		time.Sleep(10 * time.Hour)
		equal(t, "dead letters", runsOf(log.deadLetters()), []string{"1-2", "10-10", "11-11", "12-12", "4-5", "7-7", "8-8"})
		equal(t, "told", news.gaveUp(), []span{{1, 1}, {2, 2}, {4, 4}, {5, 5}, {7, 7}, {8, 8}, {10, 10}, {11, 11}, {12, 12}})
	})
}

// What a replay has delivered, and so deleted, no live run brings back by growing;
// nor does a live run grow out of what a replay under way would delete.
func TestDeadLettersDoNotGrowOverAReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var news ear
		log, send := newFakeLog(), &fakeSender{answer: down}
		ep := log.add(endpoint("a"), 0)
		o := run(t, log, send, func(c *Config) { c.Horizon, c.OnHealth = time.Hour, news.hear })
		o.commit(ep.Stream, 5)
		time.Sleep(5 * time.Hour)
		equal(t, "dead letters", runsOf(log.deadLetters()), []string{"1-5"})
		o.replay(ep, ep.Stream, 1, 5)
		o.commit(ep.Stream, 1)
		time.Sleep(2 * time.Minute)
		if _, err := o.Skip(t.Context(), "a", ep.Stream, "again"); err != nil {
			t.Fatal(err)
		}
		send.set(func(_ context.Context, r request) Verdict {
			if r.seq <= 5 {
				return Verdict{Outcome: Delivered}
			}
			return Verdict{Err: errDown}
		})
		for range 3 { // lanes probe in turn
			o.Retry("a")
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Hour)
		o.commit(ep.Stream, 1)
		time.Sleep(5 * time.Hour)
		equal(t, "dead letters", runsOf(log.deadLetters()), []string{"1-1again", "6-7"})
	})
}

// While OnHealth is busy runs that do not follow each other stay apart.
func TestNewsClaimsNothingDelivered(t *testing.T) {
	n := newNews()
	gave := func(replay string, from, to uint64, follows bool) {
		n.add(&item{Health: Health{
			Endpoint: record.Endpoint{ID: "e"}, Kind: record.EndpointGaveUp, Stream: "s", From: from, To: to,
		}, replay: replay}, follows)
	}
	told := func(at time.Time) (out []string) {
		items, _, _ := n.take(at)
		for _, it := range items {
			out = append(out, fmt.Sprintf("%s%d-%d%s", map[bool]string{true: "", false: "!"}[it.Kind == record.EndpointGaveUp], it.From, it.To, it.replay))
		}
		return out
	}
	now := time.Now()
	gave("", 1, 1, false)
	gave("", 2, 3, true)
	gave("r", 1, 1, false)
	gave("", 5, 5, false)
	equal(t, "told", told(now), []string{"1-3", "1-1r", "5-5"})
	gave("", 6, 6, true)
	equal(t, "too soon", told(now.Add(59*time.Second)), nil)
	gave("", 7, 7, true)
	equal(t, "grown", told(now.Add(time.Minute)), []string{"6-7"})
	gave("", 8, 8, true)
	n.add(&item{Health: Health{Endpoint: record.Endpoint{ID: "e"}, Kind: record.EndpointRecovered}}, false)
	equal(t, "in order", told(now.Add(time.Minute)), []string{"8-8", "!0-0"})
	told(now.Add(time.Hour))
	if len(n.runs) != 0 {
		t.Errorf("%d runs are kept", len(n.runs))
	}
	for i := range uint64(mostNews + 5) {
		gave("", 2*i+20, 2*i+20, false)
	}
	if len(n.items) != mostNews || n.lost() != 5 || n.lost() != 0 {
		t.Errorf("%d wait", len(n.items))
	}
}
