package demo

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// way is one of the two ways that events leave the daemon by.
type way int

const (
	postBack way = 0
	nats     way = 1
)

// arrival is one event seen at the end of a way.
type arrival struct {
	seq    uint64
	prev   uint64
	signed bool
	text   bool // it says what was written in a message
	at     time.Time
}

// entry is one event of the log.
type entry struct {
	transition *fsm.Transition // nil for the rest
	message    string          // what it says of a message, as a promise names it
	carried    bool            // whether the webhook's format has a form for it
}

// promise is what the log must say of a message, once.
type promise struct {
	message string // kind, type and id
	what    string // for people
}

// ledger notes what arrives and tells, in the order of seq, what has arrived on
// every way that it goes by. Its methods may be called from any goroutine.
type ledger struct {
	mu       sync.Mutex
	arrivals [2][]arrival           // guarded by mu
	first    [2]map[uint64]arrival  // guarded by mu; by seq
	lines    map[uint64]description // guarded by mu
	shown    uint64                 // guarded by mu; every row up to this seq is out
	promises []promise              // guarded by mu
	row      func(seq uint64, d description, post, pub arrival)
	changed  chan struct{}
}

// description is what NATS said of an event.
type description struct {
	at      time.Time // when it was committed
	what    string
	cause   string
	carried bool // a PostBack tells of it, too
}

// promise holds the log to a message.
func (l *ledger) promise(p promise) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promises = append(l.promises, p)
}

func newLedger(row func(uint64, description, arrival, arrival)) *ledger {
	return &ledger{
		first:   [2]map[uint64]arrival{{}, {}},
		lines:   make(map[uint64]description),
		row:     row,
		changed: make(chan struct{}, 1),
	}
}

func (l *ledger) note(w way, a arrival, d *description) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrivals[w] = append(l.arrivals[w], a)
	if _, again := l.first[w][a.seq]; !again {
		l.first[w][a.seq] = a
	}
	if d != nil {
		l.lines[a.seq] = *d
	}
	for {
		next := l.shown + 1
		post, ok1 := l.first[postBack][next]
		pub, ok2 := l.first[nats][next]
		if !ok2 || !ok1 && l.lines[next].carried {
			break
		}
		l.shown = next
		l.row(next, l.lines[next], post, pub)
	}
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// complete reports whether everything up to seq has arrived on its ways.
func (l *ledger) complete(seq uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown >= seq
}

// verdict is what the ledger holds against the daemon.
type verdict struct {
	committed, transitions int
	carried, messages      int
	posted, published      int
	signed                 int
	repeated               int
	faults                 []string
}

// judge compares what arrived with what the log says was committed: events
// without a gap, each of which goes out on NATS, and by PostBack if it is carried.
func (l *ledger) judge(committed []entry) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := verdict{committed: len(committed), posted: len(l.arrivals[postBack]), published: len(l.arrivals[nats])}
	fault := func(format string, args ...any) { v.faults = append(v.faults, fmt.Sprintf(format, args...)) }

	before := make(map[uint64]uint64) // by seq of what is carried: the one carried before
	told := make(map[string]int)
	var state *fsm.State
	var last uint64
	for i, e := range committed {
		if t := e.transition; t != nil {
			v.transitions++
			if state != nil && t.From != *state {
				fault("the log goes to state %d and on from state %d", *state, t.From)
			}
			state = &t.To
		}
		if e.message != "" {
			v.messages++
			told[e.message]++
		}
		if e.carried {
			v.carried++
			before[uint64(i+1)] = last
			last = uint64(i + 1)
		}
	}
	for _, p := range l.promises {
		if n := told[p.message]; n != 1 {
			fault("the log tells %d times of %s", n, p.what)
		}
	}
	for w, name := range []string{"PostBack", "NATS"} {
		due := func(seq uint64) bool { return seq >= 1 && seq <= uint64(len(committed)) }
		if way(w) == postBack {
			due = func(seq uint64) bool {
				_, ok := before[seq]
				return ok
			}
		}
		seen := l.inOrder(way(w), name, before, &v, fault)
		for seq := uint64(1); seq <= uint64(len(committed)); seq++ {
			switch times := seen[seq]; {
			case times == 0 && due(seq):
				fault("%s: event %d is missing", name, seq)
			case times > 2:
				fault("%s: event %d came %d times", name, seq, times)
			}
		}
		for seq := range seen {
			if !due(seq) {
				fault("%s: event %d is one that the log does not know, or that does not go there", name, seq)
			}
		}
	}
	slices.Sort(v.faults)
	return v
}

// inOrder checks the order of what came one way, and of PostBacks the signature
// and the predecessor. It answers how often each event came. l.mu is held.
func (l *ledger) inOrder(w way, name string, before map[uint64]uint64, v *verdict, fault func(string, ...any)) map[uint64]int {
	seen := make(map[uint64]int)
	order := uint64(0)
	for _, a := range l.arrivals[w] {
		if a.signed {
			v.signed++
		}
		seen[a.seq]++
		if seen[a.seq] > 1 {
			v.repeated++
			continue
		}
		if a.seq <= order {
			fault("%s: event %d came after event %d", name, a.seq, order)
		}
		order = a.seq
		if a.text {
			fault("%s: event %d says what was written, which nobody asked for", name, a.seq)
		}
		if w != postBack {
			continue
		}
		if !a.signed {
			fault("PostBack: event %d is not signed by the instance's secret", a.seq)
		}
		if prev, ok := before[a.seq]; ok && a.prev != prev {
			fault("PostBack: event %d says that it follows event %d, not %d", a.seq, a.prev, prev)
		}
	}
	return seen
}
