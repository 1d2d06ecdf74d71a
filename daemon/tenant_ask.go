package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// What a tenant may have.
const (
	maxKeys    = 16
	maxNumbers = 1000
	maxDeny    = 16
)

var (
	spaceRule  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	actionRule = regexp.MustCompile(`^cams:([A-Za-z]{1,64}\*?|\*)$`)
)

// tenantFact is an event about a tenant, for the daemon's stream.
func tenantFact(kind record.Kind, ten record.Tenant, what, key string) record.Event {
	return factOf(record.DaemonStream, kind, ten.Name, record.TenantFact{Tenant: ten.ID, Name: ten.Name, What: what, Key: key})
}

// factOf is an event that tells a fact about something of that name.
func factOf(stream string, kind record.Kind, name string, fact any) record.Event {
	data, err := json.Marshal(fact)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return record.Event{Stream: stream, Kind: kind, At: time.Now().UTC(), Name: name, Data: data}
}

// Tenants implements [api.Tenants].
func (t *tenants) Tenants(context.Context) ([]api.Tenant, error) {
	t.mu.RLock()
	all := make([]record.Tenant, 0, len(t.byID))
	for _, ten := range t.byID {
		all = append(all, ten)
	}
	t.mu.RUnlock()
	slices.SortFunc(all, func(a, b record.Tenant) int { return cmp.Compare(a.Name, b.Name) })
	linked := t.linked()
	out := make([]api.Tenant, 0, len(all))
	for _, ten := range all {
		out = append(out, t.describe(ten, linked[ten.Name]))
	}
	return out, nil
}

// Tenant implements [api.Tenants].
func (t *tenants) Tenant(_ context.Context, nameOrID string) (api.Tenant, error) {
	ten, err := t.find(nameOrID)
	if err != nil {
		return api.Tenant{}, err
	}
	return t.describe(ten, t.linked()[ten.Name]), nil
}

func (t *tenants) describe(ten record.Tenant, has map[string]string) api.Tenant {
	out := api.Tenant{
		ID: ten.ID, Name: ten.Name, CreatedAt: ten.CreatedAt, SpaceID: ten.SpaceID, Subscribed: !ten.Unsubscribed,
		Instances: []string{}, Numbers: []api.Number{}, Keys: []api.AccessKey{},
		QRDLs: t.codes.count(ten.ID), Seq: t.store.Head(ten.ID),
		App: ten.Chat.App, Admins: ten.Chat.Admins, Custom: append([]record.CustomField{}, ten.Chat.Custom...),
	}
	if ep, has := t.callback(ten.Name); has {
		out.Callback = "@" + ten.Name + "/" + ep.Name
	}
	at := make(map[string]int)
	for _, n := range ten.Numbers {
		at[n] = len(out.Numbers)
		out.Numbers = append(out.Numbers, api.Number{Number: n, Registered: true})
	}
	for name, phone := range has {
		out.Instances = append(out.Instances, name)
		switch i, there := at[phone]; {
		case phone == "":
		case there:
			out.Numbers[i].Instance = name
		default:
			at[phone] = len(out.Numbers)
			out.Numbers = append(out.Numbers, api.Number{Number: phone, Instance: name})
		}
	}
	slices.Sort(out.Instances)
	slices.SortFunc(out.Numbers, func(a, b api.Number) int { return cmp.Compare(a.Number, b.Number) })
	for _, k := range ten.Keys {
		out.Keys = append(out.Keys, api.AccessKey{ID: k.ID, CreatedAt: k.CreatedAt, Disabled: k.Disabled, Until: k.Until, Deny: k.Deny})
	}
	return out
}

// AddTenant implements [api.Tenants].
func (t *tenants) AddTenant(ctx context.Context, spec api.TenantSpec) (api.NewTenant, error) {
	switch {
	case !nameRule.MatchString(spec.Name):
		return api.NewTenant{}, invalid("name", nameProblem)
	case spec.SpaceID != "" && !spaceRule.MatchString(spec.SpaceID):
		return api.NewTenant{}, errSpace
	}
	if err := t.enter(ctx); err != nil {
		return api.NewTenant{}, err
	}
	defer t.leave()
	if _, err := t.find(spec.Name); err == nil {
		return api.NewTenant{}, api.ErrTenantTaken
	}
	ten := t.newTenant(spec.Name)
	ten.SpaceID = cmp.Or(spec.SpaceID, ten.SpaceID)
	ten.Keys = []record.AccessKey{newKey()}
	if err := t.save(ctx, ten, true); err != nil {
		return api.NewTenant{}, err
	}
	return api.NewTenant{Tenant: t.describe(ten, nil), NewKey: shown(ten.Keys[0]), SecretKey: ten.Chat.SecretKey}, nil
}

var errSpace = invalid("space_id", "must be 1 to 64 letters, digits, dashes and underscores: leave it out to have one made")

// adopt is use for an instance that comes in with the name of its tenant: one that is not
// there is made, without a key.
func (t *tenants) adopt(ctx context.Context, name string) (done func(), err error) {
	if !nameRule.MatchString(name) {
		return nil, &api.RefusedError{Problem: "the file names a tenant that cannot be: " + nameProblem}
	}
	if err := t.enter(ctx); err != nil {
		return nil, err
	}
	defer t.leave()
	if _, err := t.find(name); err != nil {
		if err := t.save(ctx, t.newTenant(name), true); err != nil {
			return nil, err
		}
	}
	return t.use(name)
}

// ChangeTenant implements [api.Tenants].
func (t *tenants) ChangeTenant(ctx context.Context, nameOrID string, ch api.TenantChange) (api.Tenant, error) {
	if ch.SpaceID != nil && !spaceRule.MatchString(*ch.SpaceID) {
		return api.Tenant{}, errSpace
	}
	if err := checkChat(ch); err != nil {
		return api.Tenant{}, err
	}
	err := t.editCallback(ctx, nameOrID, ch.Callback, func(ten *record.Tenant) (what, key string, err error) {
		set(&ten.SpaceID, ch.SpaceID)
		if ch.Subscribed != nil {
			ten.Unsubscribed = !*ch.Subscribed
		}
		changeChat(ten.Chat, ch)
		return "settings", "", nil
	})
	if err != nil {
		return api.Tenant{}, err
	}
	return t.Tenant(ctx, nameOrID)
}

// changed edits a tenant and answers it as it then is.
func (t *tenants) changed(ctx context.Context, nameOrID string, with func(*record.Tenant) (what, key string, err error)) (api.Tenant, error) {
	if err := t.edit(ctx, nameOrID, with); err != nil && !errors.Is(err, errNoChange) {
		return api.Tenant{}, err
	}
	return t.Tenant(ctx, nameOrID)
}

// newKey makes an access key.
func newKey() record.AccessKey {
	return record.AccessKey{ID: "SWAK" + rand.Text()[:20], Secret: (rand.Text() + rand.Text())[:40], CreatedAt: time.Now().UTC()}
}

func shown(k record.AccessKey) api.NewKey {
	return api.NewKey{ID: k.ID, Secret: k.Secret, Deny: k.Deny}
}
