package outbox

import (
	"math/rand/v2"
	"time"
)

// DefaultSchedule is the design's: soon, then ever more rarely, then hourly.
func DefaultSchedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute,
		10 * time.Minute, 30 * time.Minute, time.Hour,
	}
}

// delay is the wait after the given number of failed tries, 1 or more: the
// schedule's, within ±20 %, so that lanes which failed together do not come
// back together.
func delay(schedule []time.Duration, attempts int) time.Duration {
	d := schedule[min(attempts, len(schedule))-1]
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // spreads tries, guards nothing
}
