package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// The webhook of an instance is the endpoint that the dialects set: its address,
// its version and whether it takes bulk are the instance's configuration, and
// move with it. It is there from the beginning, for its secret, and has no
// address until one is set.

const (
	webhookName = "webhook"
	bulkMost    = 50                     // WIRE.md §1.4
	bulkWait    = 500 * time.Millisecond // the same
)

func webhookID(instance string) string { return instance + "-" + webhookName }

// webhook is the endpoint of the member's webhook.
func (m *member) webhook() record.Endpoint {
	ep, _ := m.book.get(webhookID(m.id))
	return ep
}

// inStep reports whether a webhook is as the configuration has it.
func inStep(ep record.Endpoint, c record.Config) bool {
	return ep.URL == c.Webhook && (ep.Bulk != nil) == c.CanBulk && (ep.Format != formatWITI || ep.Version == c.APIVersion)
}

// step brings a webhook in step with the configuration. How it gathers, it
// keeps.
func step(ep *record.Endpoint, c record.Config) {
	ep.URL = c.Webhook
	switch {
	case !c.CanBulk:
		ep.Bulk = nil
	case ep.Bulk == nil:
		ep.Bulk = &record.Bulk{Most: bulkMost, Wait: bulkWait}
	}
	if ep.Format == formatWITI {
		ep.Version = c.APIVersion
	} else {
		ep.Version = ""
	}
}

// aside is a change of the webhook that comes from the endpoints' side.
type aside struct {
	change api.EndpointChange // checked
	forget bool               // all settings but the secrets, the lanes and the dead letters
}

// commitWebhook stores a change set that moves the webhook. Pending events go to
// a new address, and a disabled endpoint is enabled again when it is set; where
// there was no address before, deliveries start from now. What is pending when
// the address is taken away becomes a dead letter.
func (f *fleet) commitWebhook(ctx context.Context, ch *store.Change, m *member, c instance.Change) error {
	if err := f.book.enter(ctx); err != nil {
		return fmt.Errorf("%w (%w)", instance.ErrUnavailable, err)
	}
	defer f.book.leave()
	old := m.webhook()
	ep := old
	if a, ok := c.Aside.(aside); ok {
		if a.forget {
			ep = newWebhook(m.id, c.Instance.Config, old.Secrets, old.CreatedAt)
			ch.DeleteEndpoint(ep.ID)
		}
		apply(&ep, a.change)
		// It was checked with what the endpoint was then.
		if err := f.checkEndpoint(&ep, a.change); err != nil && !a.forget {
			return err
		}
	}
	step(&ep, c.Instance.Config)
	if c.Webhook || ep.URL != old.URL {
		ep.Disabled, ep.Gone = "", false
	}
	ch.PutEndpoint(ep)
	var lanes []record.Lane
	switch {
	case ep.URL == "" && old.URL != "":
		f.giveUpPending(ch, &old)
		ch.DeleteLanes(ep.ID)
		ch.Append(f.told(record.EndpointDeleted, &old, ""))
	case ep.URL != "" && old.URL == "":
		lanes = f.lanesFromNow(&ep)
		putLanes(ch, lanes)
		ch.Append(f.told(record.EndpointCreated, &ep, ""))
	case ep.URL != "":
		f.tellChange(ch, &old, &ep)
	}
	if _, err := f.store.Commit(ctx, ch); err != nil {
		return unavailable(err)
	}
	f.book.put(ep)
	if ep.URL == "" {
		f.outbox.RemoveEndpoint(ep.ID)
	} else {
		f.outbox.SetEndpoint(ep, lanes...)
	}
	return nil
}

// newWebhook is a webhook as an instance begins with.
func newWebhook(instance string, c record.Config, secrets []string, at time.Time) record.Endpoint {
	ep := record.Endpoint{
		ID: webhookID(instance), Name: webhookName, Stream: instance,
		Format: formatWITI, Secrets: secrets, CreatedAt: at,
	}
	step(&ep, c)
	return ep
}

// giveUpPending records what a webhook that loses its address will not get.
func (f *fleet) giveUpPending(ch *store.Change, ep *record.Endpoint) {
	head := f.store.Head(ep.Stream)
	for _, l := range f.outbox.Status(ep.Stream) {
		if l.Endpoint != ep.ID || l.Replay != "" || l.Acked >= head {
			continue
		}
		ch.PutDeadLetter(record.DeadLetter{
			Endpoint: ep.ID, Stream: ep.Stream, From: l.Acked + 1, To: head,
			Reason: "webhook removed", At: time.Now().UTC(), Attempts: l.Attempts,
		})
		f.log.Warn("webhook removed with events pending; they are dead letters", "instance", ep.Stream, "from", l.Acked+1, "to", head)
	}
}
