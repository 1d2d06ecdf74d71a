package outbox

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const kind = record.ConnectionChanged

// fakeLog is a log in memory. lanes and dead are its disk: only SaveLanes
// writes them.
type fakeLog struct {
	mu        sync.Mutex
	events    map[string][]record.Event
	heads     map[string]uint64
	endpoints []record.Endpoint
	lanes     map[string]record.Lane // by laneKey
	dead      []record.DeadLetter
	wrote     []record.DeadLetter // all that were ever written
	saves     []time.Time

	saveDelay func() time.Duration
	saveErr   error
	readErr   error
	listErr   error
	reads     int
}

func newFakeLog() *fakeLog {
	return &fakeLog{
		events: make(map[string][]record.Event),
		heads:  make(map[string]uint64),
		lanes:  make(map[string]record.Lane),
	}
}

// commit appends n events to a stream.
func (l *fakeLog) commit(stream string, n int) { l.commitKind(stream, kind, n) }

func (l *fakeLog) commitKind(stream string, k record.Kind, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.heads[stream]++
		l.events[stream] = append(l.events[stream], record.Event{
			Stream: stream, Epoch: 1, Seq: l.heads[stream], Kind: k, At: time.Now(),
		})
	}
}

// prune drops the oldest events of a stream, up to and including to.
func (l *fakeLog) prune(stream string, to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[stream] = slices.DeleteFunc(l.events[stream], func(e record.Event) bool {
		return e.Seq <= to
	})
}

// add stores an endpoint with its cursor.
func (l *fakeLog) add(ep record.Endpoint, acked uint64) record.Endpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endpoints = append(l.endpoints, ep)
	if ep.Stream != "" {
		l.put(from(ep, acked))
	}
	return ep
}

func (l *fakeLog) Events(stream string, after uint64, most int) ([]record.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.readErr != nil {
		return nil, l.readErr
	}
	events := l.events[stream]
	i, _ := slices.BinarySearchFunc(events, after+1, func(e record.Event, seq uint64) int {
		return cmp.Compare(e.Seq, seq)
	})
	return slices.Clone(events[i:min(i+most, len(events))]), nil
}

func (l *fakeLog) Head(stream string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heads[stream]
}

// Streams answers those with events in the log, as the store does: a stream
// whose events were all pruned is not among them.
func (l *fakeLog) Streams() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, events := range l.events {
		if len(events) > 0 {
			out = append(out, name)
		}
	}
	return out
}

func (l *fakeLog) Endpoints() ([]record.Endpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.endpoints), l.listErr
}

func (l *fakeLog) Lanes() ([]record.Lane, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []record.Lane
	for _, lane := range l.lanes {
		out = append(out, lane)
	}
	return out, nil
}

// SaveLanes writes at the end of its delay, the worst moment there is.
func (l *fakeLog) SaveLanes(ctx context.Context, lanes []record.Lane, dead []record.DeadLetter) error {
	if l.saveDelay != nil {
		select {
		case <-time.After(l.saveDelay()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saves = append(l.saves, time.Now())
	if l.saveErr != nil {
		return l.saveErr
	}
	for _, lane := range lanes {
		l.put(lane)
	}
	l.putDead(dead)
	return nil
}

// putDead writes dead letters; what has the same key is the same one. mu is held.
func (l *fakeLog) putDead(dead []record.DeadLetter) {
	l.wrote = append(l.wrote, dead...)
	for _, d := range dead {
		i := slices.IndexFunc(l.dead, func(old record.DeadLetter) bool {
			return old.Endpoint == d.Endpoint && old.Stream == d.Stream && old.From == d.From && old.Replay == d.Replay
		})
		if i < 0 {
			l.dead = append(l.dead, d)
		} else {
			l.dead[i] = d
		}
	}
}

func (l *fakeLog) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// lane answers the lane of an endpoint's own stream, as it is on disk.
func (l *fakeLog) lane(id string) record.Lane { return l.laneOf(id, "i-"+id, "") }

func (l *fakeLog) laneOf(id, stream, replay string) record.Lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lanes[laneKey(record.Lane{Endpoint: id, Stream: stream, Replay: replay})]
}

func laneKey(l record.Lane) string { return l.Endpoint + " " + l.Stream + " " + l.Replay }

// put writes a lane as the store does: the end of a replay deletes it, with the
// dead letters that it has delivered. mu is held.
func (l *fakeLog) put(lane record.Lane) {
	if !lane.Ended {
		l.lanes[laneKey(lane)] = lane
		return
	}
	delete(l.lanes, laneKey(lane))
	if lane.Stopped {
		return
	}
	l.dead = slices.DeleteFunc(l.dead, func(d record.DeadLetter) bool {
		return d.Endpoint == lane.Endpoint && d.Stream == lane.Stream && d.From >= lane.From && d.To <= lane.Until &&
			d.Replay != lane.Replay
	})
}

func (l *fakeLog) savedAt() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.saves)
}

func (l *fakeLog) deadLetters() []record.DeadLetter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.dead)
}

// request is one that a fake receiver got.
type request struct {
	at     time.Time
	ep     record.Endpoint
	stream string
	seq    uint64 // of the last event
	prev   uint64
	seqs   []uint64
}

// fakeSender notes every request and lets answer say what comes of it.
type fakeSender struct {
	mu     sync.Mutex
	got    []request
	answer func(ctx context.Context, r request) Verdict
}

func (s *fakeSender) Send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event) Verdict {
	ev := events[len(events)-1]
	r := request{time.Now(), *ep, ev.Stream, ev.Seq, prev, nil}
	for _, e := range events {
		r.seqs = append(r.seqs, e.Seq)
	}
	s.mu.Lock()
	s.got = append(s.got, r)
	answer := s.answer
	s.mu.Unlock()
	if answer == nil {
		return Verdict{Outcome: Delivered, Status: 200}
	}
	return answer(ctx, r)
}

func (s *fakeSender) set(answer func(context.Context, request) Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *fakeSender) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// seqs are those of the requests to one endpoint.
func (s *fakeSender) seqs(id string) []uint64 {
	var out []uint64
	for _, r := range s.requests() {
		if r.ep.ID == id {
			out = append(out, r.seqs...)
		}
	}
	return out
}

var errDown = errors.New("post to https://receiver.example: connection refused")

func down(context.Context, request) Verdict { return Verdict{Err: errDown} }

// from is the lane of an endpoint's own stream.
func from(ep record.Endpoint, acked uint64) record.Lane {
	return record.Lane{Endpoint: ep.ID, Stream: ep.Stream, Acked: acked}
}

func endpoint(id string) record.Endpoint {
	return record.Endpoint{
		ID: id, Stream: "i-" + id, Format: "standard",
		URL: "https://" + id + ".example/hook?token=hunter2", CreatedAt: time.Now(),
	}
}

// running is an outbox inside a bubble.
type running struct {
	*Outbox
	t      *testing.T
	log    *fakeLog
	send   *fakeSender
	cancel context.CancelFunc
	done   chan error
}

// run starts an outbox; it is stopped at the end of the test if it was not.
func run(t *testing.T, log *fakeLog, send *fakeSender, change func(*Config)) *running {
	t.Helper()
	cfg := Config{Log: log, Sender: send}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{New(cfg), t, log, send, cancel, make(chan error, 1)}
	go func() { r.done <- r.Run(ctx); close(r.done) }()
	synctest.Wait()
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Logf("stopped: %v", err)
		}
	})
	return r
}

func (r *running) stop() error {
	r.cancel()
	return <-r.done
}

// commit appends events and wakes the outbox.
func (r *running) commit(stream string, n int) {
	r.log.commit(stream, n)
	r.Notify(stream)
}

// drained waits until the stream is, and fails the test if that takes long.
func (r *running) drained(stream string, bound time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), bound)
	defer cancel()
	if err := r.WaitDrained(ctx, stream); err != nil {
		r.t.Fatalf("stream %q: %v; status %+v", stream, err, r.Status(stream))
	}
}

// logBuffer is a logger whose lines a test can read.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func upTo(n uint64) []uint64 {
	var out []uint64
	for i := uint64(1); i <= n; i++ {
		out = append(out, i)
	}
	return out
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %v, want %v", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}
