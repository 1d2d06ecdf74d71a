//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// rig is the driver alone, in a bubble: the sandbox behind a pipe, and a stand-in
// for the actor that keeps everything in memory.
type rig struct {
	t       *testing.T
	network *sandbox.Network
	driver  *whatsapp.Driver
	log     *buffer
	keys    *memory

	mu      sync.Mutex
	session *record.Session                                        // guarded by mu, like the rest
	stored  []instance.Delivery                                    // in order
	deliver func(context.Context, instance.Delivery) (bool, error) // instead; false: store it all the same
}

func inRig(t *testing.T, config whatsapp.Config, test func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, log: &buffer{}, keys: &memory{values: map[string][]byte{}}}
		var err error
		if r.network, err = sandbox.Open(sandbox.Config{StateFile: filepath.Join(t.TempDir(), "sandbox.db")}); err != nil {
			t.Fatal(err)
		}
		pipe := sandbox.NewPipeListener()
		config.Sandbox = &whatsapp.Sandbox{Root: sandbox.RootKey(), Dial: func(ctx context.Context) (net.Conn, error) {
			return pipe.DialContext(ctx, "", "")
		}}
		config.Backend = func(string, string) devicestore.Backend { return r.keys }
		config.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if r.driver, err = whatsapp.New(config); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = r.network.Serve(ctx, pipe)
		}()
		defer func() {
			time.Sleep(linger)
			cancel()
			<-served
			if err := r.network.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, r)
	})
}

// attempt is one connection of a rig's.
type attempt struct {
	instance.Conn

	t     *testing.T
	facts chan instance.Fact
}

// open opens a connection with the session there is, if any.
func (r *rig) open() *attempt {
	r.t.Helper()
	a := &attempt{t: r.t, facts: make(chan instance.Fact, 100)}
	r.mu.Lock()
	session := r.session
	r.mu.Unlock()
	c, err := r.driver.Open(instance.Spec{
		Instance: "desk", Session: session, Report: func(f instance.Fact) { a.facts <- f },
		Save: func(_ context.Context, s *record.Session) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.session = s
			return nil
		},
		Deliver: r.take,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	a.Conn = c
	if err := c.Dial(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return a
}

// take is the actor's Deliver.
func (r *rig) take(ctx context.Context, d instance.Delivery) error {
	r.mu.Lock()
	instead := r.deliver
	r.mu.Unlock()
	if instead != nil {
		if done, err := instead(ctx, d); done || err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.session == nil || d.Session != r.session.ID {
		return fmt.Errorf("delivery for session %q", d.Session)
	}
	r.keys.apply(d.Keys)
	if d.Kind != "" {
		r.stored = append(r.stored, d)
	}
	return nil
}

// instead has deliveries go elsewhere; nil, back here.
func (r *rig) instead(deliver func(context.Context, instance.Delivery) (bool, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deliver = deliver
}

// told returns what was stored of some kinds, and forgets it.
func (r *rig) told() []instance.Delivery {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.stored
	r.stored = nil
	return all
}

// fact waits for a fact of a kind, past others.
func (a *attempt) fact(kind instance.FactKind) instance.Fact {
	a.t.Helper()
	limit := time.After(5 * time.Minute)
	for {
		select {
		case f := <-a.facts:
			if f.Kind == kind {
				return f
			}
		case <-limit:
			a.t.Fatalf("no fact %q", kind)
		}
	}
}

// notLost holds that the connection has not been told to be lost.
func (a *attempt) notLost() {
	a.t.Helper()
	synctest.Wait()
	for len(a.facts) > 0 {
		if f := <-a.facts; f.Kind == instance.FactLost {
			a.t.Errorf("told %+v", f)
		}
	}
}

// pair pairs by QR code and logs in.
func (r *rig) pair() *attempt {
	r.t.Helper()
	a := r.open()
	code := a.fact(instance.FactCodes).Codes[0]
	if _, err := r.network.Scan(r.t.Context(), phone, code); err != nil {
		r.t.Fatal(err)
	}
	a.fact(instance.FactRedial)
	a.Close()
	return r.login()
}

// login connects with the session and waits until it is usable.
func (r *rig) login() *attempt {
	r.t.Helper()
	a := r.open()
	a.fact(instance.FactUp)
	synctest.Wait()
	return a
}

// memory is a device's keys.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte // guarded by mu
	broken error             // what Apply answers; guarded by mu
}

func (m *memory) Get(key []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.values[string(key)]), nil
}

func (m *memory) Scan(prefix []byte, fn func(key, value []byte) error) error {
	m.mu.Lock()
	values := maps.Clone(m.values)
	m.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if strings.HasPrefix(k, string(prefix)) {
			if err := fn([]byte(k), values[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memory) Apply(_ context.Context, writes map[string][]byte) error {
	m.mu.Lock()
	broken := m.broken
	m.mu.Unlock()
	if broken == nil {
		m.apply(writes)
	}
	return broken
}

func (m *memory) apply(writes map[string][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, v := range writes {
		if v == nil {
			delete(m.values, k)
		} else {
			m.values[k] = bytes.Clone(v)
		}
	}
}

func (m *memory) breaks(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

var errDisk = errors.New("the disk is gone")
