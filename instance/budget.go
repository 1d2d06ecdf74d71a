package instance

import (
	"context"
	"time"
)

// Budget is the fleet's budget of dials: at most one each interval, those of a
// command first, the others in the order they came.
type Budget struct {
	every  time.Duration
	urgent chan struct{}
	normal chan struct{}
}

// NewBudget makes a budget of so many dials a second.
func NewBudget(perSecond int) *Budget {
	return &Budget{
		every:  time.Second / time.Duration(max(1, perSecond)),
		urgent: make(chan struct{}),
		normal: make(chan struct{}),
	}
}

// Run gives out turns until ctx ends. It returns nil.
func (b *Budget) Run(ctx context.Context) error {
	pace := time.NewTimer(0)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pace.C:
		}
		select {
		case <-b.urgent:
		default:
			select {
			case <-ctx.Done():
				return nil
			case <-b.urgent:
			case <-b.normal:
			}
		}
		pace.Reset(b.every)
	}
}

// Acquire waits for a turn. It fails only with ctx's error.
func (b *Budget) Acquire(ctx context.Context, urgent bool) error {
	turns := b.normal
	if urgent {
		turns = b.urgent
	}
	select {
	case turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
