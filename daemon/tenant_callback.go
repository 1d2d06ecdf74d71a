package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
)

// The callback of a tenant is an endpoint of a reserved name and format, which the
// tenant's settings make, change and remove. In all else it is an endpoint like others:
// it may be paused, given another timeout or schedule, and removed.

func isCallback(ep *record.Endpoint) bool {
	return ep.Tenant != "" && ep.Name == api.CallbackName && ep.Format == callback.Format
}

// callback answers the endpoint of a tenant's callbacks; false if there is none.
func (f *fleet) callback(tenant string) (record.Endpoint, bool) {
	all := f.book.of(owner{tenant: tenant})
	if i := slices.IndexFunc(all, func(ep record.Endpoint) bool { return isCallback(&ep) }); i >= 0 {
		return all[i], true
	}
	return record.Endpoint{}, false
}

// callbackMove is a change of where a tenant's callbacks go. The turn to change
// endpoints is held over it.
type callbackMove struct {
	f      *fleet
	ch     *store.Change
	tenant string // its name

	now   *record.Endpoint // the endpoint as it is afterwards
	lanes []record.Lane    // where a new one begins
	gone  string           // the id of one that is removed
}

// to puts into the change set what it takes for callbacks to go to an address; empty:
// nowhere. An address that cannot be used is an *instance.InvalidError.
func (m *callbackMove) to(url string) error {
	old, had := m.f.callback(m.tenant)
	switch {
	case url == "" && had:
		m.gone = old.ID
		m.ch.DeleteEndpoint(old.ID)
		m.ch.Append(m.f.told(record.EndpointDeleted, &old, ""))
		return nil
	case url == "":
		return nil
	case url != old.URL:
		if err := m.f.check(url); err != nil {
			return invalid("callback", "%s", err.Error())
		}
	}
	if had {
		m.change(old, url)
		return nil
	}
	return m.make(url)
}

// make begins with the profile that is set next.
func (m *callbackMove) make(url string) error {
	others := m.f.book.of(owner{tenant: m.tenant})
	switch taken := func(ep record.Endpoint) bool { return ep.Name == api.CallbackName }; {
	case slices.ContainsFunc(others, taken):
		return invalid("callback", "needs an endpoint of the name %q, and there is another: remove that first (switchhook endpoint remove @%s/%s)", api.CallbackName, m.tenant, api.CallbackName)
	case len(others) >= maxEndpoints:
		return &api.RefusedError{Problem: fmt.Sprintf("the tenant has %d endpoints already: remove one first", len(others))}
	}
	ep := record.Endpoint{
		ID: newID("e"), Name: api.CallbackName, Tenant: m.tenant, URL: url, Format: callback.Format,
		Secrets: []string{webhook.NewSecret()}, CreatedAt: time.Now().UTC(),
	}
	m.now, m.lanes = &ep, m.f.lanesFromNow(&ep)
	m.ch.PutEndpoint(ep)
	putLanes(m.ch, m.lanes)
	m.ch.Append(m.f.told(record.EndpointCreated, &ep, ""))
	return nil
}

// change sends what is pending to the new address. One that its receiver has disabled is
// enabled again, and so is one that gets another address.
func (m *callbackMove) change(old record.Endpoint, url string) {
	ep := old
	if ep.URL != url || ep.Gone {
		ep.Disabled, ep.Gone = "", false
	}
	ep.URL = url
	m.now = &ep
	m.ch.PutEndpoint(ep)
	m.f.tellChange(m.ch, &old, &ep)
}

// tell lets everybody know of what is stored.
func (m *callbackMove) tell() {
	switch {
	case m.gone != "":
		m.f.book.remove(m.gone)
		m.f.outbox.RemoveEndpoint(m.gone)
	case m.now != nil:
		m.f.book.put(*m.now)
		m.f.outbox.SetEndpoint(*m.now, m.lanes...)
	}
}

// refuseCallback says what of an endpoint the name is reserved for, for the operator who
// tries.
func refuseCallback(ep *record.Endpoint, c api.EndpointChange) error {
	if isCallback(ep) && c.Format != nil && *c.Format != ep.Format {
		return invalid("format", "stays %s: the endpoint is the tenant's callback (switchhook tenant set %s --callback '' removes it)", ep.Format, ep.Tenant)
	}
	return nil
}
