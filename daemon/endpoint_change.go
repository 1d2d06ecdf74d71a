package daemon

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
)

// errNoChange ends an edit that finds nothing to do.
var errNoChange = errors.New("nothing to change")

// edit changes an endpoint: with is given a copy of what it is now. What is
// pending is tried at once. It fails with what with answers, and where with
// answers errNoChange nothing is written.
func (f *fleet) edit(ctx context.Context, id string, with func(*record.Endpoint) error) error {
	if err := f.book.enter(ctx); err != nil {
		return err
	}
	defer f.book.leave()
	old, ok := f.book.get(id)
	if !ok || old.URL == "" {
		return api.ErrNoEndpoint
	}
	ep := old
	if err := with(&ep); err != nil {
		return err
	}
	ch := f.store.Change()
	ch.PutEndpoint(ep)
	f.tellChange(ch, &old, &ep)
	if _, err := f.store.Commit(ctx, ch); err != nil {
		return unavailable(err)
	}
	f.book.put(ep)
	f.outbox.SetEndpoint(ep)
	return nil
}

// AddEndpoint implements [api.Endpoints].
func (f *fleet) AddEndpoint(ctx context.Context, spec api.EndpointSpec) (_ api.Endpoint, err error) {
	ep := record.Endpoint{
		ID: newID("e"), Name: spec.Name, Tenant: spec.Tenant, Format: webhook.Standard,
		Secrets: []string{webhook.NewSecret()}, CreatedAt: time.Now().UTC(),
	}
	if err := f.checkOwner(spec, &ep); err != nil {
		return api.Endpoint{}, err
	}
	apply(&ep, spec.EndpointChange)
	if err := f.checkEndpoint(&ep, spec.EndpointChange); err != nil {
		return api.Endpoint{}, err
	}
	if err := f.book.enter(ctx); err != nil {
		return api.Endpoint{}, err
	}
	defer f.book.leave()
	if err := f.checkRoom(&ep); err != nil {
		return api.Endpoint{}, err
	}
	var lanes []record.Lane
	var begins uint64
	if spec.After == nil {
		lanes = f.lanesFromNow(&ep)
	} else if lanes, begins, err = f.lanesFrom(&ep, *spec.After); err != nil {
		return api.Endpoint{}, err
	}
	ch := f.store.Change()
	ch.PutEndpoint(ep)
	putLanes(ch, lanes)
	ch.Append(f.told(record.EndpointCreated, &ep, ""))
	if _, err := f.store.Commit(ctx, ch); err != nil {
		return api.Endpoint{}, unavailable(err)
	}
	f.book.put(ep)
	f.outbox.SetEndpoint(ep, lanes...)
	now, err := f.endpointNow(ep.ID)
	now.Begins = begins
	return now, err
}

// held answers the seq behind which the log holds all events of a stream: the
// given one, or a later one where it was pruned.
func (f *fleet) held(stream string, after uint64) (uint64, error) {
	head := f.store.Head(stream)
	next, err := f.store.Events(stream, after, 1)
	switch {
	case err != nil:
		return 0, unavailable(err)
	case len(next) == 0:
		return head, nil
	}
	return next[0].Seq - 1, nil
}

// lanesFromNow answers the lanes of a new endpoint: each begins with what its
// stream gets next.
func (f *fleet) lanesFromNow(ep *record.Endpoint) (lanes []record.Lane) {
	for _, stream := range f.book.streams(ep) {
		lanes = append(lanes, record.Lane{Endpoint: ep.ID, Stream: stream, Acked: f.store.Head(stream)})
	}
	return lanes
}

// lanesFrom answers the lanes of a new endpoint that begins with an earlier event: behind
// the one with that seq, or with what the log holds where it was pruned. begins is the
// first it gets of its only stream, 0 if that is as it was asked for.
func (f *fleet) lanesFrom(ep *record.Endpoint, after uint64) (lanes []record.Lane, begins uint64, err error) {
	if head := f.store.Head(ep.Stream); ep.Stream != "" && after > head {
		return nil, 0, invalid("after", "must be at most %d, the seq of the newest event", head)
	}
	for _, stream := range f.book.streams(ep) {
		begin, err := f.held(stream, after)
		if err != nil {
			return nil, 0, err
		}
		if ep.Stream != "" && begin > after {
			begins = begin + 1
		}
		lanes = append(lanes, record.Lane{Endpoint: ep.ID, Stream: stream, Acked: begin})
	}
	return lanes, begins, nil
}

func putLanes(ch *store.Change, lanes []record.Lane) {
	for _, l := range lanes {
		ch.PutLane(l)
	}
}

// ChangeEndpoint implements [api.Endpoints].
func (f *fleet) ChangeEndpoint(ctx context.Context, id string, change api.EndpointChange) (api.Endpoint, error) {
	changed := func(ep *record.Endpoint) error {
		if err := cmp.Or(refuseGreen(ep, change), refuseCallback(ep, change)); err != nil {
			return err
		}
		apply(ep, change)
		return f.checkEndpoint(ep, change)
	}
	ep, ok := f.book.get(id)
	if !ok || ep.URL == "" {
		return api.Endpoint{}, api.ErrNoEndpoint
	}
	var err error
	if patch, ok := webhookPatch(&ep, change); ok {
		if err = changed(&ep); err == nil {
			err = f.reconfigure(ctx, ep.Stream, patch, aside{change: change})
		}
	} else {
		err = f.edit(ctx, id, changed)
	}
	if err != nil {
		return api.Endpoint{}, err
	}
	return f.endpointNow(id)
}

// webhookPatch answers what of a change is its instance's configuration.
func webhookPatch(ep *record.Endpoint, change api.EndpointChange) (p instance.Patch, ok bool) {
	if ep.ID != webhookID(ep.Stream) {
		return p, false
	}
	if change.URL != nil && *change.URL != ep.URL {
		p.Webhook, ok = change.URL, true
	}
	if change.Version != nil {
		p.APIVersion, ok = change.Version, true
	}
	if change.Bulk != nil {
		p.CanBulk, ok = new(change.Bulk.Most > 1), true
	}
	return p, ok || change.Format != nil // whose version is the configuration's
}

func (f *fleet) reconfigure(ctx context.Context, id string, p instance.Patch, with aside) error {
	_, err := on(f, id, func(i *instance.Instance) (record.Info, error) { return i.Reconfigure(ctx, p, with) })
	return err
}

// RemoveEndpoint implements [api.Endpoints]. To remove the webhook of an instance
// is to clear it; it keeps its secrets for the next.
func (f *fleet) RemoveEndpoint(ctx context.Context, id string) error {
	if ep, ok := f.book.get(id); ok && ep.URL != "" && ep.ID == webhookID(ep.Stream) {
		return f.reconfigure(ctx, ep.Stream, instance.Patch{Webhook: new("")}, aside{forget: true})
	}
	if err := f.book.enter(ctx); err != nil {
		return err
	}
	defer f.book.leave()
	ep, ok := f.book.get(id)
	switch {
	case !ok || ep.URL == "":
		return api.ErrNoEndpoint
	case isGreen(&ep):
		return errGreen
	}
	ch := f.store.Change()
	ch.DeleteEndpoint(id)
	ch.Append(f.told(record.EndpointDeleted, &ep, ""))
	if _, err := f.store.Commit(ctx, ch); err != nil {
		return unavailable(err)
	}
	f.book.remove(id)
	f.outbox.RemoveEndpoint(id)
	return nil
}

// PauseEndpoint implements [api.Endpoints].
func (f *fleet) PauseEndpoint(ctx context.Context, id, reason string) (api.Endpoint, error) {
	if err := checkReason(reason); err != nil {
		return api.Endpoint{}, err
	}
	err := f.edit(ctx, id, func(ep *record.Endpoint) error {
		switch {
		case ep.Disabled != "" && reason == "":
			return errNoChange
		case reason == "":
			reason = "paused by an operator"
		}
		ep.Disabled, ep.Gone = reason, false
		return nil
	})
	if err != nil && !errors.Is(err, errNoChange) {
		return api.Endpoint{}, err
	}
	return f.endpointNow(id)
}

// ResumeEndpoint implements [api.Endpoints].
func (f *fleet) ResumeEndpoint(ctx context.Context, id string) (api.Endpoint, error) {
	err := f.edit(ctx, id, func(ep *record.Endpoint) error {
		if ep.Disabled == "" {
			f.outbox.SetEndpoint(*ep) // it may know of a 410 that could not be stored
			f.outbox.Retry(id)
			return errNoChange
		}
		ep.Disabled, ep.Gone = "", false
		return nil
	})
	if err != nil && !errors.Is(err, errNoChange) {
		return api.Endpoint{}, err
	}
	return f.endpointNow(id)
}

// RetryEndpoint implements [api.Endpoints]. A paused one stays paused.
func (f *fleet) RetryEndpoint(_ context.Context, id string) (api.Endpoint, error) {
	f.outbox.Retry(id)
	return f.endpointNow(id)
}

const (
	maxRetiring = 8
	maxKeep     = 30 * 24 * time.Hour
)

// RotateSecret implements [api.Endpoints]. With keep 0 nothing but the new secret
// signs from now on.
func (f *fleet) RotateSecret(ctx context.Context, id, secret string, keep time.Duration) (api.Endpoint, error) {
	switch {
	case keep < 0 || keep > maxKeep:
		return api.Endpoint{}, invalid("keep", "must be 0 to 720h")
	case secret == "":
		secret = webhook.NewSecret()
	default:
		if err := checkSecret(secret); err != nil {
			return api.Endpoint{}, err
		}
	}
	err := f.edit(ctx, id, func(ep *record.Endpoint) error {
		now := time.Now().UTC()
		ep.Retiring = retire(ep, secret, now, now.Add(keep))
		if len(ep.Retiring) > maxRetiring {
			return invalid("keep", "%d older secrets sign already: rotate with keep 0, or wait until %s",
				maxRetiring, ep.Retiring[0].Until.Format(time.RFC3339))
		}
		ep.Secrets = []string{secret}
		return nil
	})
	if err != nil {
		return api.Endpoint{}, err
	}
	return f.endpointNow(id)
}

// retire answers the secrets that sign beside a new one until a time at most,
// those that end first in front.
func retire(ep *record.Endpoint, secret string, now, until time.Time) []record.Retiring {
	var out []record.Retiring
	keep := func(r record.Retiring) {
		if r.Until.After(until) {
			r.Until = until
		}
		if r.Until.After(now) && r.Secret != secret {
			out = append(out, r)
		}
	}
	for _, r := range ep.Retiring {
		keep(r)
	}
	for _, s := range ep.Secrets {
		keep(record.Retiring{Secret: s, Until: until})
	}
	slices.SortStableFunc(out, func(a, b record.Retiring) int { return a.Until.Compare(b.Until) })
	return out
}
