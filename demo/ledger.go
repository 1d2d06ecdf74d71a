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
	at     time.Time
}

// ledger notes what arrives and tells, in the order of seq, what has arrived on
// both ways. Its methods may be called from any goroutine.
type ledger struct {
	mu       sync.Mutex
	arrivals [2][]arrival           // guarded by mu
	first    [2]map[uint64]arrival  // guarded by mu; by seq
	lines    map[uint64]description // guarded by mu
	shown    uint64                 // guarded by mu; every row up to this seq is out
	row      func(seq uint64, d description, post, pub arrival)
	changed  chan struct{}
}

// description is what the PostBack said of an event.
type description struct {
	at    time.Time // when it was committed
	what  string
	cause string
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
		if !ok1 || !ok2 {
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

// complete reports whether everything up to seq has arrived on both ways.
func (l *ledger) complete(seq uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown >= seq
}

// verdict is what the ledger holds against the daemon.
type verdict struct {
	committed, transitions int
	posted, published      int
	signed                 int
	repeated               int
	faults                 []string
}

// judge compares what arrived with what the log says was committed: seqs
// without a gap, and which of them are transitions.
func (l *ledger) judge(committed []fsm.Transition, codes int) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(committed) + codes
	v := verdict{committed: n, transitions: len(committed), posted: len(l.arrivals[postBack]), published: len(l.arrivals[nats])}
	fault := func(format string, args ...any) { v.faults = append(v.faults, fmt.Sprintf(format, args...)) }

	for i := 1; i < len(committed); i++ {
		if committed[i].From != committed[i-1].To {
			fault("the log goes to state %d and on from state %d", committed[i-1].To, committed[i].From)
		}
	}
	for w, name := range []string{"PostBack", "NATS"} {
		seen := l.inOrder(way(w), name, &v, fault)
		for seq := uint64(1); seq <= uint64(n); seq++ {
			switch times := seen[seq]; {
			case times == 0:
				fault("%s: event %d is missing", name, seq)
			case times > 2:
				fault("%s: event %d came %d times", name, seq, times)
			}
		}
		if extra := len(seen) - n; extra > 0 {
			fault("%s: %d events that the log does not know", name, extra)
		}
	}
	slices.Sort(v.faults)
	return v
}

// inOrder checks the order of what came one way, and of PostBacks the signature
// and the predecessor. It answers how often each event came. l.mu is held.
func (l *ledger) inOrder(w way, name string, v *verdict, fault func(string, ...any)) map[uint64]int {
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
		if a.seq != order+1 {
			fault("%s: event %d came after event %d", name, a.seq, order)
		}
		order = a.seq
		if w != postBack {
			continue
		}
		if !a.signed {
			fault("PostBack: event %d is not signed by the instance's secret", a.seq)
		}
		if a.prev != a.seq-1 {
			fault("PostBack: event %d says that it follows event %d", a.seq, a.prev)
		}
	}
	return seen
}
