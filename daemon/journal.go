package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// journal stores one member's changes, and keeps the endpoint of its webhook in
// step with its configuration in the same change set. It is used by the
// member's loop only.
type journal struct {
	f *fleet
	m *member
}

// Commit implements [instance.Journal].
func (j journal) Commit(ctx context.Context, c instance.Change) error {
	ch := j.f.store.Change()
	ch.PutInstance(c.Instance)
	if c.Drop {
		ch.DropSession(c.Instance.ID)
	}
	if c.Session != nil {
		ch.PutSession(c.Instance.ID, *c.Session)
	}
	ep := j.m.endpoint()
	moved := ep.URL != c.Instance.Config.Webhook
	var after uint64
	if moved {
		after = j.f.moveEndpoint(ch, &ep, c.Instance.Config.Webhook)
	}
	for _, e := range c.Events {
		ch.Append(e)
	}
	if _, err := j.f.store.Commit(ctx, ch); err != nil {
		if errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrClosed) {
			return fmt.Errorf("%w (%w)", instance.ErrUnavailable, err)
		}
		return err
	}
	if moved {
		j.m.setEndpoint(ep)
		j.f.announceEndpoint(ep, after)
	}
	return nil
}

// moveEndpoint points the endpoint at another address. Pending events go to the
// new address; where there was none before, deliveries start from now. It
// answers the seq after which they start.
func (f *fleet) moveEndpoint(ch *store.Change, ep *record.Endpoint, url string) (after uint64) {
	had := ep.URL != ""
	ep.URL, ep.Disabled = url, ""
	ch.PutEndpoint(*ep)
	after = f.store.Head(ep.Stream)
	switch {
	case url == "":
		ch.DeleteLanes(ep.ID)
	case !had:
		ch.PutLane(record.Lane{Endpoint: ep.ID, Stream: ep.Stream, Acked: after})
	}
	return after
}

func (f *fleet) announceEndpoint(ep record.Endpoint, after uint64) {
	if ep.URL == "" {
		f.outbox.RemoveEndpoint(ep.ID)
		return
	}
	f.outbox.SetEndpoint(ep, after)
}

// deliveries is the store as the outbox sees it: without endpoints that have no
// address.
type deliveries struct{ *store.Store }

func (d deliveries) Endpoints() ([]record.Endpoint, error) {
	all, err := d.Store.Endpoints()
	if err != nil {
		return nil, err
	}
	set := all[:0]
	for _, ep := range all {
		if ep.URL != "" {
			set = append(set, ep)
		}
	}
	return set, nil
}

// disableEndpoint stores that a receiver wants nothing any more, unless its
// address has been changed since.
func (f *fleet) disableEndpoint(ep record.Endpoint, reason string) {
	m := f.byID(ep.Stream)
	if m == nil {
		return
	}
	now := m.endpoint()
	if now.URL != ep.URL {
		return
	}
	now.Disabled = reason
	ch := f.store.Change()
	ch.PutEndpoint(now)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := f.store.Commit(ctx, ch); err != nil {
		f.log.Error("disabled endpoint could not be stored", "instance", ep.Stream, "err", err)
		return
	}
	m.setEndpoint(now)
	f.outbox.SetEndpoint(now, 0)
	f.log.Warn("receiver answered 410 Gone; its endpoint is disabled until the webhook is set anew", "instance", ep.Stream)
}
