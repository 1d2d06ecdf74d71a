//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/whatsapp"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

const (
	phone = "15550001111"
	// linger is how long the library's goroutines may outlive their connection.
	linger = 30 * time.Second
)

// world is everything but HTTP and the outbox, in a bubble: the sandbox behind a
// pipe, the real driver, the real store, and one instance.
type world struct {
	t       *testing.T
	network *sandbox.Network
	driver  *whatsapp.Driver
	store   *store.Store
	log     *buffer
	pipe    *sandbox.PipeListener
	dial    func(context.Context) (net.Conn, error) // instead of the pipe

	*instance.Instance
	cancel context.CancelFunc
	ended  chan error
	killed *atomic.Bool // the present instance writes nothing any more
	seen   uint64
}

func inWorld(t *testing.T, config whatsapp.Config, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, log: &buffer{}}
		log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		var err error
		if w.network, err = sandbox.Open(sandbox.Config{StateFile: filepath.Join(t.TempDir(), "sandbox.db")}); err != nil {
			t.Fatal(err)
		}
		pipe := sandbox.NewPipeListener()
		w.pipe = pipe
		if w.store, err = store.Open(filepath.Join(t.TempDir(), "switchhook.db"), store.Options{Network: "sandbox"}); err != nil {
			t.Fatal(err)
		}
		config.Sandbox = &whatsapp.Sandbox{Root: sandbox.RootKey(), Dial: func(ctx context.Context) (net.Conn, error) {
			if w.dial != nil {
				return w.dial(ctx)
			}
			return pipe.DialContext(ctx, "", "")
		}}
		config.Backend = func(i, s string) devicestore.Backend { return w.store.Device(i, s) }
		config.Log = log
		if w.driver, err = whatsapp.New(config); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		var rooms sync.WaitGroup
		rooms.Go(func() { _ = w.network.Serve(ctx, pipe) })
		rooms.Go(func() { _ = w.store.Run(ctx) })
		w.start()
		defer func() {
			w.stop()
			time.Sleep(linger)
			cancel()
			rooms.Wait()
			if err := errors.Join(w.network.Close(), w.store.Close()); err != nil {
				t.Error(err)
			}
		}()
		test(t, w)
	})
}

// start runs an instance from what the store holds, or a new one.
func (w *world) start() {
	w.t.Helper()
	rec := record.Instance{ID: "desk", Name: "desk", State: fsm.NoConnection, Since: time.Now().UTC()}
	all, err := w.store.Instances()
	if err != nil {
		w.t.Fatal(err)
	}
	if len(all) == 1 {
		rec = all[0]
	}
	session, err := w.store.Session(rec.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	w.killed = new(atomic.Bool)
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.Instance, err = instance.New(instance.Config{
		Record: rec, Session: session, Journal: journal{w.store, w.killed}, Driver: w.driver,
		Dials: turns{}, Timing: instance.DefaultTiming(), Log: log,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	i, ended := w.Instance, make(chan error, 1)
	w.cancel, w.ended = cancel, ended
	go func() { ended <- i.Run(ctx, fsm.CauseRestart) }()
}

func (w *world) stop() {
	w.t.Helper()
	w.cancel()
	if err := <-w.ended; err != nil {
		w.t.Error(err)
	}
	w.ended <- nil
}

// kill ends the instance as the end of its process does: nothing is recorded.
func (w *world) kill() {
	w.t.Helper()
	w.killed.Store(true)
	w.cancel()
	if err := <-w.ended; err == nil {
		w.t.Error("the stop was recorded")
	}
	w.ended <- nil
}

// journal stores an instance's changes as the daemon does.
type journal struct {
	*store.Store
	killed *atomic.Bool
}

func (j journal) Commit(ctx context.Context, c instance.Change) error {
	if j.killed.Load() {
		return instance.ErrUnavailable
	}
	ch := j.Change()
	if !c.Same {
		ch.PutInstance(c.Instance)
	}
	if c.Drop {
		ch.DropSession(c.Instance.ID)
	}
	if c.Session != nil {
		ch.PutSession(c.Instance.ID, *c.Session)
	}
	if len(c.Keys) > 0 {
		ch.PutDevice(c.Instance.ID, c.KeysOf, c.Keys)
	}
	for _, e := range c.Events {
		ch.Append(e)
	}
	_, err := j.Store.Commit(ctx, ch)
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrClosed) {
		return fmt.Errorf("%w (%w)", instance.ErrUnavailable, err)
	}
	return err
}

// turns gives every dial its turn at once.
type turns struct{}

func (turns) Acquire(ctx context.Context, _ bool) error { return ctx.Err() }
func (turns) Pace(ctx context.Context) (func(), error)  { return func() {}, ctx.Err() }
func (turns) Report(bool)                               {}

// buffer is a log that many goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// reach waits until the instance is in a state.
func (w *world) reach(state fsm.State) {
	w.t.Helper()
	for began := time.Now(); w.Status().Record.State != state; time.Sleep(time.Millisecond) {
		if time.Since(began) > 2*time.Minute {
			w.t.Fatalf("not in %d: %+v\n%s", state, w.Status().Record, w.log)
		}
	}
}

// pair lets a phone scan a new code and waits until the instance is usable.
func (w *world) pair() {
	w.t.Helper()
	code, err := w.Generate(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.network.Scan(w.t.Context(), phone, code.Text); err != nil {
		w.t.Fatal(err)
	}
	w.reach(fsm.Authenticated)
}

func (w *world) fault(kind sandbox.FaultKind) {
	w.t.Helper()
	if err := w.network.Fault(w.t.Context(), sandbox.Target{Phone: phone}, kind, sandbox.FaultOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// devices is what the phone lists.
func (w *world) devices() []sandbox.Device {
	w.t.Helper()
	all, err := w.network.Devices(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// wantTrail holds the events in the log since it was last asked.
func (w *world) wantTrail(want ...string) {
	w.t.Helper()
	events, err := w.store.Events("desk", w.seen, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		w.seen = e.Seq
		if e.Transition != nil {
			got = append(got, fmt.Sprintf("%d>%d %s", e.Transition.From, e.Transition.To, e.Transition.Cause))
		} else {
			got = append(got, string(e.Kind))
		}
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		w.t.Fatalf("trail\n %s\nwant\n %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
}
