package apitest

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Endpoints implements api.Endpoints for the instances of a fake. It keeps all in
// memory and sends nothing: what a receiver would do is told to it with
// [Endpoints.Deliver], [Endpoints.Break] and [Endpoints.GiveUp]. Any goroutine
// may use its methods.
type Endpoints struct {
	f      *Fake
	Answer api.Tested // what a test is answered with; set before the first call

	all     []*target
	dead    []record.DeadLetter
	replays []api.Lane
	made    int
}

var _ api.Endpoints = (*Endpoints)(nil)

// NewEndpoints makes endpoints of the fake's instances. There is none yet.
func NewEndpoints(f *Fake) *Endpoints {
	f.posts = &Endpoints{f: f, Answer: api.Tested{Delivered: true, Status: 204, Took: 12 * time.Millisecond}}
	return f.posts
}

// target is one endpoint.
type target struct {
	api.Endpoint
	tenant string
	lanes  map[string]*api.Lane // by stream
}

var endpointName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Endpoints implements api.Endpoints.
func (e *Endpoints) Endpoints(_ context.Context, of api.Owner) ([]api.Endpoint, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	if e.f.err != nil {
		return nil, e.f.err
	}
	if of.Tenant != "" {
		t, err := e.f.tenant(of.Tenant)
		if err != nil {
			return nil, err
		}
		of.Tenant = t.Name
	}
	var out []api.Endpoint
	for _, t := range e.all {
		daemon := t.Instance == "" && t.tenant == ""
		if of == (api.Owner{}) || of.Instance != "" && t.Instance == of.Instance || of.Tenant != "" && t.tenant == of.Tenant || of.Daemon && daemon {
			out = append(out, e.shown(t))
		}
	}
	slices.SortFunc(out, func(a, b api.Endpoint) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// Endpoint implements api.Endpoints.
func (e *Endpoints) Endpoint(_ context.Context, ref string) (api.Endpoint, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	of, name := api.ParseRef(ref)
	if of.Instance != "" {
		h, err := e.f.find(of.Instance)
		if err != nil {
			return api.Endpoint{}, err
		}
		of.Instance = h.ID
	}
	var found *target
	for _, t := range e.all {
		daemon := t.Instance == "" && t.tenant == ""
		switch {
		case of == (api.Owner{}) && t.ID == name:
			return e.shown(t), nil
		case t.Name != name,
			of.Instance != "" && t.Instance != of.Instance, of.Tenant != "" && t.tenant != of.Tenant, of.Daemon && !daemon:
		case found != nil:
			return api.Endpoint{}, api.ErrAmbiguous
		default:
			found = t
		}
	}
	if found == nil {
		return api.Endpoint{}, api.ErrNoEndpoint
	}
	return e.shown(found), nil
}

// AddEndpoint implements api.Endpoints. The first one is e1.
func (e *Endpoints) AddEndpoint(_ context.Context, spec api.EndpointSpec) (api.Endpoint, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	if e.f.err != nil {
		return api.Endpoint{}, e.f.err
	}
	t := &target{tenant: spec.Tenant, lanes: make(map[string]*api.Lane)}
	t.Name, t.CreatedAt, t.State = spec.Name, e.f.Now(), "ok"
	switch {
	case spec.Instance != "":
		h, err := e.f.find(spec.Instance)
		if err != nil {
			return api.Endpoint{}, err
		}
		t.Instance, t.Owner = h.ID, h.Name
	case spec.Tenant != "" && !e.f.settledAs(spec.Tenant):
		return api.Endpoint{}, api.ErrNoTenant
	case spec.Tenant != "":
		t.Owner = "@" + spec.Tenant
	}
	switch {
	case !endpointName.MatchString(spec.Name):
		return api.Endpoint{}, &instance.InvalidError{Field: "name", Problem: "must be letters, digits, dots, dashes or underscores"}
	case spec.URL == nil:
		return api.Endpoint{}, &instance.InvalidError{Field: "url", Problem: "is missing"}
	case spec.After != nil && *spec.After > 0 && t.Instance == "":
		return api.Endpoint{}, &instance.InvalidError{Field: "after", Problem: "must be 0, all that the log holds"}
	case slices.ContainsFunc(e.all, func(o *target) bool { return o.Owner == t.Owner && o.Name == t.Name }):
		return api.Endpoint{}, api.ErrEndpointTaken
	}
	if err := t.change(spec.EndpointChange); err != nil {
		return api.Endpoint{}, err
	}
	e.made++
	t.ID = fmt.Sprintf("e%d", e.made)
	t.Secrets = []api.Secret{{Secret: cmp.Or(spec.Secret, "whsec_first-"+t.ID)}}
	for _, h := range append(slices.Clone(e.f.instances), &e.f.own) {
		if t.covers(h) {
			t.lanes[h.ID] = &api.Lane{Acked: h.head()}
			if spec.After != nil {
				t.lanes[h.ID].Acked = *spec.After
			}
		}
	}
	e.all = append(e.all, t)
	e.f.note("endpoint add", t.ID)
	return e.shown(t), nil
}

func (t *target) covers(h *held) bool {
	switch {
	case t.Instance != "":
		return t.Instance == h.ID
	case t.tenant != "":
		return t.tenant == h.Tenant
	default:
		return true
	}
}

// change sets what is given. An address in 10.0.0.0/8 is forbidden.
func (t *target) change(c api.EndpointChange) error {
	if c.URL != nil {
		if strings.Contains(*c.URL, "//10.") {
			return &instance.InvalidError{Field: "url", Problem: "leads to a private network: webhook.allow_networks allows it"}
		}
		t.URL = c.URL
	}
	format := "standard"
	if t.Format == nil {
		t.Format = &format
	}
	pass(&t.Format, c.Format)
	pass(&t.Version, c.Version)
	pass(&t.Bearer, c.Bearer)
	pass(&t.Headers, c.Headers)
	pass(&t.Kinds, c.Kinds)
	pass(&t.States, c.States)
	pass(&t.Bulk, c.Bulk)
	pass(&t.Timeout, c.Timeout)
	pass(&t.InFlight, c.InFlight)
	pass(&t.Schedule, c.Schedule)
	pass(&t.Horizon, c.Horizon)
	pass(&t.Jitter, c.Jitter)
	pass(&t.FollowRedirects, c.FollowRedirects)
	return nil
}

func pass[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

// shown is the endpoint with its health. f.mu is held.
func (e *Endpoints) shown(t *target) api.Endpoint {
	out := t.Endpoint
	out.Secrets = slices.Clone(t.Secrets)
	for stream, l := range t.lanes {
		if h, err := e.f.stream(stream); err == nil {
			out.Lanes++
			out.Pending += h.head() - l.Acked
			out.Failures = append(out.Failures, l.Tries...)
			out.Fails = max(out.Fails, l.Attempts)
		}
	}
	return out
}

// target finds by id. f.mu is held.
func (e *Endpoints) target(verb, id string) (*target, error) {
	if e.f.err != nil {
		return nil, e.f.err
	}
	for _, t := range e.all {
		if t.ID == id {
			e.f.note("endpoint "+verb, id)
			return t, nil
		}
	}
	return nil, api.ErrNoEndpoint
}

// with changes one endpoint and answers it.
func (e *Endpoints) with(verb, id string, change func(*target) error) (api.Endpoint, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	t, err := e.target(verb, id)
	if err != nil {
		return api.Endpoint{}, err
	}
	if err := change(t); err != nil {
		return api.Endpoint{}, err
	}
	return e.shown(t), nil
}

// ChangeEndpoint implements api.Endpoints.
func (e *Endpoints) ChangeEndpoint(_ context.Context, id string, change api.EndpointChange) (api.Endpoint, error) {
	return e.with("change", id, func(t *target) error { return t.change(change) })
}

// RemoveEndpoint implements api.Endpoints.
func (e *Endpoints) RemoveEndpoint(_ context.Context, id string) error {
	_, err := e.with("remove", id, func(*target) error {
		e.all = slices.DeleteFunc(e.all, func(t *target) bool { return t.ID == id })
		e.dead = slices.DeleteFunc(e.dead, func(d record.DeadLetter) bool { return d.Endpoint == id })
		e.replays = slices.DeleteFunc(e.replays, func(l api.Lane) bool { return l.Endpoint == id })
		return nil
	})
	return err
}

// RotateSecret implements api.Endpoints.
func (e *Endpoints) RotateSecret(_ context.Context, id, secret string, keep time.Duration) (api.Endpoint, error) {
	return e.with("rotate", id, func(t *target) error {
		if secret != "" && !strings.HasPrefix(secret, "whsec_") {
			return &instance.InvalidError{Field: "secret", Problem: "must begin with whsec_"}
		}
		old := t.Secrets
		t.Secrets = []api.Secret{{Secret: cmp.Or(secret, fmt.Sprintf("whsec_next-%s-%d", id, len(old)))}}
		for _, s := range old {
			if s.Until = e.f.Now().Add(keep); keep > 0 {
				t.Secrets = append(t.Secrets, s)
			}
		}
		return nil
	})
}

// PauseEndpoint implements api.Endpoints.
func (e *Endpoints) PauseEndpoint(_ context.Context, id, reason string) (api.Endpoint, error) {
	return e.with("pause", id, func(t *target) error {
		t.State, t.Reason = "paused", reason
		return nil
	})
}

// ResumeEndpoint implements api.Endpoints.
func (e *Endpoints) ResumeEndpoint(_ context.Context, id string) (api.Endpoint, error) {
	return e.with("resume", id, func(t *target) error {
		t.Health = api.Health{State: "ok"}
		for _, l := range t.lanes {
			l.Attempts, l.FirstAt, l.NextAt = 0, time.Time{}, time.Time{}
		}
		return nil
	})
}

// RetryEndpoint implements api.Endpoints. It is noted, and changes nothing.
func (e *Endpoints) RetryEndpoint(_ context.Context, id string) (api.Endpoint, error) {
	return e.with("retry", id, func(*target) error { return nil })
}

// TestEndpoint implements api.Endpoints.
func (e *Endpoints) TestEndpoint(_ context.Context, id string) (api.Tested, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	if _, err := e.target("test", id); err != nil {
		return api.Tested{}, err
	}
	return e.Answer, nil
}
