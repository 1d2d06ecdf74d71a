// Package apitest is a daemon for tests of what comes in over HTTP: it keeps
// instances in memory, moves them by the table of package fsm the moment they
// are asked, and remembers their events. It imitates the port, not WhatsApp:
// nothing fails unless [Fake.Fail] says so and nothing takes time but a download
// that is told to.
package apitest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Fake implements api.Instances, api.Sandbox, api.System and api.Tenants. Any goroutine
// may use its methods; the fields are set before the first call.
type Fake struct {
	Now     func() time.Time
	Version string
	Network string
	Broker  api.NATS
	Faults  []api.FaultKind

	FetchTakes  time.Duration // one download
	UploadTakes time.Duration // one upload
	Room        int64         // for a file, in bytes; 0: for any
	Held        atomic.Int32  // files of HoldFile that are open
	Nonces      int           // that are remembered of one access key; 0: any number

	mu        sync.Mutex
	err       error
	notReady  error
	instances []*held
	own       held // the daemon's own events
	watchers  map[string][]chan struct{}
	log       []string // of the calls that change something
	seq       int

	tenants                                []*tenant
	settled, keys, coded, tokens, accounts int
	secrets                                int                 // keys of apps
	nonces                                 map[nonce]time.Time // and until when
	dead                                   map[string]bool     // tokens of links that were updated or deleted
	posts                                  *Endpoints          // of NewEndpoints
}

var (
	_ api.Instances = (*Fake)(nil)
	_ api.Sandbox   = (*Fake)(nil)
	_ api.System    = (*Fake)(nil)
)

// held is one instance and its events.
type held struct {
	record.Instance
	session *record.Session
	green   record.GreenAPI
	paired  *record.Session // becomes session when the table says that one begins
	code    record.Code
	typed   record.Code // to type on the phone
	asked   string      // digits of that phone
	stored  map[uint64][]byte
	picture record.Picture // without a token: none
	image   []byte
	about   string
	pending int
	lastErr string
	events  []record.Event
	epoch   uint32 // 0 is 1
	pruned  uint64 // the last seq that is no more
}

// New makes a fake of the given network with no instance and the tenant that is always
// there.
func New(network string) *Fake {
	f := &Fake{
		Now:     time.Now,
		Version: "v0.0.0-test",
		Network: network,
		Broker:  api.NATS{URL: "nats://127.0.0.1:4222", User: "reader", Password: "nats-password", Stream: "SWITCHHOOK", Subjects: []string{"switchhook.ev.>"}},
		Faults: []api.FaultKind{{Name: "drop", What: "drops the socket", Options: []string{"no_gap", "later"}}, {Name: "hear", What: "hears again"}, {
			Name: "refuse-402", What: "bans", Options: []string{"no_gap", "times", "later", "expire", "ban_reason"},
		}},
		watchers: make(map[string][]chan struct{}),
		own:      held{Instance: record.Instance{ID: record.DaemonStream}},
		nonces:   make(map[nonce]time.Time),
		dead:     make(map[string]bool),
	}
	f.settle(api.TenantSpec{Name: record.DefaultTenant})
	return f
}

// Fail lets every later command answer err; nil ends it.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Unready lets the daemon be unready for that reason; nil ends it.
func (f *Fake) Unready(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notReady = err
}

// Deliveries sets how many PostBacks wait, and for what.
func (f *Fake) Deliveries(name string, pending int, lastErr string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(name)
	if err != nil {
		panic(err)
	}
	h.pending, h.lastErr = pending, lastErr
}

// Amend changes the stored instance itself.
func (f *Fake) Amend(name string, change func(*record.Instance)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(name)
	if err != nil {
		panic(err)
	}
	change(&h.Instance)
}

// Calls answers the commands that were run so far, as "verb id".
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// About implements api.System.
func (f *Fake) About() api.About {
	return api.About{Version: f.Version, Network: f.Network, StartedAt: f.Now().Add(-time.Hour)}
}

// Ready implements api.System.
func (f *Fake) Ready(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.notReady
}

// NATS implements api.System.
func (f *Fake) NATS() api.NATS { return f.Broker }

// List implements api.Instances.
func (f *Fake) List(context.Context) ([]api.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	var all []api.Entry
	for _, h := range f.instances {
		all = append(all, h.entry())
	}
	slices.SortFunc(all, func(a, b api.Entry) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Find implements api.Instances.
func (f *Fake) Find(_ context.Context, nameOrID string) (api.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(nameOrID)
	if err != nil {
		return api.Entry{}, err
	}
	e := h.entry()
	e.Profile = f.profile(h)
	return e, nil
}

// FindWID implements api.Instances.
func (f *Fake) FindWID(_ context.Context, wid string) (id, issued string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.instances {
		if strings.EqualFold(h.WID, wid) && h.DeletedAt.IsZero() {
			return h.ID, h.WID, nil
		}
	}
	return "", "", instance.ErrNotFound
}

// Add implements api.Instances. The first instance is i1, its wid ends in 1.
func (f *Fake) Add(_ context.Context, spec api.AddSpec) (api.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return api.Entry{}, f.err
	}
	if spec.Name == "" || strings.ContainsAny(spec.Name, "/ ") {
		return api.Entry{}, &instance.InvalidError{Field: "name", Problem: "must be letters, digits and hyphens"}
	}
	spec.Tenant = cmp.Or(spec.Tenant, record.DefaultTenant)
	if !f.settledAs(spec.Tenant) {
		return api.Entry{}, api.ErrNoTenant
	}
	if _, err := f.find(spec.Name); err == nil {
		return api.Entry{}, instance.ErrNameTaken
	}
	f.seq++
	now := f.Now()
	h := &held{Instance: record.Instance{
		ID: fmt.Sprintf("i%d", f.seq), Name: spec.Name,
		WID:    fmt.Sprintf("6D6307C3-2973-4468-85FA-%012d", f.seq),
		Tenant: spec.Tenant, CreatedAt: now, Since: now, Config: record.Config{Webhook: spec.Webhook},
	}, stored: make(map[uint64][]byte)}
	h.beGreen(spec, f.seq)
	h.pair(Phone)
	f.instances = append(f.instances, h)
	f.note("add", h.ID)
	return h.entry(), nil
}

// Delete implements api.Instances. The instance stays until [Fake.Erase].
func (f *Fake) Delete(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("delete", id)
	if err != nil {
		return err
	}
	h.DeletedAt = f.Now()
	f.append(h, record.Event{Kind: record.InstanceDeleted})
	return nil
}

// Erase removes an instance, as happens once its last events are delivered.
func (f *Fake) Erase(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instances = slices.DeleteFunc(f.instances, func(h *held) bool { return h.ID == id })
	f.wake(id)
}

// find looks an instance up by id or name. f.mu is held.
func (f *Fake) find(nameOrID string) (*held, error) {
	for _, h := range f.instances {
		if h.ID == nameOrID || h.Name == nameOrID {
			return h, nil
		}
	}
	return nil, instance.ErrNotFound
}

// acting is the instance a command is for, unless commands fail now. f.mu is
// held.
func (f *Fake) acting(verb, id string) (*held, error) {
	if f.err != nil {
		return nil, f.err
	}
	h, err := f.find(id)
	if err == nil {
		f.note(verb, id)
	}
	return h, err
}

func (f *Fake) note(verb, id string) { f.log = append(f.log, verb+" "+id) }

func (h *held) info() record.Info { return record.Describe(h.Instance, h.session) }

func (h *held) entry() api.Entry {
	return api.Entry{
		ID: h.ID, Name: h.Name, Tenant: h.Tenant, WID: h.WID, WebhookSecret: "whsec_" + h.ID,
		IDInstance: h.green.ID, APIToken: h.green.Token,
		CreatedAt: h.CreatedAt, Deleting: !h.DeletedAt.IsZero(), Seq: h.head(),
		Info:     h.info(),
		Delivery: api.Delivery{Pending: h.pending, LastError: h.lastErr},
	}
}
