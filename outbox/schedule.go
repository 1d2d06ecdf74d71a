package outbox

import (
	"math/rand/v2"
	"time"
)

const (
	defaultJitter = 20 // percent
	quickSteps    = 2  // of a schedule, which a slow verdict leaves out
)

// DefaultSchedule is the design's: soon, then ever more rarely, then hourly.
func DefaultSchedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute,
		10 * time.Minute, 30 * time.Minute, time.Hour,
	}
}

// wait is how long to wait after so many failed tries, 1 or more: what the
// receiver asks for, or the schedule's, a little shorter or longer, so that lanes
// which failed together do not come back together.
func (t *target) wait(attempts int, v Verdict) time.Duration {
	if v.RetryAfter > 0 {
		return v.RetryAfter
	}
	if v.Slow {
		attempts += quickSteps
	}
	d := float64(t.schedule[min(attempts, len(t.schedule))-1])
	spread := float64(t.jitter) / 100
	return time.Duration(d * (1 - spread + 2*spread*rand.Float64())) //nolint:gosec // spreads tries, guards nothing
}
