package bus_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/bus"
)

func TestMain(m *testing.M) {
	if os.Getenv(brokerDirEnv) != "" {
		brokerMain()
		return
	}
	os.Exit(m.Run())
}

// patience bounds every wait; only a failing test uses it up.
const patience = 60 * time.Second

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// running is a bus whose Run is under way.
type running struct {
	*bus.Bus
	t      testing.TB
	cancel context.CancelFunc
	done   chan error
}

func testLogger() *slog.Logger {
	if os.Getenv("BUS_TEST_LOG") == "" {
		return slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // it formats, for the race detector
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func start(t testing.TB, cfg bus.Config, log bus.Log) *running {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = testLogger()
	}
	b, err := bus.New(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{Bus: b, t: t, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- b.Run(ctx) }()
	t.Cleanup(r.stop)
	select {
	case <-b.Ready():
	case err := <-r.done:
		r.done <- nil
		t.Fatalf("Run: %v", err)
	}
	return r
}

// stop ends Run and waits for it. It may be called twice.
func (r *running) stop() {
	r.cancel()
	if err, ok := <-r.done; ok {
		if err != nil {
			r.t.Errorf("Run: %v", err)
		}
		close(r.done)
	}
}

// published waits until all of the log is acknowledged.
func (r *running) published(log *memLog) {
	r.t.Helper()
	if err := r.WaitPublished(patient(r.t), log.last()); err != nil {
		r.t.Fatalf("not published: %v; %+v", err, r.Status())
	}
}

func embedded(t testing.TB) bus.Config {
	return bus.Config{Dir: t.TempDir(), Embedded: true}
}

// reader connects with what `switchhook nats info` prints.
func (r *running) reader() *nats.Conn {
	r.t.Helper()
	info, err := r.Info()
	if err != nil {
		r.t.Fatal(err)
	}
	return connect(r.t, info.URL, nats.UserInfo(info.User, info.Password))
}

func connect(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// stored reads the whole stream and returns the events' ids.
func stored(t testing.TB, nc *nats.Conn) []string {
	t.Helper()
	var ids []string
	for _, m := range messages(t, nc) {
		ids = append(ids, m.Headers().Get(bus.HeaderID))
	}
	return ids
}

func messages(t testing.TB, nc *nats.Conn) []jetstream.Msg {
	t.Helper()
	ctx := patient(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(ctx, bus.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	n := int(s.CachedInfo().State.Msgs)
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var out []jetstream.Msg
	for len(out) < n {
		batch, err := c.Fetch(n-len(out), jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err)
		}
		for m := range batch.Messages() {
			out = append(out, m)
		}
		if err := batch.Error(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// same fails with the first difference.
func same(t testing.TB, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	t.Fatalf("got %d events, want %d; they differ from index %d:\n got  %v\n want %v", len(got), len(want), i,
		got[i:min(i+6, len(got))], want[i:min(i+6, len(want))])
}

// eventually waits for a condition that nothing announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}
