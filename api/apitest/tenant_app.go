package apitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// appKey is a further secret key of an app. f.mu is held, or nobody knows of f yet.
func (f *Fake) appKey() string {
	f.secrets++
	return fmt.Sprintf("appkey%d", f.secrets)
}

// RotateAppSecret implements api.Tenants.
func (f *Fake) RotateAppSecret(_ context.Context, nameOrID string) (made api.NewSecret, err error) {
	_, err = f.withTenant(nameOrID, func(t *tenant) (what, key string, err error) {
		t.Chat.SecretKey = f.appKey()
		made = api.NewSecret{App: t.Chat.App, SecretKey: t.Chat.SecretKey}
		return "secret_rotated", "", nil
	})
	return made, err
}

// changeApp sets what a change says of a tenant's app, all or nothing. f.mu is held.
func (f *Fake) changeApp(t *tenant, ch api.TenantChange) error {
	if ch.Admins != nil {
		if err := api.CheckAdmins(*ch.Admins); err != nil {
			return err
		}
	}
	if ch.Custom != nil {
		if err := api.CheckCustom(*ch.Custom); err != nil {
			return err
		}
	}
	if ch.Callback != nil {
		if err := f.setCallback(t, *ch.Callback); err != nil {
			return err
		}
	}
	if ch.Admins != nil {
		t.Chat.Admins = slices.Clone(*ch.Admins)
	}
	if ch.Custom != nil {
		t.Chat.Custom = slices.Clone(*ch.Custom)
		slices.SortFunc(t.Chat.Custom, func(a, b record.CustomField) int { return strings.Compare(a.Name, b.Name) })
	}
	return nil
}

// callback is the endpoint of a tenant's callbacks, nil without one. f.mu is held.
func (f *Fake) callback(t *tenant) *target {
	if f.posts == nil {
		return nil
	}
	for _, e := range f.posts.all {
		if e.tenant == t.Name && e.Name == api.CallbackName {
			return e
		}
	}
	return nil
}

// setCallback makes, changes or removes that endpoint. f.mu is held.
func (f *Fake) setCallback(t *tenant, url string) error {
	if f.posts == nil {
		f.posts = &Endpoints{f: f}
	}
	old := f.callback(t)
	if url == "" {
		f.posts.all = slices.DeleteFunc(f.posts.all, func(e *target) bool { return e == old })
		return nil
	}
	e := old
	if e == nil {
		e = &target{tenant: t.Name, lanes: make(map[string]*api.Lane)}
		e.Name, e.Owner, e.CreatedAt, e.State = api.CallbackName, "@"+t.Name, f.Now(), "ok"
	}
	format := "tencent"
	if err := e.change(api.EndpointChange{URL: &url, Format: &format}); err != nil {
		return &instance.InvalidError{Field: "callback", Problem: "leads to a private network: webhook.allow_networks allows it"}
	}
	if old == nil {
		f.posts.made++
		e.ID = fmt.Sprintf("e%d", f.posts.made)
		e.Secrets = []api.Secret{{Secret: "whsec_first-" + e.ID}}
		f.posts.all = append(f.posts.all, e)
	}
	return nil
}
