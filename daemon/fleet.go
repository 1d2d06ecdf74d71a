package daemon

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/files"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// fleet is the registry of instances and their supervisor. Its methods may be
// called from any goroutine; instances run only while Run does.
type fleet struct {
	store   *store.Store
	files   *files.Files
	outbox  *outbox.Outbox
	driver  instance.Driver
	dials   instance.Dials
	timing  instance.Timing
	check   func(url string) error // refuses a webhook address
	watches *watches
	log     *slog.Logger
	up      chan struct{} // closed when Run has begun
	widKey  [32]byte      // keys are compared as HMACs, so that time tells nothing

	mu      sync.RWMutex
	members map[string]*member   // guarded by mu; by id
	names   map[string]*member   // guarded by mu
	adding  map[string]bool      // guarded by mu; names being added
	wids    map[[32]byte]*member // guarded by mu; by HMAC of the lower-case wid
	running context.Context      // guarded by mu; nil before Run and after its end
	group   sync.WaitGroup
}

// member is one instance with what the fleet knows of it.
type member struct {
	id   string
	name string
	wid  string

	live atomic.Pointer[instance.Instance]
	ep   atomic.Pointer[record.Endpoint]
	rec  record.Instance // as it was read or made; the live instance knows better

	asked       atomic.Pointer[string] // digits of the phone that a code to type was last made for
	received    atomic.Int64           // messages since the start
	sent        atomic.Int64
	lastMessage atomic.Int64 // its time in Unix nanoseconds, 0 before the first
}

func (m *member) endpoint() record.Endpoint     { return *m.ep.Load() }
func (m *member) setEndpoint(e record.Endpoint) { m.ep.Store(&e) }

// load reads every instance from the store.
func (f *fleet) load() error {
	if _, err := rand.Read(f.widKey[:]); err != nil {
		return err
	}
	f.up = make(chan struct{})
	f.members = make(map[string]*member)
	f.names = make(map[string]*member)
	f.adding = make(map[string]bool)
	f.wids = make(map[[32]byte]*member)
	records, err := f.store.Instances()
	if err != nil {
		return err
	}
	endpoints, err := f.store.Endpoints()
	if err != nil {
		return err
	}
	byStream := make(map[string]record.Endpoint, len(endpoints))
	for _, ep := range endpoints {
		byStream[ep.Stream] = ep
	}
	for _, rec := range records {
		m := &member{id: rec.ID, name: rec.Name, wid: rec.WID, rec: rec}
		m.setEndpoint(byStream[rec.ID])
		inst, err := f.build(m)
		if err != nil {
			return err
		}
		m.live.Store(inst)
		f.register(m)
	}
	return nil
}

// register makes the member findable. One that is being deleted keeps only its
// id.
func (f *fleet) register(m *member) {
	f.members[m.id] = m
	if m.rec.DeletedAt.IsZero() {
		f.names[m.name] = m
		f.wids[f.widHash(m.wid)] = m
	}
}

func (f *fleet) widHash(wid string) (sum [32]byte) {
	h := hmac.New(sha256.New, f.widKey[:])
	h.Write([]byte(strings.ToLower(wid)))
	h.Sum(sum[:0])
	return sum
}

// build makes the member's instance from what the store holds now.
func (f *fleet) build(m *member) (*instance.Instance, error) {
	session, err := f.store.Session(m.id)
	if err != nil {
		return nil, err
	}
	return instance.New(instance.Config{
		Record: m.rec, Session: session,
		Journal: journal{f, m}, Driver: f.driver, Dials: f.dials, Files: storage{f.files.Of(m.id)},
		Timing: f.timing, CheckWebhook: f.check, Log: f.log,
	})
}

func (f *fleet) byID(id string) *member {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.members[id]
}

// List implements [api.Instances].
func (f *fleet) List(context.Context) ([]api.Entry, error) {
	f.mu.RLock()
	all := make([]*member, 0, len(f.members))
	for _, m := range f.members {
		all = append(all, m)
	}
	f.mu.RUnlock()
	slices.SortFunc(all, func(a, b *member) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
	lanes := make(map[string][]outbox.LaneStatus)
	for _, l := range f.outbox.Status("") {
		lanes[l.Stream] = append(lanes[l.Stream], l)
	}
	out := make([]api.Entry, 0, len(all))
	for _, m := range all {
		out = append(out, f.describe(m, lanes[m.id]))
	}
	return out, nil
}

// Find implements [api.Instances].
func (f *fleet) Find(_ context.Context, nameOrID string) (api.Entry, error) {
	f.mu.RLock()
	m := f.members[nameOrID]
	if m == nil {
		m = f.names[nameOrID]
	}
	f.mu.RUnlock()
	if m == nil {
		return api.Entry{}, instance.ErrNotFound
	}
	return f.entry(m), nil
}

// FindWID implements [api.Instances].
func (f *fleet) FindWID(_ context.Context, wid string) (id, issued string, err error) {
	sum := f.widHash(wid)
	f.mu.RLock()
	m := f.wids[sum]
	f.mu.RUnlock()
	if m == nil {
		return "", "", instance.ErrNotFound
	}
	return m.id, m.wid, nil
}

func (f *fleet) entry(m *member) api.Entry { return f.describe(m, f.outbox.Status(m.id)) }

func (f *fleet) describe(m *member, lanes []outbox.LaneStatus) api.Entry {
	st := m.live.Load().Status()
	e := api.Entry{
		ID: m.id, Name: m.name, WID: m.wid, CreatedAt: st.Record.CreatedAt,
		Deleting: !st.Record.DeletedAt.IsZero(), ExportedAt: st.Record.ExportedAt, Seq: f.store.Head(m.id), Info: st.Info,
		StorageTrouble: st.Storage, Messages: m.traffic(),
	}
	if st.Degraded != "" {
		e.Hint = "degraded: " + st.Degraded
	}
	ep := m.endpoint()
	if len(ep.Secrets) > 0 {
		e.WebhookSecret = ep.Secrets[0]
	}
	for _, l := range lanes {
		e.Pending += int(l.Pending)
		e.NextTry = l.NextAt
		if l.LastError != "" {
			e.LastError = l.LastError
		}
	}
	if ep.Disabled != "" {
		e.LastError = "disabled until the webhook is set again: " + ep.Disabled
	}
	return e
}
