//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
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

// herd is many instances in one bubble, as a daemon has them: one sandbox, one
// driver, one budget of dials, one store.
type herd struct {
	t       *testing.T
	log     *slog.Logger
	written *buffer
	network *sandbox.Network
	pipe    *sandbox.PipeListener
	sockets atomic.Int64 // open on the clients' side
	path    string

	store   *store.Store
	driver  *whatsapp.Driver
	budget  *instance.Budget
	stopAll context.CancelFunc // ends store and budget
	rooms   sync.WaitGroup
	members []*member
}

// member is one instance of a herd.
type member struct {
	id, phone string
	*instance.Instance
	cancel context.CancelFunc
	ended  chan error
	killed *atomic.Bool
}

func inHerd(t *testing.T, size int, test func(*testing.T, *herd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &herd{t: t, written: &buffer{}, path: filepath.Join(t.TempDir(), "switchhook.db"), pipe: sandbox.NewPipeListener()}
		h.log = slog.New(slog.NewTextHandler(h.written, &slog.HandlerOptions{Level: slog.LevelInfo}))
		var err error
		if h.network, err = sandbox.Open(sandbox.Config{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		var air sync.WaitGroup
		air.Go(func() { _ = h.network.Serve(ctx, h.pipe) })
		for n := range size {
			h.members = append(h.members, &member{id: fmt.Sprintf("m%d", n), phone: fmt.Sprintf("155500010%02d", n)})
		}
		h.open()
		test(t, h)
		h.close()
		time.Sleep(linger)
		if n := h.sockets.Load(); n != 0 {
			t.Errorf("%d sockets are left open", n)
		}
		cancel()
		air.Wait()
		if err := h.network.Close(); err != nil {
			t.Error(err)
		}
	})
}

// counted is a socket of a herd.
type counted struct {
	net.Conn
	once sync.Once
	open *atomic.Int64
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

func (h *herd) dial(ctx context.Context) (net.Conn, error) {
	c, err := h.pipe.DialContext(ctx, "", "")
	if err != nil {
		return nil, err
	}
	h.sockets.Add(1)
	return &counted{Conn: c, open: &h.sockets}, nil
}

// open starts the daemon's rooms and every member, from what the file holds.
func (h *herd) open() {
	h.t.Helper()
	var err error
	if h.store, err = store.Open(h.path, store.Options{Network: "sandbox"}); err != nil {
		h.t.Fatal(err)
	}
	s := h.store
	h.driver, err = whatsapp.New(whatsapp.Config{
		Backend: func(i, id string) devicestore.Backend { return s.Device(i, id) },
		Sandbox: &whatsapp.Sandbox{Root: sandbox.RootKey(), Dial: h.dial},
		Log:     h.log,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.budget = instance.NewBudget(20)
	ctx, cancel := context.WithCancel(context.Background())
	h.stopAll = cancel
	budget := h.budget
	h.rooms.Go(func() { _ = s.Run(ctx) })
	h.rooms.Go(func() { _ = budget.Run(ctx) })
	for _, m := range h.members {
		h.run(m)
	}
}

// run starts a member from what the file holds, or new.
func (h *herd) run(m *member) {
	h.t.Helper()
	rec := record.Instance{ID: m.id, Name: m.id, State: fsm.NoConnection, Since: time.Now().UTC()}
	all, err := h.store.Instances()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range all {
		if r.ID == m.id {
			rec = r
		}
	}
	session, err := h.store.Session(m.id)
	if err != nil {
		h.t.Fatal(err)
	}
	m.killed = new(atomic.Bool)
	m.Instance, err = instance.New(instance.Config{
		Record: rec, Session: session, Journal: journal{h.store, m.killed}, Driver: h.driver,
		Dials: h.budget, Timing: instance.DefaultTiming(), Log: h.log,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	i, ended := m.Instance, make(chan error, 1)
	m.cancel, m.ended = cancel, ended
	go func() { ended <- i.Run(ctx, fsm.CauseRestart) }()
}

// halt ends a member: with a record of it, or as the end of its process would.
func (h *herd) halt(m *member, kill bool) {
	h.t.Helper()
	m.killed.Store(kill)
	m.cancel()
	if err := <-m.ended; err != nil && !kill {
		h.t.Errorf("%s: %v", m.id, err)
	}
}

// close stops everything but the network.
func (h *herd) close() {
	h.t.Helper()
	var all sync.WaitGroup
	for _, m := range h.members {
		all.Go(func() { h.halt(m, false) })
	}
	all.Wait()
	h.stopAll()
	h.rooms.Wait()
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}
