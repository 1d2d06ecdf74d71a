//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/instance"
)

// counter writes down who got a turn, and when.
type counter struct {
	t      *testing.T
	budget *instance.Budget
	began  time.Time
	mu     sync.Mutex
	turns  []string
}

func withBudget(t *testing.T, perSecond int, test func(*testing.T, *counter)) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{t: t, budget: instance.NewBudget(perSecond), began: time.Now()}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.budget.Run(ctx) }()
		test(t, c)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// ask waits for a dial in the background, behind those that asked before.
func (c *counter) ask(ctx context.Context, name string, urgent bool) {
	go func() {
		if err := dial(ctx, c.budget, urgent); err != nil {
			name += " " + err.Error()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.turns = append(c.turns, fmt.Sprintf("%s@%d", name, time.Since(c.began).Milliseconds()))
	}()
	synctest.Wait()
}

// dial passes the gates that a dial passes.
func dial(ctx context.Context, b *instance.Budget, urgent bool) error {
	err := b.Acquire(ctx, urgent)
	if err == nil && !urgent {
		var land func()
		if land, err = b.Pace(ctx); err == nil {
			land()
		}
	}
	return err
}

func (c *counter) want(turns ...string) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if got, want := strings.Join(c.turns, " "), strings.Join(turns, " "); got != want {
		c.t.Fatalf("turns %s, want %s", got, want)
	}
}

// TestBudgetPace lets one dial each interval, which is a fiftieth longer than the
// budget asks, in order, and saves none up.
func TestBudgetPace(t *testing.T) {
	withBudget(t, 20, func(t *testing.T, c *counter) {
		var want []string
		for n := range 30 {
			c.ask(t.Context(), fmt.Sprint(n), false)
			want = append(want, fmt.Sprintf("%d@%d", n, 51*n))
		}
		time.Sleep(29 * 51 * time.Millisecond)
		c.want(want...)
		time.Sleep(time.Minute)
		c.turns = nil
		c.began = time.Now()
		for n := range 3 {
			c.ask(t.Context(), fmt.Sprint(n), false)
		}
		time.Sleep(time.Second)
		c.want("0@0", "1@51", "2@102")
	})
}

func TestBudgetUrgentFirst(t *testing.T) {
	withBudget(t, 10, func(t *testing.T, c *counter) {
		for _, name := range []string{"a", "b", "c"} {
			c.ask(t.Context(), name, false)
		}
		time.Sleep(50 * time.Millisecond)
		c.ask(t.Context(), "now", true)
		c.ask(t.Context(), "too", true)
		time.Sleep(time.Second)
		c.want("a@0", "now@102", "too@204", "b@306", "c@408")
	})
}

// TestBudgetGivenUp takes no turn for somebody who has gone.
func TestBudgetGivenUp(t *testing.T) {
	withBudget(t, 1, func(t *testing.T, c *counter) {
		c.ask(t.Context(), "first", false)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		c.ask(ctx, "gone", false)
		c.ask(t.Context(), "last", false)
		time.Sleep(1020 * time.Millisecond)
		c.want("first@0", "gone context deadline exceeded@500", "last@1020")
		if err := c.budget.Acquire(ctx, true); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		c.ask(t.Context(), "after", false)
		time.Sleep(1020 * time.Millisecond)
		c.want("first@0", "gone context deadline exceeded@500", "last@1020", "after@2040")
	})
}

// TestBudgetInFlight: where logins take longer than the budget allows for, no more
// of them are begun than fit; one that hangs does not count for long, and a command
// waits for nobody.
func TestBudgetInFlight(t *testing.T) {
	withBudget(t, 10, func(t *testing.T, c *counter) {
		var flying, most, done atomic.Int64
		for range 100 {
			go func() {
				if c.budget.Acquire(t.Context(), false) != nil {
					return
				}
				land, err := c.budget.Pace(t.Context())
				if err != nil {
					return
				}
				if now := flying.Add(1); now > most.Load() {
					most.Store(now) // only one dials at a time
				}
				time.Sleep(1900 * time.Millisecond)
				flying.Add(-1)
				done.Add(1)
				land()
				land()
			}()
		}
		time.Sleep(10 * time.Second)
		asked := time.Now()
		if err := c.budget.Acquire(t.Context(), true); err != nil || time.Since(asked) > 300*time.Millisecond {
			t.Errorf("a command waited %v: %v", time.Since(asked), err)
		}
		time.Sleep(time.Minute)
		if most.Load() != 10 || done.Load() != 100 {
			t.Errorf("%d in flight at most, %d landed", most.Load(), done.Load())
		}
		// None of these lands; the first ten keep the last waiting for two seconds.
		for range 11 {
			go func() {
				if c.budget.Acquire(t.Context(), false) == nil {
					_, _ = c.budget.Pace(t.Context())
				}
				done.Add(1)
			}()
		}
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		if n := done.Load() - 100; n != 10 {
			t.Errorf("%d dials while ten hang", n)
		}
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		if n := done.Load() - 100; n != 11 {
			t.Errorf("%d dials two seconds after ten began to hang", n)
		}
	})
}

func TestBudgetOfNothing(t *testing.T) {
	for _, perSecond := range []int{0, -1} {
		withBudget(t, perSecond, func(t *testing.T, c *counter) {
			c.ask(t.Context(), "a", false)
			c.ask(t.Context(), "b", false)
			time.Sleep(1020 * time.Millisecond)
			c.want("a@0", "b@1020")
		})
	}
}

// TestBudgetFleet lets 5,000 instances ask in one moment, some of them for a
// command, while the disk delays what lies between a reconnect's two gates: by
// nothing, by a little, or by a stall of seconds now and then.
func TestBudgetFleet(t *testing.T) {
	const perSecond = 20
	for _, tt := range []struct {
		name  string
		delay func(n int) time.Duration
		least int // of dials in a minute
	}{
		{"fast", func(int) time.Duration { return 0 }, 1170},
		{"busy", func(n int) time.Duration { return time.Duration(n%7) * 10 * time.Millisecond }, 1170},
		{"stuck", func(int) time.Duration {
			return time.Until(time.Now().Truncate(4 * time.Second).Add(3 * time.Second))
		}, 900},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withBudget(t, perSecond, func(t *testing.T, c *counter) {
				ctx, cancel := context.WithCancel(t.Context())
				var dials []time.Time
				late := 0
				for n := range 5000 {
					go func() {
						urgent := n%50 == 0
						asked := time.Now()
						if urgent { // a command now and then
							asked = asked.Add(time.Duration(n) * 10 * time.Millisecond)
							time.Sleep(time.Until(asked))
						}
						if c.budget.Acquire(ctx, urgent) != nil {
							return
						}
						if !urgent {
							time.Sleep(tt.delay(n))
							land, err := c.budget.Pace(ctx)
							if err != nil {
								return
							}
							defer land()
						}
						c.mu.Lock()
						defer c.mu.Unlock()
						dials = append(dials, time.Now())
						if urgent && time.Since(asked) > time.Second/perSecond*2 {
							late++
						}
					}()
				}
				time.Sleep(time.Minute)
				cancel()
				time.Sleep(10 * time.Second) // for those whom the disk delays
				synctest.Wait()
				if len(dials) < tt.least || len(dials) > 1200 {
					t.Errorf("%d dials in a minute", len(dials))
				}
				for n := perSecond; n < len(dials); n++ {
					if d := dials[n].Sub(dials[n-perSecond]); d < time.Second {
						t.Fatalf("%d dials within %v", perSecond+1, d)
					}
				}
				if late > 0 {
					t.Errorf("%d commands waited for others", late)
				}
			})
		})
	}
}
