package daemon

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/files"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/picture"
	"github.com/switchhook/switchhook/queue"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// fleet is the registry of instances and their supervisor. Its methods may be
// called from any goroutine; instances run only while Run does.
type fleet struct {
	store     *store.Store
	files     *files.Files
	outbox    *outbox.Outbox
	driver    instance.Driver
	dials     instance.Dials
	timing    instance.Timing
	check     func(url string) error // refuses a webhook address
	formats   []string               // those of endpoints
	fetch     func(ctx context.Context, url string, most int64, take func(io.Reader) error) error
	test      func(context.Context, *record.Endpoint) outbox.Verdict
	book      *book
	greenTurn turn // of who changes what an instance is to GREEN-API's clients
	queue     *queue.Queue
	watches   *watches
	turns     fileTurns // of files on their way
	maker     *picture.Maker
	shelf     shelf
	tenants   *tenants
	log       *slog.Logger
	up        chan struct{} // closed when Run has begun
	widKey    [32]byte      // keys are compared as HMACs, so that time tells nothing

	mu       sync.RWMutex
	members  map[string]*member   // guarded by mu; by id
	names    map[string]*member   // guarded by mu
	adding   map[string]bool      // guarded by mu; names being added
	wids     map[[32]byte]*member // guarded by mu; by HMAC of the lower-case wid
	greenIDs map[int64]*member    // guarded by mu; by GREEN-API's idInstance, nil for one that is reserved
	running  context.Context      // guarded by mu; nil before Run and after its end
	group    sync.WaitGroup
}

// member is one instance with what the fleet knows of it.
type member struct {
	id     string
	name   string
	wid    string
	tenant string
	book   *book

	live  atomic.Pointer[instance.Instance]
	green atomic.Pointer[record.GreenAPI] // nil until an instance from before has its first
	rec   record.Instance                 // as it was read or made; the live instance knows better

	heard   bool                // nobody is waited for any more who has not read its last event; the keeper's own
	unheard []outbox.LaneStatus // by then, those that had not; the keeper's own

	asked       atomic.Pointer[string] // digits of the phone that a code to type was last made for
	received    atomic.Int64           // messages since the start
	sent        atomic.Int64
	files       atomic.Int32 // on their way at this moment
	lastMessage atomic.Int64 // its time in Unix nanoseconds, 0 before the first
}

func (f *fleet) newMember(rec record.Instance) *member {
	return &member{id: rec.ID, name: rec.Name, wid: rec.WID, tenant: tenantOf(rec), book: f.book, rec: rec}
}

// load reads every instance from the store.
func (f *fleet) load() error {
	if _, err := rand.Read(f.widKey[:]); err != nil {
		return err
	}
	f.up = make(chan struct{})
	f.queue = f.newQueue()
	f.members = make(map[string]*member)
	f.names = make(map[string]*member)
	f.adding = make(map[string]bool)
	f.wids = make(map[[32]byte]*member)
	f.greenIDs = make(map[int64]*member)
	f.greenTurn = newTurn()
	records, err := f.store.Instances()
	if err != nil {
		return err
	}
	if err := f.loadBook(records); err != nil {
		return err
	}
	if err := f.loadTenants(records); err != nil {
		return err
	}
	greens, err := f.loadGreens()
	if err != nil {
		return err
	}
	for _, rec := range records {
		m := f.newMember(rec)
		m.green.Store(greens[rec.ID])
		inst, err := f.build(m)
		if err != nil {
			return err
		}
		m.live.Store(inst)
		f.register(m)
		f.shelve(m)
	}
	return nil
}

// loadBook reads every endpoint. A webhook from before it had settings of its own
// is brought in step with its instance.
func (f *fleet) loadBook(records []record.Instance) error {
	endpoints, err := f.store.Endpoints()
	if err != nil {
		return err
	}
	configs := make(map[string]record.Config, len(records))
	for _, rec := range records {
		f.book.open(rec.ID, tenantOf(rec))
		configs[webhookID(rec.ID)] = rec.Config
	}
	for _, ep := range endpoints {
		if c, ok := configs[ep.ID]; ok {
			ep.Name = webhookName
			step(&ep, c)
		}
		f.book.put(ep)
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
		if g := m.green.Load(); g != nil {
			f.greenIDs[g.ID] = m
		}
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
	own, err := f.store.Picture(m.id)
	if err != nil {
		return nil, err
	}
	return instance.New(instance.Config{
		Record: m.rec, Session: session, Picture: own,
		Journal: journal{f, m}, Driver: f.driver, Dials: f.dials, Files: storage{f.files.Of(m.id)},
		Timing: f.timing, CheckWebhook: f.check, Log: f.log,
	})
}

// named answers the member of an id or a name, nil without one.
func (f *fleet) named(nameOrID string) *member {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if m := f.members[nameOrID]; m != nil {
		return m
	}
	return f.names[nameOrID]
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
	m := f.named(nameOrID)
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
		ID: m.id, Name: m.name, Tenant: m.tenant, WID: m.wid, CreatedAt: st.Record.CreatedAt,
		Deleting: !st.Record.DeletedAt.IsZero(), ExportedAt: st.Record.ExportedAt, Seq: f.store.Head(m.id), Info: st.Info,
		StorageTrouble: st.Storage, Messages: m.traffic(),
	}
	if st.Degraded != "" {
		e.Hint = "degraded: " + st.Degraded
	}
	if g := m.green.Load(); g != nil {
		e.IDInstance, e.APIToken = g.ID, g.Token
	}
	if acc, ok := f.tenants.profileOf(m); ok {
		e.Profile = api.ShowWishes(acc.Wishes)
	}
	if ep := m.webhook(); len(ep.Secrets) > 0 {
		e.WebhookSecret = ep.Secrets[0]
	}
	f.describeLanes(&e, lanes)
	return e
}

// describeLanes says how the deliveries to the instance's own endpoints do.
func (f *fleet) describeLanes(e *api.Entry, lanes []outbox.LaneStatus) {
	for _, l := range lanes {
		ep, ok := f.book.get(l.Endpoint)
		if !ok || ep.Stream == "" || l.Replay != "" {
			continue
		}
		e.Pending += int(l.Pending)
		if !l.NextAt.IsZero() && (e.NextTry.IsZero() || l.NextAt.Before(e.NextTry)) {
			e.NextTry = l.NextAt
		}
		trouble := l.LastError
		switch {
		case ep.Disabled != "" && ep.Name == webhookName:
			trouble = "disabled until the webhook is set again: " + ep.Disabled
		case ep.Disabled != "":
			trouble = "disabled until it is resumed: " + ep.Disabled
		}
		switch {
		case trouble == "":
		case ep.Name == webhookName:
			e.LastError = trouble
		case e.LastError == "":
			e.LastError = ep.Name + ": " + trouble
		}
	}
}
