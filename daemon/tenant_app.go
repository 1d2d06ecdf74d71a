package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"slices"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/record"
)

// The SDKAppIDs that are given out, as long as the vendor's.
const (
	firstApp = 1400000001
	lastApp  = 1799999999
)

// newChat makes an app that no tenant has. It is nobody's until its tenant is put.
func (t *tenants) newChat() *record.Chat {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(lastApp-firstApp+1))
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		app := firstApp + n.Int64()
		if _, taken := t.byApp[app]; !taken {
			return &record.Chat{App: app, SecretKey: newSecretKey(), Admins: []string{"administrator"}}
		}
	}
}

// newSecretKey makes the key that signs UserSigs: 64 hexadecimal digits.
func newSecretKey() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return hex.EncodeToString(b[:])
}

// ChatApp implements [tencent.Port].
func (t *tenants) ChatApp(_ context.Context, app int64) (record.Tenant, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	ten, ok := t.byID[t.byApp[app]]
	if !ok {
		return ten, tencent.ErrNoApp
	}
	return ten, nil
}

// RotateAppSecret implements [api.Tenants].
func (t *tenants) RotateAppSecret(ctx context.Context, nameOrID string) (made api.NewSecret, err error) {
	err = t.edit(ctx, nameOrID, func(ten *record.Tenant) (what, key string, err error) {
		ten.Chat.SecretKey = newSecretKey()
		made = api.NewSecret{App: ten.Chat.App, SecretKey: ten.Chat.SecretKey}
		return "secret_rotated", "", nil
	})
	if err != nil {
		return api.NewSecret{}, err
	}
	return made, nil
}

// checkChat judges what a change sets of a tenant's app.
func checkChat(ch api.TenantChange) error {
	if ch.Admins != nil {
		if err := api.CheckAdmins(*ch.Admins); err != nil {
			return err
		}
	}
	if ch.Custom != nil {
		return api.CheckCustom(*ch.Custom)
	}
	return nil
}

// changeChat sets what a change that was checked says of an app.
func changeChat(chat *record.Chat, ch api.TenantChange) {
	if ch.Admins != nil {
		chat.Admins = slices.Clone(*ch.Admins)
	}
	if ch.Custom != nil {
		chat.Custom = slices.Clone(*ch.Custom)
		slices.SortFunc(chat.Custom, func(a, b record.CustomField) int { return cmp.Compare(a.Name, b.Name) })
	}
}
