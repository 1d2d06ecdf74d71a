package queue_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/queue"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a queue over a real store. An event is made into a notification for each
// word of its name, but for words that are not wanted.
type world struct {
	*queue.Queue
	t    *testing.T
	path string
	log  *counted
	stop func()

	mu       sync.Mutex
	closed   bool                                // guarded by mu
	unwanted map[string]bool                     // guarded by mu
	waiting  map[string]map[chan struct{}]string // guarded by mu
}

// counted is the store, and how often it was read.
type counted struct {
	*store.Store
	reads atomic.Int64
	fails atomic.Bool
}

var errDisk = errors.New("the disk is full")

func (c *counted) Events(stream string, after uint64, limit int) ([]record.Event, error) {
	c.reads.Add(1)
	return c.Store.Events(stream, after, limit)
}

func (c *counted) SeqAtTime(stream string, at time.Time) (uint64, error) {
	c.reads.Add(1)
	return c.Store.SeqAtTime(stream, at)
}

func (c *counted) Lane(endpoint, stream string) (record.Lane, bool, error) {
	c.reads.Add(1)
	return c.Store.Lane(endpoint, stream)
}

func (c *counted) SaveLane(ctx context.Context, l record.Lane) error {
	if c.fails.Load() {
		return errDisk
	}
	return c.Store.SaveLane(ctx, l)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, path: filepath.Join(t.TempDir(), "data", "switchhook.db"),
		unwanted: make(map[string]bool), waiting: make(map[string]map[chan struct{}]string),
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start opens the file and makes a queue over it.
func (w *world) start() {
	w.t.Helper()
	s, err := store.Open(w.path, store.Options{Network: "sandbox"})
	if err != nil {
		w.t.Fatal(err)
	}
	s.OnAppend(func(events []record.Event) {
		for i := range events {
			w.wake(events[i].Stream)
		}
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			w.t.Error(err)
		}
	})
	w.log = &counted{Store: s}
	w.Queue = queue.New(queue.Config{Log: w.log, Watch: w.watch, Make: w.make, Endpoint: w.endpoint})
}

// restart is a kill: nothing is told before it, and all but the file is forgotten.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

func (w *world) endpoint(stream string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return stream + "-fetched", !w.closed
}

func (w *world) want(word string, wanted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unwanted[word] = !wanted
}

func (w *world) make(ev *record.Event) (out [][]byte, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ev.Name == "broken" {
		return nil, errors.New("it is broken")
	}
	for word := range strings.FieldsSeq(ev.Name) {
		if w.unwanted[word] {
			out = append(out, nil)
		} else {
			out = append(out, []byte(word))
		}
	}
	return out, nil
}

func (w *world) watch(stream string) (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting[stream] == nil {
		w.waiting[stream] = make(map[chan struct{}]string)
	}
	w.waiting[stream][wake] = stream
	return wake, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiting[stream], wake)
	}
}

func (w *world) wake(stream string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.waiting[stream] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// waiters is how many wait for any stream.
func (w *world) waiters() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, of := range w.waiting {
		n += len(of)
	}
	return n
}

// add appends events that happen now, by what they are made into.
func (w *world) add(stream string, names ...string) {
	w.t.Helper()
	c := w.log.Change()
	for _, name := range names {
		c.Append(record.Event{Stream: stream, Kind: record.MessageText, At: time.Now().UTC(), Name: name})
	}
	if _, err := w.log.Commit(w.t.Context(), c); err != nil {
		w.t.Fatal(err)
	}
}

// numbered are so many names: 1, 2, 3.
func numbered(n int) (out []string) {
	for i := range n {
		out = append(out, strconv.Itoa(i+1))
	}
	return out
}

// next answers what is next, or "" at once.
func (w *world) next(stream string) (string, int64) {
	w.t.Helper()
	n, ok, err := w.Next(w.t.Context(), stream, 0)
	if err != nil || ok == (n.Body == nil) {
		w.t.Fatalf("%+v, %t, %v", n, ok, err)
	}
	return string(n.Body), n.Receipt
}

func (w *world) delete(stream string, receipt int64) bool {
	w.t.Helper()
	ok, err := w.Delete(w.t.Context(), stream, receipt)
	if err != nil {
		w.t.Fatal(err)
	}
	return ok
}

// drain fetches and deletes until nothing is left.
func (w *world) drain(stream string) (got []string) {
	w.t.Helper()
	last := int64(0)
	for {
		body, receipt := w.next(stream)
		if body == "" {
			return got
		}
		if again, same := w.next(stream); again != body || same != receipt {
			w.t.Fatalf("%d is %q, and then %d is %q", receipt, body, same, again)
		}
		if receipt <= last || !w.delete(stream, receipt) || w.delete(stream, receipt) {
			w.t.Fatalf("%d, %q, after %d", receipt, body, last)
		}
		got, last = append(got, body), receipt
	}
}

// expect fails unless the stream's notifications are these; it drains it.
func (w *world) expect(stream string, want ...string) {
	w.t.Helper()
	if got := w.drain(stream); strings.Join(got, " ") != strings.Join(want, " ") {
		w.t.Errorf("fetched %q, want %q", got, want)
	}
}
