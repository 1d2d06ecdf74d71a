package outbox

import (
	"context"
	"sync/atomic"
)

// idleMost is how many goroutines wait for a try to make when there is none.
const idleMost = 64

// crew are the goroutines that make tries. One whose try has ended makes the
// next: a new goroutine would have to grow its stack first, which is a tenth of
// what a try costs.
type crew struct {
	shifts chan shift // closed when there will be no more
	idle   atomic.Int32
}

// shift is one try and its context.
type shift struct {
	ctx context.Context
	job *job
}

// assign has a try made.
func (o *Outbox) assign(s shift) {
	select {
	case o.crew.shifts <- s: // somebody waits for it
	default:
		o.group.Go(func() { o.labour(s) })
	}
}

// labour makes tries, until enough others wait for the next one.
func (o *Outbox) labour(s shift) {
	for {
		o.try(s.ctx, s.job)
		o.results <- s.job
		if o.crew.idle.Add(1) > idleMost {
			o.crew.idle.Add(-1)
			return
		}
		next, ok := <-o.crew.shifts
		o.crew.idle.Add(-1)
		if !ok {
			return
		}
		s = next
	}
}
