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

func TestNewAddressIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(endpoint("a"), 0)
		old := ep.URL
		send.set(func(_ context.Context, r request) Verdict {
			if r.ep.URL == old {
				return Verdict{Err: errDown}
			}
			return Verdict{Outcome: Delivered}
		})
		log.commit(ep.Stream, 3)
		o := run(t, log, send, nil)
		time.Sleep(50 * time.Hour)
		ep.URL = "https://new.example/"
		moved := time.Now()
		o.SetEndpoint(ep, from(ep, 99))
		o.drained("", time.Second)
		var got []uint64
		for _, r := range send.requests() {
			if r.ep.URL == ep.URL {
				got = append(got, r.seq)
				if r.seq == 1 && !r.at.Equal(moved) {
					t.Errorf("tried %v after the change", r.at.Sub(moved))
				}
			}
		}
		equal(t, "to the new address", got, upTo(3))
	})
}

// A new address, or an endpoint enabled again, has its 72 hours before it.
func TestNewAddressStartsTheHorizonAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		o := run(t, log, send, nil)
		time.Sleep(50 * time.Hour)
		ep.URL = "https://new.example/"
		o.SetEndpoint(ep, from(ep, 0))
		time.Sleep(time.Second)
		if st := o.Status("")[0]; st.Attempts != 1 {
			t.Errorf("%d attempts at the new address", st.Attempts)
		}
		time.Sleep(71 * time.Hour)
		if got := log.deadLetters(); len(got) != 0 {
			t.Fatalf("given up early: %v", got)
		}
		time.Sleep(time.Hour)
		if got := log.deadLetters(); len(got) != 1 {
			t.Fatalf("not given up: %v", got)
		}
	})
}

// What a request under way to the old address comes to is the old address's
// affair, unless it was delivered.
func TestAddressChangesDuringARequest(t *testing.T) {
	for name, tc := range map[string]struct {
		verdict Verdict
		ignores bool // the old receiver does not notice that it was cut short
		want    []uint64
	}{
		"cut short":             {Verdict{Err: context.Canceled}, false, []uint64{1, 1, 2}},
		"refused meanwhile":     {Verdict{Status: 500}, true, []uint64{1, 1, 2}},
		"gone meanwhile":        {Verdict{Outcome: Disable, Status: 410}, true, []uint64{1, 1, 2}},
		"delivered nonetheless": {Verdict{Outcome: Delivered}, true, []uint64{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, send := newFakeLog(), &fakeSender{}
				ep := log.add(endpoint("a"), 0)
				old := ep.URL
				send.set(func(ctx context.Context, r request) Verdict {
					if r.ep.URL != old {
						return Verdict{Outcome: Delivered}
					}
					if tc.ignores {
						ctx = context.WithoutCancel(ctx)
					}
					select {
					case <-ctx.Done():
					case <-time.After(10 * time.Second):
					}
					return tc.verdict
				})
				log.commit(ep.Stream, 2)
				disabled := false
				o := run(t, log, send, func(c *Config) {
					c.OnDisable = func(record.Endpoint, string) { disabled = true }
				})
				time.Sleep(time.Second)
				ep.URL = "https://new.example/"
				o.SetEndpoint(ep, from(ep, 0))
				o.drained("", time.Minute)
				equal(t, "requests", send.seqs("a"), tc.want)
				if disabled {
					t.Error("the old address's 410 disabled the new one")
				}
				if got := log.lane("a"); got.Attempts != 0 || got.Acked != 2 {
					t.Errorf("stored %+v", got)
				}
			})
		})
	}
}

func TestGoneDisables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(endpoint("a"), 0)
		send.set(func(_ context.Context, r request) Verdict {
			if r.seq == 2 {
				return Verdict{Outcome: Disable, Status: 410, Err: errors.New("post to https://a.example: status 410")}
			}
			return Verdict{Outcome: Delivered}
		})
		var mu sync.Mutex
		var told []string
		var o *running
		o = run(t, log, send, func(c *Config) {
			c.OnDisable = func(got record.Endpoint, reason string) {
				mu.Lock()
				told = append(told, got.URL+" "+reason)
				mu.Unlock()
				got.Disabled = reason
				o.SetEndpoint(got, from(got, 0)) // what the daemon does, once it is stored
				o.Status("")                     // and this must not lock up
			}
		})
		o.commit(ep.Stream, 3)
		time.Sleep(time.Hour)
		o.Retry(ep.ID) // does not enable
		o.commit(ep.Stream, 1)
		time.Sleep(time.Hour)
		equal(t, "while disabled", send.seqs("a"), []uint64{1, 2})
		mu.Lock()
		if len(told) != 1 || !strings.HasPrefix(told[0], ep.URL) || !strings.Contains(told[0], "410") {
			t.Errorf("told %v", told)
		}
		mu.Unlock()
		if st := o.Status("")[0]; st.Disabled == "" || st.Pending != 3 || !st.NextAt.IsZero() {
			t.Errorf("status %+v", st)
		}

		send.set(nil)
		o.SetEndpoint(ep, from(ep, 0)) // an operator enables it
		o.drained("", time.Second)
		equal(t, "afterwards", send.seqs("a"), []uint64{1, 2, 2, 3, 4})
	})
}

// A disabled endpoint's events are given up when they are as old as the
// horizon, each at its time.
func TestDisabledKeepsTheHorizon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := endpoint("a")
		ep.Disabled = "by an operator"
		log.add(ep, 0)
		o := run(t, log, send, func(c *Config) {
			c.Carries = func(_ *record.Endpoint, ev *record.Event) bool { return ev.Kind == kind }
		})
		began := time.Now()
		o.commit(ep.Stream, 2)                        // 1, 2 at 0 h
		log.commitKind(ep.Stream, record.QRIssued, 1) // 3, never carried
		time.Sleep(10 * time.Hour)                    //
		o.commit(ep.Stream, 1)                        // 4 at 10 h
		time.Sleep(62*time.Hour - time.Second)        // 72 h less a second
		if got := log.deadLetters(); len(got) != 0 {
			t.Fatalf("too early: %v", got)
		}
		time.Sleep(2 * time.Second)
		got := log.deadLetters()
		if len(got) != 1 || got[0].From != 1 || got[0].To != 2 || got[0].Reason != "disabled: by an operator" {
			t.Fatalf("at 72 h: %+v", got)
		}
		time.Sleep(10 * time.Hour)
		got = log.deadLetters()
		if len(got) != 1 || got[0].From != 1 || got[0].To != 4 || got[0].At.Sub(began) != 82*time.Hour {
			t.Fatalf("at 82 h: %+v", got)
		}
		if n := len(send.requests()); n != 0 {
			t.Errorf("%d requests to a disabled endpoint", n)
		}
		if lane := log.lane("a"); lane.Acked != 4 {
			t.Errorf("stored %+v", lane)
		}
	})
}

func TestRemoveEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(ctx context.Context, _ request) Verdict {
			<-ctx.Done()
			return Verdict{Err: ctx.Err()}
		})
		a, b := log.add(endpoint("a"), 0), log.add(endpoint("b"), 0)
		log.commit(a.Stream, 2)
		o := run(t, log, send, nil)
		time.Sleep(time.Second)
		o.RemoveEndpoint(a.ID)
		o.RemoveEndpoint(b.ID)
		o.drained("", time.Second)
		o.commit(a.Stream, 2)
		o.commit(b.Stream, 2)
		time.Sleep(time.Hour)
		equal(t, "requests", send.seqs("a"), []uint64{1})
		if len(o.Status("")) != 0 || len(log.savedAt()) != 0 {
			t.Errorf("status %v, %d saves", o.Status(""), len(log.savedAt()))
		}
		send.set(nil)
		o.SetEndpoint(a, from(a, 3)) // it comes back
		o.drained("", time.Second)
		equal(t, "requests", send.seqs("a"), []uint64{1, 4})
	})
}

func TestEndpointMovesToAnotherStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(endpoint("a"), 0)
		log.commit(ep.Stream, 1)
		log.commit("other", 3)
		o := run(t, log, send, nil)
		o.drained("", time.Second)
		ep.Stream = "other"
		o.SetEndpoint(ep, from(ep, 1))
		o.drained("", time.Second)
		equal(t, "requests", send.seqs("a"), []uint64{1, 2, 3})
	})
}
