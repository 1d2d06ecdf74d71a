package daemon

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// tenants is every tenant as the store holds it, in memory, with what is theirs. Its
// methods may be called from any goroutine.
type tenants struct {
	*fleet
	nonces
	codes    qrdls
	scans    scans
	accounts accounts
	applying *applying
	turn     turn                     // to change tenants
	heard    func(stream string) bool // reports whether everyone has its last event who will

	mu       sync.RWMutex
	byID     map[string]record.Tenant // guarded by mu; what a value refers to never changes
	byName   map[string]string        // guarded by mu; ids
	byKey    map[string]string        // guarded by mu; ids, by those of access keys
	byApp    map[int64]string         // guarded by mu; ids, by SDKAppID
	unstored map[string]bool          // guarded by mu; ids of those that were made up at the start, true, or got their app then
	uses     map[string]int           // guarded by mu; by name, what is just being put under it
	leaving  map[string]bool          // guarded by mu; by name, those that are being deleted
}

// loadTenants reads the tenants, their codes and their nonces. Of those that are only
// named by instances and endpoints, and of the default one, records are made, and those
// from before there were apps get one; they are stored by provide.
func (f *fleet) loadTenants(records []record.Instance) error {
	t := &tenants{
		fleet: f, turn: newTurn(), applying: newApplying(),
		byID: make(map[string]record.Tenant), byName: make(map[string]string), byKey: make(map[string]string),
		byApp: make(map[int64]string), unstored: make(map[string]bool), uses: make(map[string]int), leaving: make(map[string]bool),
	}
	f.tenants = t
	stored, err := f.store.Tenants()
	if err != nil {
		return err
	}
	for _, ten := range stored {
		t.put(ten)
	}
	for _, ten := range stored {
		if ten.Chat == nil {
			ten.Chat = t.newChat()
			t.put(ten)
			t.unstored[ten.ID] = false
		}
	}
	names := []string{record.DefaultTenant}
	for _, rec := range records {
		names = append(names, tenantOf(rec))
	}
	for _, ep := range f.book.all() {
		if ep.Tenant != "" {
			names = append(names, ep.Tenant)
		}
	}
	for _, name := range names {
		if _, there := t.byName[name]; !there {
			ten := t.newTenant(name)
			t.put(ten)
			t.unstored[ten.ID] = true
		}
	}
	if err := t.nonces.load(f.store, time.Now()); err != nil {
		return err
	}
	if err := t.accounts.load(f.store); err != nil {
		return err
	}
	for _, acc := range t.accounts.of(func(record.Account) bool { return true }) {
		f.book.open(acc.ID, t.byID[acc.Tenant].Name)
	}
	if err := t.codes.load(f.store); err != nil {
		return err
	}
	for code, q := range t.codes.byCode { // nobody else has it yet
		if q.Untold > 0 {
			t.scans.keep(code, true)
		}
	}
	return nil
}

// tenantOf answers whose an instance is.
func tenantOf(rec record.Instance) string { return cmp.Or(rec.Tenant, record.DefaultTenant) }

// newTenant makes a tenant up. The turn is held until it is put, so that no other gets
// its app.
func (t *tenants) newTenant(name string) record.Tenant {
	return record.Tenant{ID: newID("t"), Name: name, CreatedAt: time.Now().UTC(), SpaceID: "cams-" + newID("s"), Chat: t.newChat()}
}

// put adds a tenant or changes one.
func (t *tenants) put(ten record.Tenant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.byID[ten.ID].Keys {
		delete(t.byKey, k.ID)
	}
	t.byID[ten.ID], t.byName[ten.Name] = ten, ten.ID
	for _, k := range ten.Keys {
		t.byKey[k.ID] = ten.ID
	}
	if ten.Chat != nil { // else it gets one in a moment, and keeps it
		t.byApp[ten.Chat.App] = ten.ID
	}
	t.book.open(ten.ID, ten.Name)
}

func (t *tenants) remove(ten record.Tenant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range ten.Keys {
		delete(t.byKey, k.ID)
	}
	delete(t.byApp, ten.Chat.App)
	delete(t.byID, ten.ID)
	delete(t.byName, ten.Name)
	t.book.closed(ten.ID)
}

// find answers the tenant of an id or a name, or [api.ErrNoTenant].
func (t *tenants) find(nameOrID string) (record.Tenant, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	ten, ok := t.byID[nameOrID]
	if !ok {
		ten, ok = t.byID[t.byName[nameOrID]]
	}
	if !ok {
		return ten, api.ErrNoTenant
	}
	return ten, nil
}

// isStream reports whether a tenant's events go by an id.
func (t *tenants) isStream(id string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, there := t.byID[id]
	return there
}

// named reports whether there is a tenant of that name. Instances and endpoints name
// theirs so, never by its id.
func (t *tenants) named(name string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, there := t.byName[name]
	return there
}

// use keeps a tenant from being deleted until done is called, or answers
// [api.ErrNoTenant].
func (t *tenants) use(name string) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, there := t.byName[name]; !there || t.leaving[name] {
		return nil, api.ErrNoTenant
	}
	t.uses[name]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.uses[name]--; t.uses[name] == 0 {
			delete(t.uses, name)
		}
	}, nil
}

// useID is use for the id of a tenant.
func (t *tenants) useID(id string) (done func(), err error) {
	ten, err := t.find(id)
	if err != nil {
		return nil, err
	}
	return t.use(ten.Name)
}

// enter waits for the turn to change tenants.
func (t *tenants) enter(ctx context.Context) error {
	if !t.started() {
		return instance.ErrStopping
	}
	return t.turn.enter(ctx)
}

func (t *tenants) leave() { t.turn.leave() }

// edit changes a tenant: with is given a copy of what it is now, and answers what the
// event says has changed and of which key. It fails with what with answers, and where
// with answers errNoChange nothing is written.
func (t *tenants) edit(ctx context.Context, nameOrID string, with func(*record.Tenant) (what, key string, err error)) error {
	return t.editCallback(ctx, nameOrID, nil, with)
}

// editCallback is edit, and sets where the callbacks of the tenant go, unless url is nil.
func (t *tenants) editCallback(ctx context.Context, nameOrID string, url *string, with func(*record.Tenant) (what, key string, err error)) error {
	if err := t.enter(ctx); err != nil {
		return err
	}
	defer t.leave()
	old, err := t.find(nameOrID)
	if err != nil {
		return err
	}
	next := old.Clone()
	what, key, err := with(&next)
	if err != nil {
		return err
	}
	ch := t.store.Change()
	if t.isUnstored(next.ID) {
		ch.Append(tenantFact(record.TenantCreated, next, "", ""))
	}
	ch.PutTenant(next)
	ch.Append(tenantFact(record.TenantChanged, next, what, key))
	if url == nil {
		return t.commit(ctx, ch, next)
	}
	if err := t.book.enter(ctx); err != nil {
		return err
	}
	defer t.book.leave()
	move := callbackMove{f: t.fleet, ch: ch, tenant: next.Name}
	if err := move.to(*url); err != nil {
		return err
	}
	if err := t.commit(ctx, ch, next); err != nil {
		return err
	}
	move.tell()
	return nil
}

// commit stores a change set that has the tenant.
func (t *tenants) commit(ctx context.Context, ch *store.Change, next record.Tenant) error {
	if _, err := t.store.Commit(ctx, ch); err != nil {
		return unavailable(err)
	}
	t.put(next)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.unstored, next.ID)
	return nil
}

// isUnstored reports whether a tenant was made up and nobody was told of it yet.
func (t *tenants) isUnstored(id string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.unstored[id]
}

// provide stores the tenants that were made up at the start, and those that got their app
// then.
func (t *tenants) provide(ctx context.Context) error {
	if err := t.enter(ctx); err != nil {
		return err
	}
	defer t.leave()
	t.mu.RLock()
	ids := slices.Collect(maps.Keys(t.unstored))
	t.mu.RUnlock()
	for _, id := range ids {
		ten, err := t.find(id)
		if err != nil {
			return err
		}
		if err := t.save(ctx, ten, t.isUnstored(id)); err != nil {
			return err
		}
	}
	return nil
}

// save stores a tenant, and tells of one that is new. The turn is held.
func (t *tenants) save(ctx context.Context, ten record.Tenant, fresh bool) error {
	ch := t.store.Change()
	ch.PutTenant(ten)
	if fresh {
		ch.Append(tenantFact(record.TenantCreated, ten, "", ""))
	}
	return t.commit(ctx, ch, ten)
}
