package greenapi

import (
	"sync"
	"time"
)

// picturePace is how often an account's picture may be set: a limit of WhatsApp's.
const picturePace = 10 * time.Second

// sweepLeast is with how many turns at least those that are over are looked for.
const sweepLeast = 1024

// pace lets each instance do a thing once in a while, and never twice at a time. It
// counts what has reached WhatsApp, from when it did; what failed before costs
// nothing. Any goroutine may use it.
type pace struct {
	every time.Duration

	mu    sync.Mutex
	turns map[int64]*turn // guarded by mu; of those that are under way, or were lately
	limit int             // guarded by mu; with so many turns those that are over go
}

// turn is an instance's present or last turn.
type turn struct {
	of    *pace
	busy  bool      // guarded by of.mu
	until time.Time // guarded by of.mu; when the next may begin; zero: nothing has reached WhatsApp
}

// enter begins a turn, or answers how long to wait for one.
func (p *pace) enter(id int64, now time.Time) (*turn, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.turns[id]
	switch {
	case t == nil:
		p.sweep(now)
		t = &turn{of: p}
		p.turns[id] = t
	case t.busy:
		return nil, p.every
	case t.until.After(now):
		return nil, t.until.Sub(now)
	}
	t.busy = true
	return t, 0
}

// spend says that the turn has reached WhatsApp, at now.
func (t *turn) spend(now time.Time) {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.until = now.Add(t.of.every)
}

// spare says that it has not after all.
func (t *turn) spare() {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.until = time.Time{}
}

// leave ends a turn.
func (p *pace) leave(id int64, t *turn, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.busy = false; !t.until.After(now) {
		delete(p.turns, id)
	}
}

// sweep drops the turns that are over. p.mu is held.
func (p *pace) sweep(now time.Time) {
	if p.turns == nil {
		p.turns, p.limit = make(map[int64]*turn), sweepLeast
	}
	if len(p.turns) < p.limit {
		return
	}
	for id, t := range p.turns {
		if !t.busy && !t.until.After(now) {
			delete(p.turns, id)
		}
	}
	p.limit = max(sweepLeast, 2*len(p.turns))
}
