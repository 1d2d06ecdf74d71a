//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the randomised test; 0: a new one")

// world outlives the daemon: the disk, and what each endpoint has seen. It
// checks every request against what the package promises. What is said of a lane
// here stands under its laneKey.
type world struct {
	*fakeLog
	t   *testing.T
	rng func(n int) int

	mu       sync.Mutex
	acked    map[string]map[uint64]bool // acknowledgements that reached the outbox
	asked    map[string][]span          // the requests that these were for, since the last crash
	before   map[string][]span          // those before it
	repeats  map[string]map[span]bool   // of those, sent again
	underWay map[string]int
	replays  map[string]record.Lane // by the key of the live lane
	given    map[string]map[uint64]bool
	requests map[string]int
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
		asked:    make(map[string][]span),
		before:   make(map[string][]span),
		repeats:  make(map[string]map[span]bool),
		underWay: make(map[string]int),
		replays:  make(map[string]record.Lane),
		given:    make(map[string]map[uint64]bool),
		requests: make(map[string]int),
	}
	w.saveDelay = func() time.Duration { return time.Duration(w.rng(60)) * time.Millisecond }
	return w
}

func carried(_ *record.Endpoint, ev *record.Event) bool { return ev.Kind == kind }

func covers(ep *record.Endpoint, stream string) bool {
	return ep.Tenant == "" || strings.HasPrefix(stream, "i-r1-")
}

// laneOfRequest tells a replay's requests from those of the live lane: it was
// begun behind the cursor on disk.
func (w *world) laneOfRequest(id, stream string, first uint64) (lane record.Lane, replay bool) {
	live := laneKey(record.Lane{Endpoint: id, Stream: stream})
	if r, ok := w.replays[live]; ok && first <= r.Until {
		return r, true
	}
	return record.Lane{Endpoint: id, Stream: stream}, false
}

// arrive checks a request that reaches a receiver.
func (w *world) arrive(ep record.Endpoint, prev uint64, events []*record.Event) string {
	stream, req := events[0].Stream, span{events[0].Seq, events[len(events)-1].Seq}
	lane, replay := w.laneOfRequest(ep.ID, stream, req.from)
	id := laneKey(lane)
	w.requests[map[bool]string{true: "replay", false: "live"}[replay]]++
	if len(events) > 1 {
		w.requests["batch"]++
	}
	if w.underWay[id]++; w.underWay[id] > 1 {
		w.t.Errorf("%s: two requests under way", id)
	}
	if ep.Bulk == nil && len(events) > 1 || ep.Bulk != nil && len(events) > ep.Bulk.Most {
		w.t.Errorf("%s: %d events in a request", id, len(events))
	}
	disk := w.laneOf(ep.ID, stream, lane.Replay)
	if req.from <= disk.Acked || replay && (req.from < lane.From || req.to > lane.Until) {
		w.t.Errorf("%s: %v sent although %d is on disk, replay %+v", id, req, disk.Acked, lane)
	}
	// Were we to crash now, these would be sent again.
	again := []span{req}
	for _, x := range w.asked[id] {
		if x.to > disk.Acked && x != req {
			again = append(again, x)
		}
	}
	if len(again) > 2 {
		w.t.Errorf("%s: a crash now repeats %v, cursor %d", id, again, disk.Acked)
	}
	w.checkOrder(id, lane, req, prev)
	for _, old := range w.before[id] {
		if old.to >= req.from && old.from <= req.to {
			if w.repeats[id] == nil {
				w.repeats[id] = make(map[span]bool)
			}
			w.repeats[id][old] = true
		}
	}
	if len(w.repeats[id]) > 2 {
		w.t.Errorf("%s: %v repeated after one crash", id, w.repeats[id])
	}
	return id
}

// checkOrder sees that everything before the request is done with, and that prev
// names the last of it.
func (w *world) checkOrder(id string, lane record.Lane, req span, prev uint64) {
	var last uint64
	w.set(func() {
		for _, e := range w.events[lane.Stream] {
			if e.Seq >= req.from || !carried(nil, &e) {
				continue
			}
			last = e.Seq
			if e.Seq >= lane.From && !w.acked[id][e.Seq] && !w.given[id][e.Seq] {
				w.t.Errorf("%s: %v sent before %d", id, req, e.Seq)
			}
		}
	})
	if prev != last {
		w.t.Errorf("%s: %v has prev %d, want %d", id, req, prev, last)
	}
}

// crash is the moment of kill -9.
func (w *world) crash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.asked = w.asked, make(map[string][]span)
	clear(w.repeats)
}

// life is one run of the daemon on the world. Once it is dead nothing it does
// reaches the world.
type life struct {
	*world
	dead atomic.Bool
}

func (l *life) SaveLanes(_ context.Context, lanes []record.Lane, dead []record.DeadLetter) error {
	if d := l.saveDelay(); d > 0 {
		time.Sleep(d)
	}
	if l.dead.Load() || l.rng(20) == 0 {
		return errors.New("disk full")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range dead {
		id := laneKey(record.Lane{Endpoint: d.Endpoint, Stream: d.Stream, Replay: d.Replay})
		for x := d.From; x <= d.To; x++ {
			mark(l.given, id, x)
		}
	}
	l.set(func() {
		for _, lane := range lanes {
			l.put(lane)
		}
		l.putDead(dead)
	})
	for _, lane := range lanes {
		live := laneKey(record.Lane{Endpoint: lane.Endpoint, Stream: lane.Stream})
		if lane.Ended && l.replays[live].Replay == lane.Replay {
			delete(l.replays, live)
			if lane.Stopped {
				l.requests["replays stopped"]++
				continue
			}
			l.requests["replays ended"]++
			l.checkReplayed(lane)
		}
	}
	if l.rng(20) == 0 {
		return errors.New("outcome unknown") // written, and not told so
	}
	return nil
}

// checkReplayed sees that a replay that has ended left nothing out.
func (w *world) checkReplayed(lane record.Lane) {
	id := laneKey(lane)
	w.set(func() {
		for _, e := range w.events[lane.Stream] {
			if e.Seq >= lane.From && e.Seq <= lane.Until && carried(nil, &e) && !w.acked[id][e.Seq] && !w.given[id][e.Seq] {
				w.t.Errorf("%s: %d was not replayed", id, e.Seq)
			}
		}
	})
}

func mark(m map[string]map[uint64]bool, id string, seq uint64) {
	if m[id] == nil {
		m[id] = make(map[uint64]bool)
	}
	m[id][seq] = true
}

func (l *life) Send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event) Verdict {
	if l.dead.Load() {
		return Verdict{Err: errDown}
	}
	if ep.Disabled != "" {
		l.t.Errorf("%s: a request although it is paused", ep.ID)
	}
	req := span{events[0].Seq, events[len(events)-1].Seq}
	l.mu.Lock()
	id := l.arrive(*ep, prev, events)
	fails := l.rng(100) < l.lossy
	for _, e := range events {
		fails = fails || e.Seq%29 == 0 // some are never taken
	}
	l.mu.Unlock()
	if l.rng(200) == 0 {
		l.leave(id)
		panic("an encoder")
	}
	select {
	case <-time.After(time.Duration(l.rng(80)) * time.Millisecond):
	case <-ctx.Done():
		fails = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay[id]--
	if fails || l.dead.Load() {
		return Verdict{Err: errDown}
	}
	for _, e := range events {
		mark(l.acked, id, e.Seq)
	}
	l.asked[id] = append(l.asked[id], req)
	return Verdict{Outcome: Delivered, Status: 200}
}

func (l *life) leave(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay[id]--
}

// replay stores a replay of what is done with, and starts it.
func (w *world) replay(o *Outbox, ep record.Endpoint, stream string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	disk := w.laneOf(ep.ID, stream, "")
	live := laneKey(record.Lane{Endpoint: ep.ID, Stream: stream})
	if _, runs := w.replays[live]; runs || disk.Acked < 4 {
		return
	}
	after := uint64(w.rng(int(disk.Acked) - 2))
	lane := record.Lane{
		Endpoint: ep.ID, Stream: stream, Replay: fmt.Sprintf("replay-%d", n), From: after + 1, Acked: after,
		Until: after + 1 + uint64(w.rng(int(min(20, disk.Acked-after-1)))),
	}
	w.replays[live] = lane
	w.set(func() { w.put(lane) })
	o.StartReplay(lane)
}

// replayOf answers the replay of a stream to ep that is on disk.
func (w *world) replayOf(ep record.Endpoint, stream string) record.Lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	lane, ok := w.replays[laneKey(record.Lane{Endpoint: ep.ID, Stream: stream})]
	if !ok {
		lane.Replay = "none"
	}
	return lane
}

// anyStream answers a stream that leads to ep; now and then it is a new one.
func (w *world) anyStream(ep record.Endpoint) string {
	if ep.Stream != "" {
		return ep.Stream
	}
	if w.rng(8) == 0 {
		return fmt.Sprintf("i-r1-late%d", w.rng(10))
	}
	return w.endpoints[w.rng(8)].Stream
}

// live runs a daemon for a while among random events and changes, then kills
// it, or lets it finish.
func (w *world) live(span time.Duration, finish bool) {
	l := &life{world: w}
	o := New(Config{
		Log: l, Sender: l, Carries: carried, Covers: covers, MaxInFlight: 12, PerOrigin: 6, PerEndpoint: 4,
		Schedule: []time.Duration{100 * time.Millisecond, time.Second}, Horizon: 2 * time.Second,
		StopWait: time.Millisecond,
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- o.Run(ctx) }()
	var asks sync.WaitGroup
	for end := time.Now().Add(span); time.Now().Before(end); {
		time.Sleep(time.Duration(w.rng(40)) * time.Millisecond)
		n := w.rng(len(w.endpoints))
		ep := w.endpoints[n]
		stream := w.anyStream(ep)
		switch w.rng(20) {
		case 0:
			ep.URL = fmt.Sprintf("https://r%d.example/", w.rng(4))
			o.SetEndpoint(ep)
		case 1:
			o.Retry(ep.ID)
		case 2:
			w.commitKind(stream, record.QRIssued, 1+w.rng(3))
			o.Notify(stream)
		case 3, 4:
			w.replay(o, ep, stream, w.rng(1000000))
		case 5:
			asks.Go(func() {
				d, err := o.Skip(ctx, ep.ID, stream, "")
				w.mu.Lock()
				defer w.mu.Unlock()
				if err == nil && !w.given[laneKey(record.Lane{Endpoint: ep.ID, Stream: stream})][d.From] {
					w.t.Errorf("%s %s: skipped %+v is not on disk", ep.ID, stream, d)
				}
			})
		case 7:
			lane := w.replayOf(ep, stream)
			asks.Go(func() {
				if w.rng(2) == 0 {
					_, _ = o.Skip(ctx, ep.ID, stream, lane.Replay)
				} else if err := o.StopReplay(ctx, ep.ID, stream, lane.Replay); err == nil && w.replayOf(ep, stream).Replay == lane.Replay {
					w.t.Errorf("%s %s: the stopped replay is on disk", ep.ID, stream)
				}
			})
		case 6:
			w.set(func() { w.endpoints[n].Disabled = []string{"", "by an operator"}[w.rng(2)] })
			o.SetEndpoint(w.endpoints[n])
		default:
			w.commit(stream, 1+w.rng(3))
			o.Notify(stream)
		}
	}
	if finish {
		w.finish(ctx, o)
	} else {
		l.dead.Store(true)
		w.crash()
	}
	cancel()
	if err := <-done; err != nil && finish {
		w.t.Logf("stopped: %v", err)
	}
	asks.Wait()
	w.mu.Lock()
	clear(w.underWay)
	w.mu.Unlock()
}

// finish lets everything end, replays too.
func (w *world) finish(ctx context.Context, o *Outbox) {
	for i := range w.endpoints {
		w.set(func() { w.endpoints[i].Disabled = "" })
		o.SetEndpoint(w.endpoints[i])
	}
	drain, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	if err := o.WaitDrained(drain, ""); err != nil {
		w.t.Errorf("not drained: %v: %+v", err, o.Status(""))
	}
	for range 600 {
		if !slices.ContainsFunc(o.Status(""), func(s LaneStatus) bool { return s.Replay != "" }) {
			return
		}
		time.Sleep(time.Second)
	}
	w.t.Errorf("replays do not end: %+v", o.Status(""))
}

// checkAll sees that every event has arrived everywhere or is a dead letter.
func (w *world) checkAll() {
	for _, ep := range w.endpoints {
		for _, stream := range w.Streams() {
			if ep.Stream != "" && ep.Stream != stream || !covers(&ep, stream) {
				continue
			}
			id := laneKey(record.Lane{Endpoint: ep.ID, Stream: stream})
			for _, e := range w.events[stream] {
				if carried(&ep, &e) && !w.acked[id][e.Seq] && !w.given[id][e.Seq] {
					w.t.Errorf("%s: %d is lost", id, e.Seq)
				}
			}
		}
	}
}

// Many crashes in a row, at any moment: every event arrives or becomes a dead
// letter, in order, and a crash repeats at most two requests of a lane. Some
// endpoints have many lanes, some take batches; there are replays, skips and
// pauses, and breakers open all the time.
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
				ep := at(fmt.Sprintf("r%d-", i%4), i)
				if i%3 == 0 {
					ep.Bulk = &record.Bulk{Most: 4, Wait: 100 * time.Millisecond}
				}
				w.add(ep, 0)
			}
			all, tenants := at("r1-", 100), at("r2-", 101)
			all.Stream, tenants.Stream, tenants.Tenant = "", "", "acme"
			tenants.Bulk = &record.Bulk{Most: 5, Wait: 50 * time.Millisecond}
			w.add(all, 0)
			w.add(tenants, 0)
			for range 15 {
				w.live(time.Duration(w.rng(2000))*time.Millisecond, false)
			}
			w.lossy = 0
			w.live(time.Second, true)
			w.checkAll()
			t.Logf("%v, %d given up", w.requests, len(w.deadLetters()))
		})
	}
}
