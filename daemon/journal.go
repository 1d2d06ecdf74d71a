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
	if !c.Same {
		ch.PutInstance(c.Instance)
	}
	if c.Drop {
		ch.DropSession(c.Instance.ID)
	}
	if c.Session != nil {
		ch.PutSession(c.Instance.ID, *c.Session)
	}
	if len(c.Keys) > 0 {
		ch.PutDevice(c.Instance.ID, c.KeysOf, c.Keys)
	}
	ep := j.m.endpoint()
	moved := c.Webhook || ep.URL != c.Instance.Config.Webhook
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

// moveEndpoint points the endpoint at an address, or at none. Pending events go
// to the new address, and a disabled endpoint is enabled again; where there was
// no address before, deliveries start from now. What is pending when the address
// is taken away becomes a dead letter. It answers the seq after which deliveries
// start.
func (f *fleet) moveEndpoint(ch *store.Change, ep *record.Endpoint, url string) (after uint64) {
	had := ep.URL != ""
	ep.URL, ep.Disabled = url, ""
	ch.PutEndpoint(*ep)
	after = f.store.Head(ep.Stream)
	switch {
	case url == "":
		f.giveUpPending(ch, ep, after)
		ch.DeleteLanes(ep.ID)
	case !had:
		ch.PutLane(record.Lane{Endpoint: ep.ID, Stream: ep.Stream, Acked: after})
	}
	return after
}

// giveUpPending records what an endpoint that loses its address will not get.
func (f *fleet) giveUpPending(ch *store.Change, ep *record.Endpoint, head uint64) {
	for _, l := range f.outbox.Status(ep.Stream) {
		if l.Endpoint != ep.ID || l.Acked >= head {
			continue
		}
		ch.PutDeadLetter(record.DeadLetter{
			Endpoint: ep.ID, Stream: ep.Stream, From: l.Acked + 1, To: head,
			Reason: "webhook removed", At: time.Now().UTC(),
		})
		f.log.Warn("webhook removed with events pending; they are dead letters", "instance", ep.Stream, "from", l.Acked+1, "to", head)
	}
}

func (f *fleet) announceEndpoint(ep record.Endpoint, after uint64) {
	if ep.URL == "" {
		f.outbox.RemoveEndpoint(ep.ID)
		return
	}
	f.outbox.SetEndpoint(ep, record.Lane{Endpoint: ep.ID, Stream: ep.Stream, Acked: after})
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
// address has been set since. It runs on the instance's loop, which alone
// changes the endpoint.
func (f *fleet) disableEndpoint(ep record.Endpoint, reason string) {
	m := f.byID(ep.Stream)
	if m == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), disableWait)
	defer cancel()
	disable := func() error {
		now := m.endpoint()
		if now.URL != ep.URL || now.Disabled != "" {
			return nil
		}
		now.Disabled = reason
		ch := f.store.Change()
		ch.PutEndpoint(now)
		if _, err := f.store.Commit(ctx, ch); err != nil {
			return err
		}
		m.setEndpoint(now)
		f.outbox.SetEndpoint(now)
		f.log.Warn("receiver answered 410 Gone; its endpoint is disabled until the webhook is set again", "instance", ep.Stream)
		return nil
	}
	err := m.live.Load().Between(ctx, disable)
	if errors.Is(err, instance.ErrDeleted) {
		err = disable() // its loop has ended and changes nothing any more
	}
	if err != nil {
		f.log.Error("disabled endpoint could not be stored", "instance", ep.Stream, "err", err)
	}
}

// disableWait bounds the storing of a disabled endpoint. If it cannot be stored
// the receiver is asked once more after the next start.
const disableWait = 30 * time.Second
