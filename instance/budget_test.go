//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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

// ask waits for a turn in the background, behind those that asked before.
func (c *counter) ask(ctx context.Context, name string, urgent bool) {
	go func() {
		if err := c.budget.Acquire(ctx, urgent); err != nil {
			name += " " + err.Error()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.turns = append(c.turns, fmt.Sprintf("%s@%d", name, time.Since(c.began).Milliseconds()))
	}()
	synctest.Wait()
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

// TestBudgetPace gives out exactly one turn each interval, in order, and saves
// none up.
func TestBudgetPace(t *testing.T) {
	withBudget(t, 20, func(t *testing.T, c *counter) {
		var want []string
		for n := range 30 {
			c.ask(t.Context(), fmt.Sprint(n), false)
			want = append(want, fmt.Sprintf("%d@%d", n, 50*n))
		}
		time.Sleep(29 * 50 * time.Millisecond)
		c.want(want...)
		time.Sleep(time.Minute)
		c.turns = nil
		c.began = time.Now()
		for n := range 3 {
			c.ask(t.Context(), fmt.Sprint(n), false)
		}
		time.Sleep(time.Second)
		c.want("0@0", "1@50", "2@100")
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
		c.want("a@0", "now@100", "too@200", "b@300", "c@400")
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
		time.Sleep(time.Second)
		c.want("first@0", "gone context deadline exceeded@500", "last@1000")
		if err := c.budget.Acquire(ctx, true); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		c.ask(t.Context(), "after", false)
		time.Sleep(time.Second)
		c.want("first@0", "gone context deadline exceeded@500", "last@1000", "after@2000")
	})
}

func TestBudgetOfNothing(t *testing.T) {
	for _, perSecond := range []int{0, -1} {
		withBudget(t, perSecond, func(t *testing.T, c *counter) {
			c.ask(t.Context(), "a", false)
			c.ask(t.Context(), "b", false)
			time.Sleep(time.Second)
			c.want("a@0", "b@1000")
		})
	}
}

// TestBudgetFleet lets 5,000 instances ask in one moment.
func TestBudgetFleet(t *testing.T) {
	withBudget(t, 20, func(t *testing.T, c *counter) {
		for n := range 5000 {
			go func() {
				_ = c.budget.Acquire(t.Context(), n%10 == 0)
				c.mu.Lock()
				defer c.mu.Unlock()
				c.turns = append(c.turns, "x")
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		c.mu.Lock()
		n := len(c.turns)
		c.mu.Unlock()
		if n != 1201 {
			t.Fatalf("%d turns in a minute", n)
		}
		time.Sleep(time.Hour)
	})
}
