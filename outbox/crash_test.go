//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the randomised test; 0: a new one")

// world outlives the daemon: the disk, and what each endpoint has seen. It
// checks every request against what the package promises.
type world struct {
	*fakeLog
	t   *testing.T
	rng func(n int) int

	mu       sync.Mutex
	acked    map[string]map[uint64]bool // acknowledgements that reached the outbox
	repeats  map[string]int             // of those, sent again since the last crash
	before   map[string]map[uint64]bool // acked at the last crash
	underWay map[string]int
	requests int
	lossy    int // per cent of requests that fail
}

func newWorld(t *testing.T, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	w := &world{
		fakeLog: newFakeLog(), t: t, lossy: 15,
		rng: func(n int) int {
			mu.Lock()
			defer mu.Unlock()
			return rng.IntN(n)
		},
		acked:    make(map[string]map[uint64]bool),
		before:   make(map[string]map[uint64]bool),
		repeats:  make(map[string]int),
		underWay: make(map[string]int),
	}
	w.saveDelay = func() time.Duration { return time.Duration(w.rng(60)) * time.Millisecond }
	return w
}

func carried(_ *record.Endpoint, ev *record.Event) bool { return ev.Kind == kind }

// arrive checks a request that reaches a receiver.
func (w *world) arrive(ep record.Endpoint, prev, seq uint64) {
	id := ep.ID
	w.requests++
	if w.underWay[id]++; w.underWay[id] > 1 {
		w.t.Errorf("%s: two requests under way", id)
	}
	disk := w.lane(id)
	if seq <= disk.Acked {
		w.t.Errorf("%s: %d sent although %d is on disk", id, seq, disk.Acked)
	}
	// Were we to crash now, these would be sent again.
	again := map[uint64]bool{seq: true}
	for x := range w.acked[id] {
		if x > disk.Acked {
			again[x] = true
		}
	}
	if len(again) > 2 {
		w.t.Errorf("%s: a crash now repeats %v, cursor %d", id, again, disk.Acked)
	}
	dead := make(map[uint64]bool)
	for _, d := range w.deadLetters() {
		if d.Endpoint == id {
			for x := d.From; x <= d.To; x++ {
				dead[x] = true
			}
		}
	}
	var last uint64
	w.set(func() {
		for _, e := range w.events[ep.Stream] {
			if e.Seq >= seq || !carried(&ep, &e) {
				continue
			}
			last = e.Seq
			if !w.acked[id][e.Seq] && !dead[e.Seq] {
				w.t.Errorf("%s: %d sent before %d", id, seq, e.Seq)
			}
		}
	})
	if prev != last {
		w.t.Errorf("%s: %d has prev %d, want %d", id, seq, prev, last)
	}
	if w.before[id][seq] {
		delete(w.before[id], seq)
		if w.repeats[id]++; w.repeats[id] > 2 {
			w.t.Errorf("%s: %d requests repeated after one crash", id, w.repeats[id])
		}
	}
}

// crash is the moment of kill -9.
func (w *world) crash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, seqs := range w.acked {
		w.before[id] = make(map[uint64]bool)
		for seq := range seqs {
			w.before[id][seq] = true
		}
		w.repeats[id] = 0
	}
}

// life is one run of the daemon on the world. Once it is dead nothing it does
// reaches the world.
type life struct {
	*world
	dead atomic.Bool
}

func (l *life) SaveLanes(ctx context.Context, lanes []record.Lane, dead []record.DeadLetter) error {
	if d := l.saveDelay(); d > 0 {
		time.Sleep(d)
	}
	if l.dead.Load() || l.rng(20) == 0 {
		return errors.New("disk full")
	}
	l.set(func() {
		for _, lane := range lanes {
			l.put(lane)
		}
		l.fakeLog.dead = append(l.fakeLog.dead, dead...)
	})
	if l.rng(20) == 0 {
		return errors.New("outcome unknown") // written, and not told so
	}
	return nil
}

func (l *life) Send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event) Verdict {
	ev := events[0]
	if l.dead.Load() {
		return Verdict{Err: errDown}
	}
	l.mu.Lock()
	l.arrive(*ep, prev, ev.Seq)
	fails := l.rng(100) < l.lossy || ev.Seq%29 == 0 // some are never taken
	l.mu.Unlock()
	if l.rng(200) == 0 {
		l.leave(ep.ID)
		panic("an encoder")
	}
	select {
	case <-time.After(time.Duration(l.rng(80)) * time.Millisecond):
	case <-ctx.Done():
		fails = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay[ep.ID]--
	if fails || l.dead.Load() {
		return Verdict{Err: errDown}
	}
	if l.acked[ep.ID] == nil {
		l.acked[ep.ID] = make(map[uint64]bool)
	}
	l.acked[ep.ID][ev.Seq] = true
	return Verdict{Outcome: Delivered, Status: 200}
}

func (l *life) leave(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay[id]--
}

// live runs a daemon for a while among random events and changes, then kills
// it, or lets it finish.
func (w *world) live(span time.Duration, finish bool) {
	l := &life{world: w}
	o := New(Config{
		Log: l, Sender: l, Carries: carried, MaxInFlight: 6, PerOrigin: 3,
		Schedule: []time.Duration{100 * time.Millisecond, time.Second}, Horizon: 2 * time.Second,
		StopWait: time.Millisecond,
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- o.Run(ctx) }()
	for end := time.Now().Add(span); time.Now().Before(end); {
		time.Sleep(time.Duration(w.rng(40)) * time.Millisecond)
		ep := w.endpoints[w.rng(len(w.endpoints))]
		switch w.rng(12) {
		case 0:
			ep.URL = fmt.Sprintf("https://r%d.example/", w.rng(4))
			o.SetEndpoint(ep, from(ep, 0))
		case 1:
			o.Retry(ep.ID)
		case 2:
			w.commitKind(ep.Stream, record.QRIssued, 1+w.rng(3))
			o.Notify(ep.Stream)
		default:
			w.commit(ep.Stream, 1+w.rng(3))
			o.Notify(ep.Stream)
		}
	}
	if finish {
		drain, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		if err := o.WaitDrained(drain, ""); err != nil {
			w.t.Errorf("not drained: %v: %+v", err, o.Status(""))
		}
	} else {
		l.dead.Store(true)
		w.crash()
	}
	cancel()
	if err := <-done; err != nil && finish {
		w.t.Logf("stopped: %v", err)
	}
	w.mu.Lock()
	clear(w.underWay)
	w.mu.Unlock()
}

// Many crashes in a row, at any moment: every event arrives or becomes a dead
// letter, in order, and a crash repeats at most two requests of a lane.
func TestCrashesRepeatAtMostTwoAndLoseNothing(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	for round := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, seed+round)
			for i := range 8 {
				w.add(at(fmt.Sprintf("r%d-", i%4), i), 0)
			}
			for range 15 {
				w.live(time.Duration(w.rng(2000))*time.Millisecond, false)
			}
			w.lossy = 0
			w.live(time.Second, true)
			given := 0
			for _, ep := range w.endpoints {
				dead := make(map[uint64]bool)
				for _, d := range w.deadLetters() {
					if d.Endpoint == ep.ID {
						for x := d.From; x <= d.To; x++ {
							dead[x] = true
						}
						given++
					}
				}
				for _, e := range w.events[ep.Stream] {
					if carried(nil, &record.Event{Kind: e.Kind}) && !w.acked[ep.ID][e.Seq] && !dead[e.Seq] {
						t.Errorf("%s: %d is lost", ep.ID, e.Seq)
					}
				}
			}
			t.Logf("%d requests, %d given up", w.requests, given)
		})
	}
}
