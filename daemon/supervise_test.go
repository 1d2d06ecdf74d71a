package daemon

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/files"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// badDriver's connections panic, hang or fail by the name of their instance's
// user agent; those of the others are never dialled.
type badDriver struct{ opened atomic.Int64 }

func (d *badDriver) Open(spec instance.Spec) (instance.Conn, error) {
	d.opened.Add(1)
	switch spec.UserAgent {
	case "panics at once":
		panic("a driver with a bug")
	case "panics later":
		return badConn{dial: func(context.Context) error { panic("a connection with a bug") }}, nil
	case "hangs":
		return badConn{dial: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}, nil
	default:
		return badConn{dial: func(context.Context) error {
			spec.Report(instance.Fact{Kind: instance.FactCodes, Codes: []string{"a", "b"}})
			return nil
		}}, nil
	}
}

type badConn struct {
	instance.Conn // whatever else it is asked panics, too
	dial          func(context.Context) error
}

func (c badConn) Dial(ctx context.Context) error { return c.dial(ctx) }
func (badConn) Logout(context.Context) error     { return errors.New("not now") }
func (badConn) Gauges() instance.Gauges          { return instance.Gauges{} }
func (badConn) Close()                           {}

type noSender struct{}

func (noSender) Send(context.Context, *record.Endpoint, uint64, []*record.Event) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Delivered}
}

// newTestFleet runs a fleet with a driver of the test's own on a real store, in which
// something is stored before.
func newTestFleet(t *testing.T, driver instance.Driver, before ...func(*store.Change)) *fleet {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "switchhook.db"), store.Options{Network: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := files.Open(t.TempDir(), files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{
		store: s, files: stored, driver: driver, watches: newWatches(), log: slog.New(slog.DiscardHandler),
		timing: instance.DefaultTiming(), check: func(string) error { return nil },
		formats: []string{"standard", "witi", "tencent"}, book: newBook(),
	}
	budget := instance.NewBudget(1000)
	f.dials = budget
	f.outbox = outbox.New(outbox.Config{Log: deliveries{s, f.book}, Sender: noSender{}, Covers: f.book.covers})
	s.OnAppend(func(events []record.Event) {
		if f.tenants != nil {
			f.appended(events)
		}
	})
	disk := newGroup(context.WithoutCancel(t.Context()))
	disk.run("store", s.Run)
	for _, put := range before {
		ch := s.Change()
		put(ch)
		if _, err := s.Commit(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.load(); err != nil {
		t.Fatal(err)
	}
	f.tenants.heard = func(string) bool { return true }
	rest := newGroup(context.WithoutCancel(t.Context()))
	rest.run("outbox", f.outbox.Run)
	rest.run("dials", budget.Run)
	rest.run("fleet", f.Run)
	t.Cleanup(func() {
		if err := errors.Join(rest.stop(), disk.stop(), s.Close(), stored.Close()); err != nil {
			t.Error(err)
		}
	})
	<-f.up
	return f
}

// TestOneFailsAlone: instances that panic, in their loop and beside it, and one
// that never answers, do not touch the others, and come back from what is
// stored.
func TestOneFailsAlone(t *testing.T) {
	d := &badDriver{}
	f := newTestFleet(t, d)
	add := func(name string) string {
		t.Helper()
		e, err := f.Add(t.Context(), api.AddSpec{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	good, sudden, later, stuck := add("good"), add("sudden"), add("later"), add("stuck")

	var wg sync.WaitGroup
	for id, agent := range map[string]string{sudden: "panics at once", later: "panics later", stuck: "hangs"} {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			if _, err := f.Generate(ctx, id, &agent); err == nil {
				t.Errorf("an instance whose connection %s answered a code", agent)
			}
		})
	}
	for range 20 {
		if c, err := f.Generate(t.Context(), good, nil); err != nil || c.Text != "a" {
			t.Fatalf("the good instance answers %q, %v", c.Text, err)
		}
		if info, err := f.Close(t.Context(), good); err != nil || info.State != fsm.NoConnection {
			t.Fatalf("the good instance answers %v, %v", info.State, err)
		}
	}
	wg.Wait()

	for name, id := range map[string]string{"sudden": sudden, "later": later} {
		wake, stop := f.Watch(id)
		for {
			info, err := f.Info(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if info.State == fsm.NoConnection && info.Cause == fsm.CauseInternalError {
				break
			}
			select {
			case <-wake:
			case <-time.After(30 * time.Second):
				t.Fatalf("%s stays in state %d, %s", name, info.State, info.Cause)
			}
		}
		stop()
		// It is itself again: a command acts.
		if _, err := f.Configure(t.Context(), id, instance.Patch{UserAgent: new(string)}); err != nil {
			t.Errorf("%s after its restart: %v", name, err)
		}
		if _, err := f.Generate(t.Context(), id, new(string)); err != nil {
			t.Errorf("%s after its restart: %v", name, err)
		}
	}
	if info, err := f.Info(t.Context(), stuck); err != nil || info.State != fsm.Connecting {
		t.Errorf("the stuck instance is in state %d, %v", info.State, err)
	}
}
