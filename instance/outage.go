package instance

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// outageAfter is how many dials in a row must fail, in the whole fleet, for
	// the network to be out of reach.
	outageAfter = 10
	// probeEvery is the wait between two probes, give or take half of it: one
	// dial a second for the whole fleet, however large.
	probeEvery = time.Second
)

// outage tells a network that is out of reach from a connection that is in
// trouble: dials fail one after another, whoever makes them. The first dial that
// succeeds ends it. Its methods may be called from any goroutine, sitOut and
// probed from one.
type outage struct {
	over chan struct{} // of one: the outage has ended

	mu     sync.Mutex
	failed int       // guarded by mu; dials in a row
	next   time.Time // guarded by mu; not before then the next probe
}

func (o *outage) report(reached bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !reached {
		o.failed++
		return
	}
	if o.failed >= outageAfter {
		select {
		case o.over <- struct{}{}:
		default:
		}
	}
	o.failed = 0
}

// sitOut waits until a reconnect makes sense: at once but in an outage, where it
// waits for the next probe, or the end. It answers false when ctx ended first.
func (o *outage) sitOut(ctx context.Context) bool {
	for {
		select {
		case <-o.over: // of an outage before
		default:
		}
		wait := o.untilProbe()
		if wait <= 0 {
			return true
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-o.over:
		case <-ctx.Done():
		}
		t.Stop()
		if ctx.Err() != nil {
			return false
		}
	}
}

func (o *outage) untilProbe() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed < outageAfter {
		return 0
	}
	return time.Until(o.next)
}

// probed notes that a reconnect begins.
func (o *outage) probed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = time.Now().Add(probeEvery/2 + rand.N(probeEvery)) //nolint:gosec // jitter is no secret
}
