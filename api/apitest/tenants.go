package apitest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

var _ api.Tenants = (*Fake)(nil)

// tenant is one tenant with its events and its message QR codes.
type tenant struct {
	record.Tenant
	own   held           // its stream
	codes []*record.QRDL // the oldest first

	accounts []record.Account
}

// settle makes a tenant without a key: the first one is t1, in the space cams-t1, with
// the app 1400000001. f.mu is held, or nobody knows of f yet.
func (f *Fake) settle(spec api.TenantSpec) *tenant {
	f.settled++
	id := fmt.Sprintf("t%d", f.settled)
	t := &tenant{
		Tenant: record.Tenant{ID: id, Name: spec.Name, CreatedAt: f.Now(), SpaceID: cmp.Or(spec.SpaceID, "cams-"+id)},
		own:    held{Instance: record.Instance{ID: id, Name: spec.Name}},
	}
	t.Chat = &record.Chat{App: 1400000000 + int64(f.settled), SecretKey: f.appKey(), Admins: []string{"administrator"}}
	f.tenants = append(f.tenants, t)
	return t
}

// tenant finds by name or id, unless everything fails now. f.mu is held.
func (f *Fake) tenant(nameOrID string) (*tenant, error) {
	if f.err != nil {
		return nil, f.err
	}
	for _, t := range f.tenants {
		if t.ID == nameOrID || t.Name == nameOrID {
			return t, nil
		}
	}
	return nil, api.ErrNoTenant
}

// withTenant changes a tenant, tells what was changed unless that is empty, and answers it.
func (f *Fake) withTenant(nameOrID string, change func(*tenant) (what, key string, err error)) (api.Tenant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.tenant(nameOrID)
	if err != nil {
		return api.Tenant{}, err
	}
	what, key, err := change(t)
	if err != nil {
		return api.Tenant{}, err
	}
	if what != "" {
		f.tellTenant(record.TenantChanged, t, what, key)
	}
	return f.shownTenant(t), nil
}

// tellTenant appends an event about a tenant to the daemon's stream. f.mu is held.
func (f *Fake) tellTenant(kind record.Kind, t *tenant, what, key string) {
	f.append(&f.own, record.Event{
		Kind: kind, Name: t.Name, Data: fact(record.TenantFact{Tenant: t.ID, Name: t.Name, What: what, Key: key}),
	})
}

func fact(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// shownTenant is the tenant as its operator sees it. f.mu is held.
func (f *Fake) shownTenant(t *tenant) api.Tenant {
	out := api.Tenant{
		ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, SpaceID: t.SpaceID, Subscribed: !t.Unsubscribed,
		Instances: []string{}, Numbers: f.numbers(t), Keys: []api.AccessKey{}, QRDLs: len(t.codes), Seq: t.own.head(),
		App: t.Chat.App, Admins: slices.Clone(t.Chat.Admins), Custom: append([]record.CustomField{}, t.Chat.Custom...),
	}
	if e := f.callback(t); e != nil {
		out.Callback = e.Ref()
	}
	for _, h := range f.instances {
		if h.of(t) {
			out.Instances = append(out.Instances, h.Name)
		}
	}
	slices.Sort(out.Instances)
	for _, k := range t.Keys {
		out.Keys = append(out.Keys, api.AccessKey{ID: k.ID, CreatedAt: k.CreatedAt, Disabled: k.Disabled, Until: k.Until, Deny: slices.Clone(k.Deny)})
	}
	return out
}

// of reports whether an instance is the tenant's.
func (h *held) of(t *tenant) bool { return h.Tenant == t.Name }

// settledAs reports whether there is a tenant of that name. f.mu is held.
func (f *Fake) settledAs(name string) bool {
	return slices.ContainsFunc(f.tenants, func(t *tenant) bool { return t.Name == name })
}

// numbers are those that the tenant's keys may use: of its paired instances, and those
// that were registered. f.mu is held.
func (f *Fake) numbers(t *tenant) []api.Number {
	out := []api.Number{}
	for _, n := range t.Numbers {
		out = append(out, api.Number{Number: n, Registered: true})
	}
	for _, h := range f.instances {
		digits := h.session.Phone()
		if !h.of(t) || digits == "" {
			continue
		}
		if i := slices.IndexFunc(out, func(n api.Number) bool { return n.Number == digits }); i >= 0 {
			out[i].Instance = h.Name
			continue
		}
		out = append(out, api.Number{Number: digits, Instance: h.Name})
	}
	slices.SortFunc(out, func(a, b api.Number) int { return strings.Compare(a.Number, b.Number) })
	return out
}

// Tenants implements api.Tenants. There is "default", t1, from the beginning.
func (f *Fake) Tenants(context.Context) ([]api.Tenant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	var all []api.Tenant
	for _, t := range f.tenants {
		all = append(all, f.shownTenant(t))
	}
	slices.SortFunc(all, func(a, b api.Tenant) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Tenant implements api.Tenants.
func (f *Fake) Tenant(_ context.Context, nameOrID string) (api.Tenant, error) {
	return f.withTenant(nameOrID, func(*tenant) (string, string, error) { return "", "", nil })
}

// AddTenant implements api.Tenants. Keys are counted over all tenants: the first is AKID1,
// and its secret is secret1. So are those of apps: that of the default tenant is appkey1.
func (f *Fake) AddTenant(_ context.Context, spec api.TenantSpec) (api.NewTenant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch _, err := f.tenant(spec.Name); {
	case f.err != nil:
		return api.NewTenant{}, f.err
	case !endpointName.MatchString(spec.Name):
		return api.NewTenant{}, &instance.InvalidError{Field: "name", Problem: "must be letters, digits, dots, dashes or underscores"}
	case err == nil:
		return api.NewTenant{}, api.ErrTenantTaken
	case spec.SpaceID != "" && !spaceID(spec.SpaceID):
		return api.NewTenant{}, errSpaceID
	}
	t := f.settle(spec)
	k := f.cut(t, nil)
	f.tellTenant(record.TenantCreated, t, "", "")
	return api.NewTenant{Tenant: f.shownTenant(t), NewKey: k, SecretKey: t.Chat.SecretKey}, nil
}

var errSpaceID = &instance.InvalidError{Field: "space_id", Problem: "must be letters, digits, dots, dashes or underscores"}

func spaceID(text string) bool { return endpointName.MatchString(text) }

// ChangeTenant implements api.Tenants.
func (f *Fake) ChangeTenant(_ context.Context, nameOrID string, ch api.TenantChange) (api.Tenant, error) {
	return f.withTenant(nameOrID, func(t *tenant) (what, key string, err error) {
		if ch.SpaceID != nil && !spaceID(*ch.SpaceID) {
			return "", "", errSpaceID
		}
		if ch.SpaceID != nil {
			t.SpaceID = *ch.SpaceID
		}
		if ch.Subscribed != nil {
			t.Unsubscribed = !*ch.Subscribed
		}
		if err := f.changeApp(t, ch); err != nil {
			return "", "", err
		}
		return "settings", "", nil
	})
}

// DeleteTenant implements api.Tenants. Its events go with it.
func (f *Fake) DeleteTenant(_ context.Context, nameOrID string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.tenant(nameOrID)
	if err != nil {
		return err
	}
	has := func(problem string) error { return &api.RefusedError{Problem: t.Name + " " + problem} }
	switch {
	case t.Name == record.DefaultTenant:
		return has("is always there")
	case slices.ContainsFunc(f.instances, func(h *held) bool { return h.of(t) }):
		return has("has instances: delete them first")
	case f.posts != nil && slices.ContainsFunc(f.posts.all, func(e *target) bool { return e.tenant == t.Name }):
		return has("has endpoints: remove them first")
	case len(t.codes) > 0:
		return has("has message QR codes: delete them first")
	}
	f.tenants = slices.DeleteFunc(f.tenants, func(o *tenant) bool { return o == t })
	f.tellTenant(record.TenantDeleted, t, "", "")
	f.wake(t.ID)
	return nil
}

// AddNumber implements api.Tenants.
func (f *Fake) AddNumber(_ context.Context, nameOrID, number string) (api.Tenant, error) {
	return f.withTenant(nameOrID, func(t *tenant) (what, key string, err error) {
		digits, err := phone(number)
		at, there := slices.BinarySearch(t.Numbers, digits)
		if err != nil || there {
			return "", "", err
		}
		for _, o := range f.tenants {
			if slices.Contains(o.Numbers, digits) {
				return "", "", &api.RefusedError{Problem: "the number is registered for the tenant " + o.Name + ": take it back there first"}
			}
		}
		t.Numbers = slices.Insert(t.Numbers, at, digits)
		return "number_added", "", nil
	})
}

// RemoveNumber implements api.Tenants.
func (f *Fake) RemoveNumber(_ context.Context, nameOrID, number string) (api.Tenant, error) {
	return f.withTenant(nameOrID, func(t *tenant) (what, key string, err error) {
		digits, err := phone(number)
		at, there := slices.BinarySearch(t.Numbers, digits)
		if err != nil || !there {
			return "", "", err
		}
		t.Numbers = slices.Delete(t.Numbers, at, at+1)
		return "number_removed", "", nil
	})
}

// phone is a number as digits.
func phone(number string) (string, error) {
	digits := strings.TrimPrefix(number, "+")
	if !instance.PhoneDigits(digits) {
		return "", &instance.InvalidError{Field: "number", Problem: instance.PhoneRule}
	}
	return digits, nil
}
