package daemon

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// turns is how many accounts may be changed at once; those that share a turn wait for
// each other.
const turns = 64

// accounts is every account that was imported or has a profile, in memory. Its methods
// may be called from any goroutine.
type accounts struct {
	seed  maphash.Seed
	turns [turns]turn // held over a change

	mu     sync.RWMutex
	byUser map[user]record.Account // guarded by mu; what a value refers to never changes
	byID   map[string]user         // guarded by mu
}

// user is who an account is: a tenant by its id, and the name that it calls the account
// by.
type user struct{ tenant, name string }

func userOf(a record.Account) user { return user{a.Tenant, a.UserID} }

func (a *accounts) load(s *store.Store) error {
	a.seed = maphash.MakeSeed()
	for i := range a.turns {
		a.turns[i] = newTurn()
	}
	a.byUser, a.byID = make(map[user]record.Account), make(map[string]user)
	stored, err := s.Accounts()
	if err != nil {
		return err
	}
	for _, acc := range stored {
		a.put(acc)
	}
	return nil
}

func (a *accounts) put(acc record.Account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byUser[userOf(acc)], a.byID[acc.ID] = acc, userOf(acc)
}

func (a *accounts) remove(acc record.Account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byUser, userOf(acc))
	delete(a.byID, acc.ID)
}

func (a *accounts) get(u user) (record.Account, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	acc, ok := a.byUser[u]
	return acc, ok
}

// of answers the accounts that a test picks, in no order.
func (a *accounts) of(pick func(record.Account) bool) (out []record.Account) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, acc := range a.byUser {
		if pick(acc) {
			out = append(out, acc)
		}
	}
	return out
}

// turn is that of an account.
func (a *accounts) turn(u user) turn { return a.turns[maphash.Comparable(a.seed, u)%turns] }

// enter waits for the turn to change an account.
func (a *accounts) enter(ctx context.Context, u user) (leave func(), err error) {
	its := a.turn(u)
	return its.leave, its.enter(ctx)
}

// ChatAccount implements [api.Tenants].
func (t *tenants) ChatAccount(_ context.Context, tenant, name string) (record.Account, error) {
	u := user{tenant, name}
	acc, there := t.accounts.get(u)
	switch {
	case !acc.Imported && t.instanceOf(u) == nil: // or it goes with an instance that was deleted
		return record.Account{}, tencent.ErrNoAccount
	case !there:
		return record.Account{Tenant: tenant, UserID: name}, nil
	}
	return acc, nil
}

// instanceOf answers the instance that an account is the profile of, nil without one.
func (t *tenants) instanceOf(u user) *member {
	ten, err := t.find(u.tenant)
	if err != nil {
		return nil
	}
	t.fleet.mu.RLock()
	defer t.fleet.mu.RUnlock()
	if m := t.names[u.name]; m != nil && m.tenant == ten.Name {
		return m
	}
	return nil
}

// ImportAccount implements [api.Tenants].
func (t *tenants) ImportAccount(ctx context.Context, tenant, name, operator string, fields []record.Field) error {
	return t.editAccount(ctx, user{tenant, name}, operator, fields, true)
}

// SetProfile implements [api.Tenants].
func (t *tenants) SetProfile(ctx context.Context, tenant, name, operator string, fields []record.Field) error {
	return t.editAccount(ctx, user{tenant, name}, operator, fields, false)
}

// editAccount sets fields of an account; it is made where there is none, if it is
// imported or an instance has its name.
func (t *tenants) editAccount(ctx context.Context, u user, operator string, fields []record.Field, imported bool) error {
	if !t.started() {
		return instance.ErrStopping
	}
	done, err := t.useID(u.tenant)
	if err != nil {
		return tencent.ErrNoAccount
	}
	defer done()
	leave, err := t.accounts.enter(ctx, u)
	if err != nil {
		return err
	}
	defer leave()
	ten, err := t.find(u.tenant)
	if err != nil {
		return tencent.ErrNoAccount
	}
	now := time.Now().UTC()
	was, there := t.accounts.get(u)
	if !imported && !was.Imported && t.instanceOf(u) == nil {
		return tencent.ErrNoAccount
	}
	if !there {
		was = record.Account{ID: newID("a"), Tenant: u.tenant, UserID: u.name, CreatedAt: now}
	}
	next := was.With(now, fields...)
	next.Imported = was.Imported || imported
	ch := t.store.Change()
	ch.PutAccount(next)
	if len(fields) > 0 {
		fact := record.ProfileFact{Account: u.name, Tenant: ten.Name, Operator: operator, Fields: fields}
		if ten.Chat != nil {
			fact.App = ten.Chat.App
		}
		ch.Append(factOf(next.ID, record.ProfileUpdated, u.name, fact))
	}
	t.book.open(next.ID, ten.Name) // before its first event is told
	if _, err := t.store.Commit(ctx, ch); err != nil {
		if !there {
			t.book.closed(next.ID)
		}
		return unavailable(err)
	}
	t.accounts.put(next)
	t.apply(u)
	return nil
}

// leavesWith answers the profile that a deleted instance takes with it; false: it has
// none, or one that was imported or is another instance's by now.
func (t *tenants) leavesWith(m *member) (record.Account, bool) {
	acc, there := t.profileOf(m)
	return acc, there && !acc.Imported && t.instanceOf(userOf(acc)) == nil
}

// forgetProfile puts into a change set that the profile of an instance goes with it, one
// that was imported aside, and answers what to call when it is stored, or is not.
func (t *tenants) forgetProfile(ctx context.Context, ch *store.Change, m *member) (after func(stored bool), err error) {
	ten, err := t.find(m.tenant)
	if err != nil {
		return func(bool) {}, nil //nolint:nilerr // where there is no tenant there is no profile
	}
	u := user{ten.ID, m.name}
	leave, err := t.accounts.enter(ctx, u)
	if err != nil {
		return nil, err
	}
	acc, goes := t.leavesWith(m)
	if !goes {
		return func(bool) { leave() }, nil
	}
	ch.EraseAccount(acc.Tenant, acc.ID)
	return func(stored bool) {
		if stored {
			t.accounts.remove(acc)
			t.book.closed(acc.ID)
			t.eraseStream(ctx, acc.ID)
		}
		leave()
	}, nil
}

// profileOf answers the account of an instance.
func (t *tenants) profileOf(m *member) (record.Account, bool) {
	ten, err := t.find(m.tenant)
	if err != nil {
		return record.Account{}, false
	}
	return t.accounts.get(user{ten.ID, m.name})
}

// TenantAccounts implements [api.Tenants].
func (t *tenants) TenantAccounts(_ context.Context, nameOrID string) ([]api.Account, error) {
	ten, err := t.find(nameOrID)
	if err != nil {
		return nil, err
	}
	all := t.accountsOf(ten.ID)
	slices.SortFunc(all, func(a, b record.Account) int { return cmp.Compare(a.UserID, b.UserID) })
	out := make([]api.Account, 0, len(all))
	for _, acc := range all {
		out = append(out, t.showAccount(acc))
	}
	return out, nil
}

// accountsOf answers the accounts of a tenant, in no order.
func (t *tenants) accountsOf(tenant string) []record.Account {
	return t.accounts.of(func(a record.Account) bool { return a.Tenant == tenant })
}

// FindAccount implements [api.Tenants].
func (t *tenants) FindAccount(_ context.Context, id string) (api.Account, error) {
	t.accounts.mu.RLock()
	acc, ok := t.accounts.byUser[t.accounts.byID[id]]
	t.accounts.mu.RUnlock()
	if !ok {
		return api.Account{}, tencent.ErrNoAccount
	}
	return t.showAccount(acc), nil
}

func (t *tenants) showAccount(acc record.Account) api.Account {
	out := api.Account{
		ID: acc.ID, UserID: acc.UserID, Imported: acc.Imported, CreatedAt: acc.CreatedAt,
		Fields: append([]record.Field{}, acc.Fields...), Wishes: api.ShowWishes(acc.Wishes), Seq: t.store.Head(acc.ID),
	}
	if m := t.instanceOf(userOf(acc)); m != nil {
		out.Instance = m.id
	}
	return out
}
