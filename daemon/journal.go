package daemon

import (
	"context"

	"github.com/switchhook/switchhook/instance"
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
	err := j.commit(ctx, c)
	if err == nil && c.Picture != nil {
		j.f.shelf.put(j.m.id, c.Picture.Token)
	}
	return err
}

func (j journal) commit(ctx context.Context, c instance.Change) error {
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
	switch {
	case c.Picture == nil:
	case c.Picture.Token == "":
		ch.DropPicture(c.Instance.ID)
	default:
		ch.PutPicture(c.Instance.ID, *c.Picture)
	}
	if len(c.Keys) > 0 {
		ch.PutDevice(c.Instance.ID, c.KeysOf, c.Keys)
	}
	for _, e := range c.Events {
		ch.Append(e)
	}
	if c.Webhook || c.Aside != nil || !inStep(j.m.webhook(), c.Instance.Config) {
		return j.f.commitWebhook(ctx, ch, j.m, c)
	}
	_, err := j.f.store.Commit(ctx, ch)
	return unavailable(err)
}
