package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/record"
)

// maxGrace is how long a key that was rotated away may be of use.
const maxGrace = 30 * 24 * time.Hour

// AddKey implements [api.Tenants].
func (t *tenants) AddKey(ctx context.Context, nameOrID string) (api.NewKey, error) {
	key := newKey()
	err := t.edit(ctx, nameOrID, func(ten *record.Tenant) (what, id string, err error) {
		ten.Keys = append(ten.Keys, key)
		return "key_added", key.ID, checkKeys(ten)
	})
	if err != nil {
		return api.NewKey{}, err
	}
	return shown(key), nil
}

// checkKeys judges how many keys a tenant has; those that have ended make room.
func checkKeys(ten *record.Tenant) error {
	if len(ten.Keys) > maxKeys {
		now := time.Now()
		ten.Keys = slices.DeleteFunc(ten.Keys, func(k record.AccessKey) bool { return !k.Until.IsZero() && !now.Before(k.Until) })
	}
	if len(ten.Keys) > maxKeys {
		return &api.RefusedError{Problem: fmt.Sprintf("the tenant has %d access keys already: delete one first", maxKeys)}
	}
	return nil
}

// RotateKey implements [api.Tenants].
func (t *tenants) RotateKey(ctx context.Context, nameOrID, id string, grace time.Duration) (api.NewKey, error) {
	if grace < 0 || grace > maxGrace {
		return api.NewKey{}, invalid("grace", "must be 0s to 720h")
	}
	key := newKey()
	err := t.edit(ctx, nameOrID, func(ten *record.Tenant) (what, of string, err error) {
		old := ten.Key(id)
		if old == nil {
			return "", "", api.ErrNoKey
		}
		if until := key.CreatedAt.Add(grace); old.Until.IsZero() || until.Before(old.Until) {
			old.Until = until
		}
		key.Deny = slices.Clone(old.Deny)
		ten.Keys = append(ten.Keys, key)
		return "key_rotated", id, checkKeys(ten)
	})
	if err != nil {
		return api.NewKey{}, err
	}
	return shown(key), nil
}

// ChangeKey implements [api.Tenants].
func (t *tenants) ChangeKey(ctx context.Context, nameOrID, id string, ch api.KeyChange) (api.Tenant, error) {
	if ch.Deny != nil {
		if len(*ch.Deny) > maxDeny {
			return api.Tenant{}, invalid("deny", "must be at most %d actions", maxDeny)
		}
		for _, action := range *ch.Deny {
			if !actionRule.MatchString(action) {
				return api.Tenant{}, invalid("deny", "must be actions like cams:UpdatePhoneMessageQrdl, or cams:*")
			}
		}
	}
	return t.changed(ctx, nameOrID, func(ten *record.Tenant) (what, of string, err error) {
		key := ten.Key(id)
		if key == nil {
			return "", "", api.ErrNoKey
		}
		set(&key.Disabled, ch.Disabled)
		if ch.Deny != nil {
			key.Deny = slices.Compact(slices.Sorted(slices.Values(*ch.Deny)))
		}
		return "key_changed", id, nil
	})
}

// DeleteKey implements [api.Tenants].
func (t *tenants) DeleteKey(ctx context.Context, nameOrID, id string) (api.Tenant, error) {
	return t.changed(ctx, nameOrID, func(ten *record.Tenant) (what, of string, err error) {
		if ten.Key(id) == nil {
			return "", "", api.ErrNoKey
		}
		ten.Keys = slices.DeleteFunc(ten.Keys, func(k record.AccessKey) bool { return k.ID == id })
		return "key_deleted", id, nil
	})
}

// AccessKey implements [api.Tenants].
func (t *tenants) AccessKey(_ context.Context, id string) (record.Tenant, record.AccessKey, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	ten := t.byID[t.byKey[id]]
	key := ten.Key(id)
	if key == nil {
		return record.Tenant{}, record.AccessKey{}, cams.ErrNoKey
	}
	return ten, *key, nil
}
