package daemon

import (
	"context"
	"fmt"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// commitGreen stores a change set that holds new settings of an instance. stored is
// called once it is on disk; it may be nil. Nothing is stored while the instance is
// being erased, nor after. An address that cannot be used is an
// [*instance.InvalidError] and nothing is stored.
func (f *fleet) commitGreen(ctx context.Context, ch *store.Change, id string, s record.GreenSettings, stored func()) error {
	if err := f.book.enter(ctx); err != nil {
		return fmt.Errorf("%w (%w)", instance.ErrUnavailable, err)
	}
	defer f.book.leave()
	m := f.byID(id)
	switch {
	case m == nil:
		return instance.ErrNotFound
	case !m.live.Load().Status().Record.DeletedAt.IsZero():
		return instance.ErrDeleted
	}
	was := m.green.Load()
	if url := s.WebhookURL; url != "" && (was == nil || was.Settings.WebhookURL != url) {
		if err := f.check(url); err != nil {
			return invalid("webhookUrl", "%s", err.Error())
		}
	}
	if _, err := f.store.Commit(ctx, ch); err != nil {
		return unavailable(err)
	}
	if stored != nil {
		stored()
	}
	return nil
}
