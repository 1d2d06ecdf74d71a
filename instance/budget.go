package instance

import (
	"context"
	"sync"
	"sync/atomic"
)

// Budget is the fleet's budget of dials: never more than so many in any second,
// at an even pace, those of a command first, the others in the order they came.
// Turns that nobody wants are not saved up.
//
// A reconnect passes two gates. It begins when its turn comes ([Budget.Acquire]);
// then its change of state is stored, which takes as long as the disk takes, and
// it dials when the second gate lets it ([Budget.Pace]). So what the far end sees
// keeps the pace whatever the disk does, and the first gate admits no more than
// the second has room for. A command's dial passes only the second.
//
// While the network is out of reach (see outage), the first gate admits a probe
// now and then and keeps everyone else waiting: a dial that must fail helps
// nobody, and would lengthen its connection's next wait.
type Budget struct {
	perSecond int
	lead      int64 // how many reconnects may wait at the second gate: enough for it while the disk stalls

	turns   chan struct{} // the first gate
	urgent  chan struct{} // the second gate
	normal  chan struct{} // likewise
	waiting atomic.Int64  // on normal
	outage  outage
}

// NewBudget makes a budget of so many dials a second.
func NewBudget(perSecond int) *Budget {
	perSecond = max(1, perSecond)
	return &Budget{
		perSecond: perSecond,
		lead:      2 * int64(perSecond),
		turns:     make(chan struct{}),
		urgent:    make(chan struct{}),
		normal:    make(chan struct{}),
		outage:    outage{over: make(chan struct{}, 1)},
	}
}

// Run gives out turns until ctx ends. It returns nil. It may be called once.
func (b *Budget) Run(ctx context.Context) error {
	var gates sync.WaitGroup
	gates.Go(func() { b.admit(ctx) })
	gates.Go(func() { b.release(ctx) })
	gates.Wait()
	return nil
}

// admit is the first gate.
func (b *Budget) admit(ctx context.Context) {
	p := newPace(b.perSecond)
	for p.wait(ctx) {
		if b.waiting.Load() >= b.lead {
			p.skip()
			continue
		}
		if !b.outage.sitOut(ctx) {
			return
		}
		waited, ok := take(ctx, b.turns, b.turns)
		if !ok {
			return
		}
		b.outage.probed()
		p.passed(waited)
	}
}

// release is the second gate.
func (b *Budget) release(ctx context.Context) {
	p := newPace(b.perSecond)
	for p.wait(ctx) {
		waited, ok := take(ctx, b.urgent, b.normal)
		if !ok {
			return
		}
		p.passed(waited)
	}
}

// take lets one pass, of first if anybody is there. waited says that nobody was
// at either.
func take(ctx context.Context, first, second <-chan struct{}) (waited, ok bool) {
	select {
	case <-first:
		return false, true
	default:
	}
	select {
	case <-second:
		return false, true
	default:
	}
	select {
	case <-ctx.Done():
		return true, false
	case <-first:
	case <-second:
	}
	return true, true
}

// Acquire implements [Dials].
func (b *Budget) Acquire(ctx context.Context, urgent bool) error {
	if urgent {
		return pass(ctx, b.urgent)
	}
	return pass(ctx, b.turns)
}

// Pace implements [Dials].
func (b *Budget) Pace(ctx context.Context) error {
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	return pass(ctx, b.normal)
}

// Report implements [Dials].
func (b *Budget) Report(reached bool) { b.outage.report(reached) }

func pass(ctx context.Context, gate chan<- struct{}) error {
	select {
	case gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
