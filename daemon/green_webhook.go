package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/queue"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
)

// GREEN-API's webhookUrl is an endpoint of the instance, which its settings make,
// change and remove. Without one the queue has the notifications. The two share the
// cursor, so that a change from one to the other loses nothing; what was under way at
// that moment may come twice.

const greenName = "greenapi"

func greenID(instance string) string { return instance + "-" + greenName }

func isGreen(ep *record.Endpoint) bool { return ep.Stream != "" && ep.ID == greenID(ep.Stream) }

// greenQueueURL is an address of the vendor's that means the queue (documented as
// the former default).
const greenQueueURL = "https://webhook.green-api.com"

// greenURL is where settings send notifications to; empty: they wait in the queue.
func greenURL(s record.GreenSettings) string {
	url := strings.TrimSpace(s.WebhookURL)
	if strings.EqualFold(strings.TrimSuffix(url, "/"), greenQueueURL) {
		return ""
	}
	return url
}

// commitGreen stores a change set that holds new settings of an instance, together
// with what they mean for its notifications. stored is called once it is on disk, and
// before anybody goes by the settings again; it may be nil. What happened before and
// was not wanted then is not told because of new switches, unless something that was
// wanted still waits in front of it. An address that cannot be used is an
// [*instance.InvalidError] and nothing is stored.
func (f *fleet) commitGreen(ctx context.Context, ch *store.Change, id string, s record.GreenSettings, stored func()) error {
	if err := f.book.enter(ctx); err != nil {
		return fmt.Errorf("%w (%w)", instance.ErrUnavailable, err)
	}
	defer f.book.leave()
	switch m := f.byID(id); {
	case m == nil:
		return instance.ErrNotFound
	case !m.live.Load().Status().Record.DeletedAt.IsZero():
		return instance.ErrDeleted
	}
	old, had := f.book.get(greenID(id))
	if err := f.checkGreen(id, old, s); err != nil {
		return err
	}
	defer f.watches.wake(id)
	return unavailable(f.queue.Change(ctx, id, func(at record.Lane) (err error) {
		move := greenMove{f: f, ch: ch, id: id, url: greenURL(s), token: s.WebhookToken, at: at}
		switch {
		case move.url == "" && !had:
			move.stay()
		case move.url == "":
			err = move.toQueue(&old)
		case !had:
			err = move.toWebhook()
		default:
			move.edit(&old)
		}
		if err != nil {
			return err
		}
		if _, err := f.store.Commit(ctx, ch); err != nil {
			return err
		}
		if stored != nil {
			stored()
		}
		move.tell()
		return nil
	}))
}

// checkGreen judges the address and the token of new settings.
func (f *fleet) checkGreen(id string, old record.Endpoint, s record.GreenSettings) error {
	url := greenURL(s)
	if url == "" {
		return nil
	}
	if url != old.URL {
		if err := f.check(url); err != nil {
			return invalid("webhookUrl", "%s", err.Error())
		}
	}
	if err := webhook.CheckBearer(s.WebhookToken); err != nil {
		return invalid("webhookUrlToken", "%s", err.Error())
	}
	taken := func(ep record.Endpoint) bool { return ep.Name == greenName && !isGreen(&ep) }
	if slices.ContainsFunc(f.book.of(owner{stream: id}), taken) {
		return invalid("webhookUrl", "needs an endpoint of the name %q, and there is another: remove that first", greenName)
	}
	return nil
}

// greenMove is a change of where the notifications of an instance go.
type greenMove struct {
	f          *fleet
	ch         *store.Change
	id         string
	url, token string
	at         record.Lane // of the queue; empty where there was none

	now   *record.Endpoint // the endpoint as it is afterwards
	lanes []record.Lane    // where a new one begins
	gone  string           // the id of one that is removed
}

// stay keeps the cursor behind what was not wanted so far.
func (g *greenMove) stay() {
	if g.at.Endpoint != "" {
		g.ch.PutLane(g.at)
	}
}

// toWebhook makes the endpoint, which begins with what waits in the queue.
func (g *greenMove) toWebhook() error {
	lane := record.Lane{Endpoint: greenID(g.id), Stream: g.id, Acked: g.at.Acked}
	if g.at.Endpoint == "" { // nothing was queued
		lane.Acked = g.f.store.Head(g.id)
	}
	old, err := g.f.store.SeqAtTime(g.id, time.Now().Add(-queue.Keep))
	if err != nil {
		return err
	}
	lane.Acked = max(lane.Acked, old)
	ep := greenEndpoint(g.id, g.url, g.token)
	g.now, g.lanes = &ep, []record.Lane{lane}
	g.ch.PutEndpoint(ep)
	g.ch.PutLane(lane)
	g.ch.Append(g.f.told(record.EndpointCreated, &ep, ""))
	return nil
}

// greenEndpoint is the endpoint of a webhookUrl.
func greenEndpoint(instance, url, token string) record.Endpoint {
	return record.Endpoint{
		ID: greenID(instance), Name: greenName, Stream: instance, URL: url, Bearer: token,
		Format: notify.Format, CreatedAt: time.Now().UTC(),
	}
}

// edit changes the endpoint. One that its receiver has disabled is enabled again, and
// so is one that gets another address.
func (g *greenMove) edit(old *record.Endpoint) {
	ep := *old
	if ep.URL != g.url || ep.Gone {
		ep.Disabled, ep.Gone = "", false
	}
	ep.URL, ep.Bearer = g.url, g.token
	g.now = &ep
	g.ch.PutEndpoint(ep)
	g.f.tellChange(g.ch, old, &ep)
}

// toQueue removes the endpoint; what it has not delivered waits in the queue.
func (g *greenMove) toQueue(old *record.Endpoint) error {
	stored, _, err := g.f.store.Lane(old.ID, g.id)
	if err != nil {
		return err
	}
	lane := record.Lane{Endpoint: old.ID, Stream: g.id, Acked: stored.Acked}
	for _, l := range g.f.outbox.Status(g.id) {
		if l.Endpoint == old.ID && l.Replay == "" {
			lane.Acked = l.Acked // which the disk will have a moment later
		}
	}
	g.gone = old.ID
	g.ch.DeleteEndpoint(old.ID)
	g.ch.PutLane(lane)
	g.ch.Append(g.f.told(record.EndpointDeleted, old, ""))
	return nil
}

// tell lets everybody know of what is stored.
func (g *greenMove) tell() {
	switch {
	case g.gone != "":
		g.f.book.remove(g.gone)
		g.f.outbox.RemoveEndpoint(g.gone)
	case g.now != nil:
		g.f.book.put(*g.now)
		g.f.outbox.SetEndpoint(*g.now, g.lanes...)
	}
}

// refuseGreen says what of an endpoint is the settings' to change, for the operator
// who tries.
func refuseGreen(ep *record.Endpoint, c api.EndpointChange) error {
	if isGreen(ep) && (c.URL != nil && *c.URL != ep.URL || c.Bearer != nil || c.Format != nil && *c.Format != ep.Format || c.Bulk != nil && c.Bulk.Most > 1) {
		return errGreen
	}
	return nil
}

var errGreen = &api.RefusedError{Problem: "the endpoint is GREEN-API's webhookUrl: change webhookUrl and webhookUrlToken with setSettings, or pause the endpoint"}
