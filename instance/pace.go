package instance

import (
	"context"
	"time"
)

const (
	// slack is by how much passes are further apart than they need to be, one
	// part in so many: a dial leaves a little after its pass, some later than
	// others, and the far end shall not count more in any second either.
	slack = 50
	// catchUp bounds how much of the time in which passes were late, because the
	// machine was busy, is made good by passes close together.
	catchUp = 100 * time.Millisecond
)

// pace spreads passes evenly over time: never more than so many in any second. It
// belongs to one goroutine.
type pace struct {
	every  time.Duration
	due    time.Time
	recent []time.Time // the last passes, a ring of a second's
	oldest int         // in recent
	timer  *time.Timer
}

func newPace(perSecond int) *pace {
	return &pace{
		every:  (time.Second + time.Second/slack) / time.Duration(perSecond),
		due:    time.Now(),
		recent: make([]time.Time, perSecond),
		timer:  time.NewTimer(0),
	}
}

// wait waits until the next may pass. It answers false when ctx ended first.
func (p *pace) wait(ctx context.Context) bool {
	select {
	case <-p.timer.C:
		return true
	case <-ctx.Done():
		p.timer.Stop()
		return false
	}
}

// passed notes that one has passed just now. idle says that nobody was there
// when it could have been: the time until then is not made good.
func (p *pace) passed(idle bool) {
	now := time.Now()
	p.recent[p.oldest] = now
	p.oldest = (p.oldest + 1) % len(p.recent)
	if idle {
		p.due = now
	}
	p.due = later(p.due.Add(p.every), now.Add(-catchUp))
	p.timer.Reset(time.Until(later(p.due, p.recent[p.oldest].Add(time.Second))))
}

// skip lets an interval go by.
func (p *pace) skip() {
	p.due = time.Now().Add(p.every)
	p.timer.Reset(p.every)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
