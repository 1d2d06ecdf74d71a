package devicestore

import "context"

// gate is a mutex for what waits for the disk or the owner: waiting for it ends
// with a context, and counts as waiting in a testing/synctest bubble.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

// enter waits for the gate. A free gate is entered even if ctx is over: what is
// behind it has the say.
func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	default:
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass waits for the gate for as long as it takes.
func (g gate) pass() { g <- struct{}{} }

func (g gate) leave() { <-g }
