package apitest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// cut makes a further key of a tenant. f.mu is held.
func (f *Fake) cut(t *tenant, deny []string) api.NewKey {
	f.keys++
	k := record.AccessKey{
		ID: fmt.Sprintf("AKID%d", f.keys), Secret: fmt.Sprintf("secret%d", f.keys),
		CreatedAt: f.Now(), Deny: slices.Clone(deny),
	}
	t.Keys = append(t.Keys, k)
	return api.NewKey{ID: k.ID, Secret: k.Secret, Deny: slices.Clone(deny)}
}

// AddKey implements api.Tenants.
func (f *Fake) AddKey(_ context.Context, nameOrID string) (made api.NewKey, err error) {
	_, err = f.withTenant(nameOrID, func(t *tenant) (what, key string, err error) {
		made = f.cut(t, nil)
		return "key_added", made.ID, nil
	})
	return made, err
}

// withKey changes a key of a tenant.
func (f *Fake) withKey(nameOrID, id, what string, change func(*tenant, *record.AccessKey)) (api.Tenant, error) {
	return f.withTenant(nameOrID, func(t *tenant) (string, string, error) {
		k := t.Key(id)
		if k == nil {
			return "", "", api.ErrNoKey
		}
		change(t, k)
		return what, id, nil
	})
}

// RotateKey implements api.Tenants.
func (f *Fake) RotateKey(_ context.Context, nameOrID, key string, grace time.Duration) (made api.NewKey, err error) {
	_, err = f.withKey(nameOrID, key, "key_rotated", func(t *tenant, k *record.AccessKey) {
		if end := f.Now().Add(grace); k.Until.IsZero() || end.Before(k.Until) {
			k.Until = end
		}
		made = f.cut(t, k.Deny)
	})
	return made, err
}

// ChangeKey implements api.Tenants.
func (f *Fake) ChangeKey(_ context.Context, nameOrID, key string, ch api.KeyChange) (api.Tenant, error) {
	return f.withKey(nameOrID, key, "key_changed", func(_ *tenant, k *record.AccessKey) {
		if ch.Disabled != nil {
			k.Disabled = *ch.Disabled
		}
		if ch.Deny != nil {
			k.Deny = slices.Clone(*ch.Deny)
		}
	})
}

// DeleteKey implements api.Tenants.
func (f *Fake) DeleteKey(_ context.Context, nameOrID, key string) (api.Tenant, error) {
	return f.withKey(nameOrID, key, "key_deleted", func(t *tenant, _ *record.AccessKey) {
		t.Keys = slices.DeleteFunc(t.Keys, func(k record.AccessKey) bool { return k.ID == key })
	})
}

// AccessKey implements api.Tenants.
func (f *Fake) AccessKey(_ context.Context, id string) (record.Tenant, record.AccessKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return record.Tenant{}, record.AccessKey{}, f.err
	}
	for _, t := range f.tenants {
		whose := t.Clone()
		if k := whose.Key(id); k != nil {
			return whose, *k, nil
		}
	}
	return record.Tenant{}, record.AccessKey{}, cams.ErrNoKey
}

// nonce is what a key's client has made up for one call.
type nonce struct{ key, text string }

// UseNonce implements api.Tenants.
func (f *Fake) UseNonce(_ context.Context, key, text string, until time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	has := 0
	for n, end := range f.nonces {
		switch {
		case !f.Now().Before(end):
			delete(f.nonces, n)
		case n.key == key:
			has++
		}
	}
	if _, used := f.nonces[nonce{key, text}]; used {
		return cams.ErrNonceUsed
	}
	if f.Nonces > 0 && has >= f.Nonces {
		return instance.ErrBusy
	}
	f.nonces[nonce{key, text}] = until
	return nil
}
