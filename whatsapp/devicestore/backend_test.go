package devicestore_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

var errDisk = errors.New("disk on fire")

// memory is a Backend in a map. It holds callers to the contract: Scan's slices
// are overwritten after fn, fn deadlocks if it calls back, and two Applies at
// once or an empty value are reported.
type memory struct {
	t testing.TB

	mu        sync.Mutex
	keys      map[string][]byte
	applies   []map[string][]byte
	failAfter error            // answered by the next Apply, which writes
	failNext  error            // answered by the next Apply, which writes nothing
	failGet   error            // answered by every Get and Scan
	onGet     func(key string) // called before a Get, without the lock
	onApply   func()           // called before an Apply, without the lock
	applying  bool
	longest   int                             // the most rows that one Scan has visited
	onContext func(ctx context.Context) error // answered by Apply unless nil
}

func (m *memory) Get(key []byte) ([]byte, error) {
	m.mu.Lock()
	hook := m.onGet
	m.mu.Unlock()
	if hook != nil {
		hook(string(key))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failGet != nil {
		return nil, m.failGet
	}
	return bytes.Clone(m.keys[string(key)]), nil
}

func (m *memory) Scan(prefix []byte, fn func(key, value []byte) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failGet != nil {
		return m.failGet
	}
	visited := 0
	for _, k := range slices.Sorted(maps.Keys(m.keys)) {
		if !strings.HasPrefix(k, string(prefix)) {
			continue
		}
		visited++
		m.longest = max(m.longest, visited)
		key, value := []byte(k), bytes.Clone(m.keys[k])
		err := fn(key, value)
		for _, b := range [][]byte{key, value} {
			for i := range b {
				b[i] = 0xEE
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Apply(ctx context.Context, writes map[string][]byte) error {
	m.mu.Lock()
	if m.applying {
		m.t.Error("two Applies at once")
	}
	m.applying = true
	hook := m.onApply
	m.mu.Unlock()
	if hook != nil {
		hook()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applying = false
	if m.onContext != nil {
		if err := m.onContext(ctx); err != nil {
			return err
		}
	}
	if err := m.failNext; err != nil {
		m.failNext = nil
		return err
	}
	m.applies = append(m.applies, maps.Clone(writes))
	for k, value := range writes {
		switch {
		case value == nil:
			delete(m.keys, k)
		case len(value) == 0:
			m.t.Errorf("empty value under %q", k)
		default:
			m.keys[k] = bytes.Clone(value)
		}
	}
	err := m.failAfter
	m.failAfter = nil
	return err
}

// set changes the map's behaviour.
func (m *memory) set(fn func(m *memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fn(m)
}

func (m *memory) applied() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.applies)
}

func (m *memory) snapshot() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.keys)
}

func (m *memory) has(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[key] != nil
}

// costs runs fn and fails unless it took this many Applies.
func (m *memory) costs(t testing.TB, want int, what string, fn func()) {
	t.Helper()
	before := m.applied()
	fn()
	if got := m.applied() - before; got != want {
		t.Errorf("%s took %d Applies, want %d", what, got, want)
	}
}

// owner records the sessions it was asked to save.
type owner struct {
	mu    sync.Mutex
	saved []*record.Session
	err   error
	hook  func() // called during SaveSession, without the lock
}

func (o *owner) SaveSession(_ context.Context, s *record.Session) error {
	if o.hook != nil {
		o.hook()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.saved = append(o.saved, s)
	return nil
}

func (o *owner) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.saved)
}

// rig is a container over one map per session.
type rig struct {
	*devicestore.Container
	owner *owner

	mu     sync.Mutex
	stores map[string]*memory
}

func newRig(t testing.TB) *rig {
	r := &rig{owner: &owner{}, stores: map[string]*memory{}}
	r.reopen(t)
	return r
}

// reopen gives the rig a fresh container over the same maps, like a new
// connection does.
func (r *rig) reopen(t testing.TB) {
	r.Container = devicestore.New(func(id string) devicestore.Backend {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.stores[id] == nil {
			r.stores[id] = &memory{t: t, keys: map[string][]byte{}}
		}
		return r.stores[id]
	}, r.owner, nil)
}

func (r *rig) store(id string) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stores[id]
}

var (
	ownPN  = types.JID{User: "491700000001", Device: 7, Server: types.DefaultUserServer}
	ownLID = types.JID{User: "100000000000001", Device: 7, Server: types.HiddenUserServer}
)

// pair makes a device look like whatsmeow does just before it saves it.
func pair(d *store.Device, pn, lid types.JID) {
	d.ID, d.LID = &pn, lid
	d.Platform, d.BusinessName, d.PushName = "android", "Shop", "Ann"
	d.Account = &waAdv.ADVSignedDeviceIdentity{
		Details:             []byte("details"),
		AccountSignatureKey: bytes.Repeat([]byte{1}, 32),
		AccountSignature:    bytes.Repeat([]byte{2}, 64),
		DeviceSignature:     bytes.Repeat([]byte{3}, 64),
	}
}

// paired makes a paired device and returns the map behind it.
func paired(t testing.TB) (*rig, *store.Device, *memory) {
	t.Helper()
	r := newRig(t)
	d := must(r.NewDevice())
	pair(d, ownPN, ownLID)
	check(t, d.Save(t.Context()))
	m := r.store(r.owner.saved[0].ID)
	return r, d, m
}

// all is a paired device's store with every method.
func all(t testing.TB) (store.AllStores, *memory) {
	t.Helper()
	_, d, m := paired(t)
	return d.Sessions.(store.AllStores), m
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func pn(user string, device uint16) types.JID {
	return types.JID{User: user, Device: device, Server: types.DefaultUserServer}
}

func lid(user string, device uint16) types.JID {
	return types.JID{User: user, Device: device, Server: types.HiddenUserServer}
}

func seconds(n int64) time.Time { return time.Unix(n, 0) }
