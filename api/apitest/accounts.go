package apitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/record"
)

// ChatApp implements api.Tenants.
func (f *Fake) ChatApp(_ context.Context, app int64) (record.Tenant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.tenants {
		if t.Chat != nil && t.Chat.App == app {
			return t.Clone(), f.err
		}
	}
	return record.Tenant{}, tencent.ErrNoApp
}

// ChatAccount implements api.Tenants.
func (f *Fake) ChatAccount(_ context.Context, tenant, user string) (record.Account, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.tenant(tenant)
	if err != nil {
		return record.Account{}, err
	}
	if acc := t.account(user); acc != nil {
		return *acc, nil
	}
	if !f.has(t, user) {
		return record.Account{}, tencent.ErrNoAccount
	}
	return record.Account{Tenant: t.ID, UserID: user}, nil
}

func (t *tenant) account(user string) *record.Account {
	for i := range t.accounts {
		if t.accounts[i].UserID == user {
			return &t.accounts[i]
		}
	}
	return nil
}

// profile is what WhatsApp is to have of an instance's profile. f.mu is held.
func (f *Fake) profile(h *held) []api.Wish {
	for _, t := range f.tenants {
		if f.has(t, h.Name) {
			if acc := t.account(h.Name); acc != nil {
				return api.ShowWishes(acc.Wishes)
			}
		}
	}
	return nil
}

// has reports whether a tenant has an instance of that name. f.mu is held.
func (f *Fake) has(t *tenant, name string) bool {
	h, err := f.find(name)
	return err == nil && h.Name == name && (h.Tenant == t.Name || h.Tenant == "" && t.Name == record.DefaultTenant)
}

// ImportAccount implements api.Tenants.
func (f *Fake) ImportAccount(_ context.Context, tenant, user, _ string, fields []record.Field) error {
	return f.setProfile(tenant, user, fields, true)
}

// SetProfile implements api.Tenants. What is set is applied never.
func (f *Fake) SetProfile(_ context.Context, tenant, user, _ string, fields []record.Field) error {
	return f.setProfile(tenant, user, fields, false)
}

func (f *Fake) setProfile(tenant, user string, fields []record.Field, imported bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.tenant(tenant)
	if err != nil {
		return err
	}
	acc := t.account(user)
	if acc == nil {
		if !imported && !f.has(t, user) {
			return tencent.ErrNoAccount
		}
		f.accounts++
		t.accounts = append(t.accounts, record.Account{
			ID: fmt.Sprintf("a%d", f.accounts), Tenant: t.ID, UserID: user, CreatedAt: f.Now(),
		})
		acc = t.account(user)
	}
	*acc = acc.With(f.Now(), fields...)
	acc.Imported = acc.Imported || imported
	f.note("profile", user)
	return nil
}

// TenantAccounts implements api.Tenants.
func (f *Fake) TenantAccounts(_ context.Context, nameOrID string) ([]api.Account, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.tenant(nameOrID)
	if err != nil {
		return nil, err
	}
	out := make([]api.Account, 0, len(t.accounts))
	for _, acc := range t.accounts {
		out = append(out, f.shownAccount(t, acc))
	}
	slices.SortFunc(out, func(a, b api.Account) int { return strings.Compare(a.UserID, b.UserID) })
	return out, nil
}

// FindAccount implements api.Tenants. Its stream has no events.
func (f *Fake) FindAccount(_ context.Context, id string) (api.Account, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.tenants {
		for _, acc := range t.accounts {
			if acc.ID == id {
				return f.shownAccount(t, acc), nil
			}
		}
	}
	return api.Account{}, tencent.ErrNoAccount
}

// shownAccount is an account as its operator sees it. f.mu is held.
func (f *Fake) shownAccount(t *tenant, acc record.Account) api.Account {
	shown := api.Account{
		ID: acc.ID, UserID: acc.UserID, Imported: acc.Imported, CreatedAt: acc.CreatedAt,
		Fields: append([]record.Field{}, acc.Fields...), Wishes: api.ShowWishes(acc.Wishes),
	}
	if f.has(t, acc.UserID) {
		h, _ := f.find(acc.UserID) // it was found
		shown.Instance = h.ID
	}
	return shown
}
