//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// fleet is many reconnects, each with its own waits, against a far end that can
// be out of reach.
type outageFleet struct {
	budget  *instance.Budget
	mu      sync.Mutex
	away    bool
	refused int
	up      []time.Time
}

// connect dials until the far end is reached, and waits for wait after each
// failure.
func (f *outageFleet) connect(ctx context.Context, wait func(failures int) time.Duration) {
	for n := 0; ; n++ {
		if ctx.Err() != nil || dial(ctx, f.budget, false) != nil {
			return
		}
		f.mu.Lock()
		away := f.away
		if away {
			f.refused++
		} else {
			f.up = append(f.up, time.Now())
		}
		f.mu.Unlock()
		f.budget.Report(!away)
		if !away {
			return
		}
		time.Sleep(wait(n))
	}
}

func (f *outageFleet) set(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

func (f *outageFleet) counts() (refused, up int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refused, len(f.up)
}

// TestOutage keeps the fleet waiting while nobody gets through, but for a probe a
// second, and lets it come back at the budget's pace as soon as one does.
func TestOutage(t *testing.T) {
	for _, away := range []time.Duration{5 * time.Second, time.Minute, time.Hour} {
		t.Run(away.String(), func(t *testing.T) {
			withBudget(t, 500, func(t *testing.T, c *counter) {
				const n = 2000
				f := &outageFleet{budget: c.budget, away: true}
				for range n {
					go f.connect(t.Context(), func(int) time.Duration { return 2 * time.Second })
				}
				time.Sleep(away)
				refused, _ := f.counts()
				if limit := 20 + 2*int(away/time.Second); refused > limit {
					t.Errorf("%d dials were made in vain, at most %d are needed", refused, limit)
				}
				f.set(false)
				back := time.Now()
				time.Sleep(3 * time.Second)
				synctest.Wait()
				_, some := f.counts()
				if some < n/4 || some > 3*500 {
					t.Errorf("%d are up after 3 s", some)
				}
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if _, up := f.counts(); up != n {
					t.Fatalf("%d of %d are up 8 s later", up, n)
				}
				for i := 500; i < n; i++ {
					if d := f.up[i].Sub(f.up[i-500]); d < time.Second {
						t.Fatalf("501 dials within %v", d)
					}
				}
				if d := f.up[n-1].Sub(back); d > 8*time.Second {
					t.Errorf("all are up after %v", d)
				}
			})
		})
	}
}

// TestOutageOfOne lets a connection in trouble alone keep its own waits, and
// others come up beside it.
func TestOutageOfOne(t *testing.T) {
	withBudget(t, 20, func(t *testing.T, c *counter) {
		ill := &outageFleet{budget: c.budget, away: true}
		ctx, cancel := context.WithCancel(t.Context())
		go ill.connect(ctx, func(n int) time.Duration { return time.Second << min(n, 6) })
		well := &outageFleet{budget: c.budget}
		for range 100 {
			time.Sleep(10 * time.Second)
			began := time.Now()
			well.connect(t.Context(), nil)
			if d := time.Since(began); d > 3*time.Second {
				t.Fatalf("waited %v behind one that is ill", d)
			}
		}
		cancel()
		time.Sleep(2 * time.Minute)
	})
}

// TestOutageCommands lets commands dial whatever the others wait for, and one
// that gets through ends the wait.
func TestOutageCommands(t *testing.T) {
	withBudget(t, 20, func(t *testing.T, c *counter) {
		f := &outageFleet{budget: c.budget, away: true}
		for range 100 {
			go f.connect(t.Context(), func(int) time.Duration { return time.Hour })
		}
		time.Sleep(20 * time.Second)
		f.set(false)
		began := time.Now()
		if err := c.budget.Acquire(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d > time.Second/10 {
			t.Errorf("a command waited %v", d)
		}
		c.budget.Report(true)
		time.Sleep(time.Second)
		synctest.Wait()
		if _, up := f.counts(); up < 15 {
			t.Errorf("%d are up a second after a command got through", up)
		}
		time.Sleep(2 * time.Hour)
	})
}

// TestReports tells the budget how each dial ended, and nothing of one that was
// given up.
func TestReports(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		want := func(reached, failed int32) {
			t.Helper()
			synctest.Wait()
			if got := [2]int32{r.dials.reached.Load(), r.dials.failed.Load()}; got != [2]int32{reached, failed} {
				t.Fatalf("%d reached and %d failed, want %d and %d", got[0], got[1], reached, failed)
			}
		}
		r.unreachable()
		r.start(newRecord(fsm.Authenticated), newSession())
		want(0, 1)
		time.Sleep(r.wait())
		want(0, 2)
		r.driver.mu.Lock()
		r.driver.prepare = nil
		r.driver.mu.Unlock()
		time.Sleep(r.wait())
		synctest.Wait()
		r.command("close") // while it dials
		want(0, 2)
		r.command("restore")
		r.authenticated()
		want(1, 2)
		r.command("close")
		r.command("restore")
		time.Sleep(r.timing.Dial) // nobody answers
		want(1, 3)
	})
}
