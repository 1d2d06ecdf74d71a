package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// mark waits for a line.
type mark struct {
	text string
	seen chan struct{}
	once sync.Once
}

func newMark(text string) *mark { return &mark{text: text, seen: make(chan struct{})} }

func (m *mark) line(s string) {
	if strings.Contains(s, m.text) {
		m.once.Do(func() { close(m.seen) })
	}
}

// tally is how many connections are up, as the process under test says.
type tally struct {
	mu      sync.Mutex
	up      int           // guarded by mu
	changed chan struct{} // guarded by mu; closed at the next change
}

func newTally() *tally { return &tally{changed: make(chan struct{})} }

func (t *tally) add(d int) { t.change(func(up int) int { return up + d }) }
func (t *tally) set(n int) { t.change(func(int) int { return n }) }

func (t *tally) change(to func(int) int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.up = to(t.up)
	close(t.changed)
	t.changed = make(chan struct{})
}

// reach waits until ok likes the tally, and answers when it did.
func (t *tally) reach(ctx context.Context, p *process, what string, ok func(up int) bool) (time.Time, error) {
	for {
		t.mu.Lock()
		up, changed := t.up, t.changed
		t.mu.Unlock()
		if ok(up) {
			return time.Now(), nil
		}
		select {
		case <-changed:
		case <-p.exited:
			return time.Time{}, p.gone()
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for %s of %s, with %d connections up: %w", what, p.name, up, context.Cause(ctx))
		}
	}
}
