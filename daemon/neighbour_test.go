package daemon_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/daemon"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// agentOfPanic is the user agent of instances whose connections panic.
const agentOfPanic = "panics"

// panicky is a driver some of whose connections panic when they dial.
type panicky struct{ instance.Driver }

func (d panicky) Open(spec instance.Spec) (instance.Conn, error) {
	c, err := d.Driver.Open(spec)
	if err == nil && spec.UserAgent == agentOfPanic {
		c = panics{c}
	}
	return c, err
}

type panics struct{ instance.Conn }

func (panics) Dial(context.Context) error { panic("a connection with a bug") }

// runStreet runs a daemon in which each of the neighbours can fail.
func runStreet(t testing.TB) *rig {
	t.Helper()
	return runPrepared(t, shortDir(t), func(c *configs.Config) {
		c.Connection.DialsPerSecond = 1000
		c.Connection.LoginTimeout = 5 * time.Second
		c.Files = configs.Files{PerInstance: 7000, Total: 1 << 20}
	}, func(d *daemon.Daemon) {
		d.Wrap(func(driver instance.Driver) instance.Driver { return panicky{driver} })
	})
}

// neighbour is an instance that fails in its way.
type neighbour struct {
	name string
	// fail makes it fail, and answers what then makes it fail again and again;
	// that may answer any error.
	fail func(t testing.TB, d *rig, name string) (again func(context.Context) error)
	says func(api.Entry) bool // whether the status says why
}

var neighbours = []neighbour{
	{
		name: "panics",
		fail: func(t testing.TB, d *rig, name string) func(context.Context) error {
			d.pair(name, "")
			agent := agentOfPanic
			if _, err := d.admin.Configure(t.Context(), name, api.Change{UserAgent: &agent}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.admin.Close(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			return d.again(name)
		},
		says: func(e api.Entry) bool {
			return e.Cause == fsm.CauseInternalError && strings.Contains(e.Hint, "failed inside Switchhook")
		},
	},
	{
		name: "mute",
		fail: func(t testing.TB, d *rig, name string) func(context.Context) error {
			d.pair(name, "")
			if _, err := d.admin.Play(t.Context(), name, api.FaultSpec{Kind: "no-answer-login", Times: -1, Later: true}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.admin.Close(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			return d.again(name)
		},
		says: func(e api.Entry) bool {
			return e.State == fsm.AuthenticatedClosed && e.Cause == fsm.CauseLoginTimeout && !e.RetryAt.IsZero()
		},
	},
	{
		name: "full",
		fail: func(t testing.TB, d *rig, name string) func(context.Context) error {
			d.pair(name, "")
			first, second := d.picture(name, jpeg(5000)), d.picture(name, jpeg(4000))
			if _, err := d.admin.Fetch(t.Context(), name, first); err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context) error {
				_, err := d.admin.Fetch(ctx, name, second)
				return err
			}
		},
		says: func(e api.Entry) bool {
			return e.State == fsm.Authenticated && strings.Contains(e.StorageTrouble, "files.per_instance")
		},
	},
}

// again restores an instance, whatever comes of it.
func (r *rig) again(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := r.admin.Restore(ctx, name)
		return err
	}
}

// quieten closes a failing instance, so that it tries nothing by itself any more.
func (r *rig) quieten(name string) {
	r.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		// One that is being started again says so, and asks to be asked again.
		_, err := r.admin.Close(context.Background(), name)
		if err == nil {
			return
		}
		if !errors.Is(err, instance.ErrRestarting) {
			r.t.Fatalf("close %s: %v", name, err)
		}
		select {
		case <-tick.C:
		case <-end:
			r.t.Fatalf("%s is not started again", name)
		}
	}
}

// pester does something again and again, until stop is called.
func pester(do func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for ctx.Err() == nil {
			_ = do(ctx) // that it fails is the point
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// TestNeighbours: an instance that panics, one that is never answered and one
// whose storage is full, each asked over and over, say why they fail; the others
// say nothing of it, and do what they are told as before.
func TestNeighbours(t *testing.T) {
	d := runStreet(t)
	for _, name := range []string{"ada", "ben"} {
		d.pair(name, "")
	}
	for _, n := range neighbours {
		t.Run(n.name, func(t *testing.T) {
			again := n.fail(t, d, n.name)
			if err := again(t.Context()); err == nil {
				t.Fatal("it does not fail")
			}
			stop := pester(again)
			defer stop()
			for _, name := range []string{"ada", "ben"} {
				for range 5 {
					if e, err := d.admin.Close(t.Context(), name); err != nil || e.State != fsm.NoConnection {
						t.Fatalf("%s is closed: state %d, %v", name, e.State, err)
					}
					if e, err := d.admin.Restore(t.Context(), name); err != nil || e.State != fsm.Authenticated {
						t.Fatalf("%s is restored: state %d, %v", name, e.State, err)
					}
				}
				if w, err := d.admin.Write(t.Context(), name, api.Letter{Text: "still there?"}); err != nil || !w.Taken {
					t.Errorf("a text to %s: %+v, %v", name, w, err)
				}
				if e := d.find(name); e.Cause == fsm.CauseInternalError || e.StorageTrouble != "" {
					t.Errorf("%s says %s, %q", name, e.Cause, e.StorageTrouble)
				}
			}
			d.admits(n)
			stop()
			d.quieten(n.name)
		})
	}
}

// admits waits until the status of a failing instance says why. Nobody need ask
// for it: it may be trying again at one moment and have failed at the next.
func (r *rig) admits(n neighbour) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		e, err := r.admin.Find(context.Background(), n.name)
		if err == nil && n.says(e) {
			return
		}
		if err != nil && !errors.Is(err, instance.ErrRestarting) {
			r.t.Fatalf("the status of %s: %v", n.name, err)
		}
		select {
		case <-tick.C:
		case <-end:
			r.t.Fatalf("%s is in state %d and says %s, %q, %q", n.name, e.State, e.Cause, e.Hint, e.StorageTrouble)
		}
	}
}
