package instance

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
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
// A reconnect that has dialled is in flight until it is usable or given up. No more
// than a second's dials are: where the machine or the far end cannot keep up with
// the budget, those who have not begun wait at the gates, and not in each other's
// way, nor in a command's. One that stays in flight for longer than flightLimit
// does not count any more, so that a few that hang hold up nobody.
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
	flying  atomic.Int64  // reconnects in flight
	landed  chan struct{} // of one: one of them is not any more
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
		landed:    make(chan struct{}, 1),
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
		select {
		case <-b.turns:
			p.passed(false)
		default:
			select {
			case <-b.turns:
				p.passed(true)
			case <-ctx.Done():
				return
			}
		}
		b.outage.probed()
	}
}

// release is the second gate.
func (b *Budget) release(ctx context.Context) {
	p := newPace(b.perSecond)
	for p.wait(ctx) {
		waited, ok := b.pick(ctx)
		if !ok {
			return
		}
		p.passed(waited)
	}
}

// pick lets one dial: a command's if there is any, otherwise a reconnect's if
// there is room in flight. waited says that nobody could when it began.
func (b *Budget) pick(ctx context.Context) (waited, ok bool) {
	for {
		select {
		case <-b.urgent:
			return waited, true
		default:
		}
		normal := b.normal
		if b.flying.Load() >= int64(b.perSecond) {
			normal = nil
		}
		select {
		case <-normal:
			b.flying.Add(1)
			return waited, true
		default:
			waited = true
		}
		select {
		case <-b.urgent:
			return true, true
		case <-normal:
			b.flying.Add(1)
			return true, true
		case <-b.landed:
		case <-ctx.Done():
			return true, false
		}
	}
}

// flightLimit is how long a reconnect in flight keeps others waiting.
const flightLimit = 2 * time.Second

// land takes one reconnect out of the air.
func (b *Budget) land() {
	b.flying.Add(-1)
	select {
	case b.landed <- struct{}{}:
	default:
	}
}

// Acquire implements [Dials].
func (b *Budget) Acquire(ctx context.Context, urgent bool) error {
	if urgent {
		return pass(ctx, b.urgent)
	}
	return pass(ctx, b.turns)
}

// Pace implements [Dials].
func (b *Budget) Pace(ctx context.Context) (land func(), err error) {
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	if err := pass(ctx, b.normal); err != nil {
		return nil, err
	}
	land = sync.OnceFunc(b.land)
	time.AfterFunc(flightLimit, land)
	return land, nil
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
