package daemon_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/daemon"
	"github.com/switchhook/switchhook/fsm"
)

// patience bounds every wait of these tests; a healthy run needs a fraction.
const patience = 60 * time.Second

// door is a running daemon's admin API as the tests use it.
type door struct {
	t     testing.TB
	admin *client.Client
}

func knock(t testing.TB, dir string) door {
	return door{t, client.Unix(filepath.Join(dir, api.SocketName))}
}

func (d door) find(name string) api.Entry {
	d.t.Helper()
	e, err := d.admin.Find(context.Background(), name)
	if err != nil {
		d.t.Fatalf("find %s: %v", name, err)
	}
	return e
}

// add makes an instance whose webhook is url.
func (d door) add(name, url string) api.Entry {
	d.t.Helper()
	e, err := d.admin.Add(context.Background(), api.AddSpec{Name: name, Webhook: url})
	if err != nil {
		d.t.Fatalf("add %s: %v", name, err)
	}
	return e
}

// scan lets a phone scan the instance's code, and waits until it is usable.
func (d door) scan(name string) {
	d.t.Helper()
	if _, err := d.admin.Code(context.Background(), name); err != nil {
		d.t.Fatalf("code of %s: %v", name, err)
	}
	if _, err := d.admin.Scan(context.Background(), name, ""); err != nil {
		d.t.Fatalf("scan %s: %v", name, err)
	}
	d.reach(name, fsm.Authenticated)
}

// pair adds an instance and scans its code.
func (d door) pair(name, url string) api.Entry {
	d.t.Helper()
	e := d.add(name, url)
	d.scan(name)
	return e
}

// reach waits until the instance is in a state.
func (d door) reach(name string, want fsm.State) {
	d.t.Helper()
	d.until(name, "state "+want.String(), func(e api.Entry) bool { return e.State == want })
}

// until waits until the instance is as wanted, looking after each of its
// events.
func (d door) until(name, what string, ok func(api.Entry) bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		e, err := d.admin.Find(ctx, name)
		if err != nil {
			d.t.Fatalf("wait for %s of %s: %v", what, name, err)
		}
		if ok(e) {
			return
		}
		// Not longer: the entry may have told an event by its seq and not by its state.
		if _, err := d.admin.Events(ctx, name, client.Look{After: e.Seq, Wait: time.Second}); err != nil {
			d.t.Fatalf("wait for %s of %s, which is in state %d: %v", what, name, e.State, err)
		}
	}
}

// events reads an instance's events after a seq.
func (d door) events(name string, after uint64) []client.Event {
	d.t.Helper()
	var all []client.Event
	for {
		more, err := d.admin.Events(context.Background(), name, client.Look{After: after, Limit: api.MaxEvents})
		if err != nil {
			d.t.Fatalf("events of %s: %v", name, err)
		}
		if len(more) == 0 {
			return all
		}
		all = append(all, more...)
		after = more[len(more)-1].Seq
	}
}

// web is how these tests ask over HTTP.
var web = &http.Client{Timeout: patience}

// walk answers the states that an instance's transitions lead to.
func walk(events []client.Event) (to []fsm.State) {
	for _, e := range events {
		if e.Data.Transition != nil {
			to = append(to, e.Data.Transition.To)
		}
	}
	return to
}

// rig is the whole daemon inside the test, in the sandbox.
type rig struct {
	door
	d    *daemon.Daemon
	dir  string
	stop func() error
}

// shortDir is a temporary directory whose name leaves room for a socket's path.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sh") //nolint:usetesting // t.TempDir has the test's name, and a socket's path 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// runDaemon runs a daemon on a directory until the test ends or stop is called.
func runDaemon(t testing.TB, dir string, edit func(*configs.Config)) *rig {
	t.Helper()
	return runPrepared(t, dir, edit, func(*daemon.Daemon) {})
}

// runPrepared is runDaemon with one that is prepared before it runs.
func runPrepared(t testing.TB, dir string, edit func(*configs.Config), prepare func(*daemon.Daemon)) *rig {
	t.Helper()
	cfg := configs.Default()
	cfg.DataDir, cfg.Listen, cfg.Network = dir, "127.0.0.1:0", configs.NetworkSandbox
	cfg.Connection.RetryMin = 50 * time.Millisecond
	if edit != nil {
		edit(&cfg)
	}
	d, err := daemon.New(daemon.Options{Config: cfg, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	prepare(d)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the daemon ended with: %v", err)
		}
	})
	select {
	case <-d.Ready():
	case <-time.After(patience):
		t.Fatal("the daemon does not get ready")
	}
	return &rig{door: knock(t, dir), d: d, dir: dir, stop: stop}
}
