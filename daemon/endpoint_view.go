package daemon

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// Endpoints implements [api.Endpoints].
func (f *fleet) Endpoints(_ context.Context, of api.Owner) ([]api.Endpoint, error) {
	var found []record.Endpoint
	switch {
	case of.Instance != "":
		found = f.book.of(owner{stream: of.Instance})
	case of.Tenant != "":
		ten, err := f.tenants.find(of.Tenant)
		if err != nil {
			return nil, err
		}
		found = f.book.of(owner{tenant: ten.Name})
	case of.Daemon:
		found = f.book.of(owner{})
	default:
		found = f.book.all()
	}
	health := make(map[string]outbox.EndpointStatus)
	for _, st := range f.outbox.Endpoints("") {
		health[st.ID] = st
	}
	out := make([]api.Endpoint, 0, len(found))
	for i := range found {
		if found[i].URL != "" {
			out = append(out, f.show(&found[i], health[found[i].ID]))
		}
	}
	slices.SortFunc(out, func(a, b api.Endpoint) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// Endpoint implements [api.Endpoints].
func (f *fleet) Endpoint(_ context.Context, ref string) (api.Endpoint, error) {
	if ep, ok := f.book.get(ref); ok && ep.URL != "" {
		return f.endpointNow(ref)
	}
	of, name := api.ParseRef(ref)
	var candidates []record.Endpoint
	switch {
	case of.Daemon:
		candidates = f.book.of(owner{})
	case of.Tenant != "":
		candidates = f.book.of(owner{tenant: of.Tenant})
	case of.Instance != "":
		candidates = f.book.of(owner{stream: f.streamOf(of.Instance)})
	default:
		candidates = f.book.all()
	}
	candidates = slices.DeleteFunc(candidates, func(ep record.Endpoint) bool { return ep.Name != name || ep.URL == "" })
	switch len(candidates) {
	case 0:
		return api.Endpoint{}, api.ErrNoEndpoint
	case 1:
		return f.endpointNow(candidates[0].ID)
	}
	return api.Endpoint{}, api.ErrAmbiguous
}

// endpointNow answers an endpoint as it is now.
func (f *fleet) endpointNow(id string) (api.Endpoint, error) {
	ep, ok := f.book.get(id)
	if !ok || ep.URL == "" {
		return api.Endpoint{}, api.ErrNoEndpoint
	}
	var health outbox.EndpointStatus
	for _, st := range f.outbox.Endpoints(id) {
		health = st
	}
	return f.show(&ep, health), nil
}

// ownerName is how an owner is shown.
func (f *fleet) ownerName(ep *record.Endpoint) string {
	switch {
	case ep.Tenant != "":
		return "@" + ep.Tenant
	case ep.Stream == "":
		return ""
	}
	if m := f.byID(ep.Stream); m != nil {
		return m.name
	}
	return ep.Stream
}

func (f *fleet) show(ep *record.Endpoint, health outbox.EndpointStatus) api.Endpoint {
	return api.Endpoint{
		ID: ep.ID, Name: ep.Name, Instance: ep.Stream, Owner: f.ownerName(ep), CreatedAt: ep.CreatedAt,
		EndpointChange: settings(ep), Secrets: secrets(ep, time.Now()), Health: healthOf(ep, health),
	}
}

// settings answers what is set on an endpoint.
func settings(ep *record.Endpoint) api.EndpointChange {
	c := api.EndpointChange{URL: &ep.URL, Format: &ep.Format}
	put(&c.Version, ep.Version, ep.Version != "")
	put(&c.Headers, ep.Headers, len(ep.Headers) > 0)
	put(&c.Bearer, ep.Bearer, ep.Bearer != "")
	put(&c.Kinds, ep.Filter.Kinds, len(ep.Filter.Kinds) > 0)
	if len(ep.Filter.States) > 0 {
		c.States = new([]int)
		for _, s := range ep.Filter.States {
			*c.States = append(*c.States, int(s))
		}
	}
	if b := ep.Bulk; b != nil {
		c.Bulk = &api.Bulk{Most: b.Most, Wait: api.Span(b.Wait)}
	}
	put(&c.Timeout, api.Span(ep.Timeout), ep.Timeout != 0)
	put(&c.InFlight, ep.InFlight, ep.InFlight != 0)
	if len(ep.Schedule) > 0 {
		c.Schedule = new([]api.Span)
		for _, d := range ep.Schedule {
			*c.Schedule = append(*c.Schedule, api.Span(d))
		}
	}
	put(&c.Horizon, api.Span(ep.Horizon), ep.Horizon != 0)
	c.Jitter = ep.Jitter
	put(&c.FollowRedirects, true, ep.FollowRedirects)
	return c
}

func put[T any](to **T, value T, isSet bool) {
	if isSet {
		*to = &value
	}
}

// secrets answers those that sign now, the newest first.
func secrets(ep *record.Endpoint, now time.Time) []api.Secret {
	out := []api.Secret{}
	for _, s := range ep.Secrets {
		out = append(out, api.Secret{Secret: s})
	}
	for _, r := range ep.Retiring {
		if now.Before(r.Until) {
			out = append(out, api.Secret{Secret: r.Secret, Until: r.Until})
		}
	}
	return out
}

func healthOf(ep *record.Endpoint, st outbox.EndpointStatus) api.Health {
	h := api.Health{
		State: stateOf(ep, st.State), Lanes: st.Lanes, Pending: st.Pending,
		InFlightNow: st.InFlight, Fails: st.Fails, Failures: st.Failures,
	}
	switch h.State {
	case statePaused:
		h.Reason = cmp.Or(ep.Disabled, st.LastError)
	case stateFailing:
		h.Reason, h.Since, h.ProbeAt = st.LastError, st.Since, st.ProbeAt
	}
	return h
}

// The states of an endpoint, see [api.Health].
const (
	stateOK      = "ok"
	stateFailing = "failing"
	statePaused  = "paused"
)

// stateOf answers an endpoint's state where the outbox may not run. It may know of
// a 410 that could not be stored.
func stateOf(ep *record.Endpoint, said string) string {
	switch {
	case ep.Disabled != "":
		return statePaused
	case said == "":
		return stateOK
	}
	return said
}
