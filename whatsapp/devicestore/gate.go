package devicestore

import (
	"context"
	"slices"
	"sync"
)

// gate is a mutex for what waits for the disk or the owner: waiting for it ends
// with a context, and counts as waiting in a testing/synctest bubble. It is
// passed in the order of arrival. The zero gate is free and allocates nothing
// until somebody waits.
type gate struct {
	mu      sync.Mutex
	taken   bool            // guarded by mu
	waiting []chan struct{} // closed when the gate is theirs; guarded by mu
}

// enter waits for the gate. A free gate is entered even if ctx is over: what is
// behind it has the say.
func (g *gate) enter(ctx context.Context) error {
	turn := g.queue()
	if turn == nil {
		return nil
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	if i := slices.Index(g.waiting, turn); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		g.mu.Unlock()
		return ctx.Err()
	}
	g.mu.Unlock()
	return nil // it was handed over meanwhile
}

// pass waits for the gate for as long as it takes.
func (g *gate) pass() {
	if turn := g.queue(); turn != nil {
		<-turn
	}
}

// queue takes the gate and returns nil, or a place in the queue.
func (g *gate) queue() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.taken {
		g.taken = true
		return nil
	}
	turn := make(chan struct{})
	g.waiting = append(g.waiting, turn)
	return turn
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.taken, g.waiting = false, nil
		return
	}
	close(g.waiting[0])
	g.waiting = slices.Delete(g.waiting, 0, 1)
}
