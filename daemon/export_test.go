package daemon

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Wrap replaces the driver of a daemon that has no instance and does not run yet.
func (d *Daemon) Wrap(with func(instance.Driver) instance.Driver) {
	d.fleet.driver = with(d.fleet.driver)
}

// PruneOver does at once what the keeper does every few seconds: it keeps the log
// within its size.
func (d *Daemon) PruneOver(ctx context.Context) { d.keeper.pruneOver(ctx) }

// LastWords sets how long a deleted instance's events may take to be delivered, of
// a daemon that does not run yet.
func (d *Daemon) LastWords(most time.Duration) { d.keeper.lastWords = most }

// SetGreen changes what an instance's notifications go by.
func (d *Daemon) SetGreen(ctx context.Context, id string, s record.GreenSettings) error {
	_, err := d.fleet.ChangeGreen(ctx, id, func(now *record.GreenSettings) error {
		*now = s
		return nil
	})
	return err
}

// GreenOf answers what an instance is to GREEN-API's clients.
func (d *Daemon) GreenOf(id string) record.GreenAPI { return *d.fleet.byID(id).green.Load() }

// ReceiveNotification and DeleteNotification are the port to the queue.
func (d *Daemon) ReceiveNotification(ctx context.Context, id string, wait time.Duration) (int64, []byte, bool, error) {
	return d.fleet.ReceiveNotification(ctx, id, wait)
}

func (d *Daemon) DeleteNotification(ctx context.Context, id string, receipt int64) (bool, error) {
	return d.fleet.DeleteNotification(ctx, id, receipt)
}

// ChatApp answers the tenant of an app, with its secret key.
func (d *Daemon) ChatApp(ctx context.Context, app int64) (record.Tenant, error) {
	return d.fleet.tenants.ChatApp(ctx, app)
}

// Prune does at once what the keeper does every few minutes, once NATS has all there is.
func (d *Daemon) Prune(ctx context.Context) error {
	if err := d.bus.WaitPublished(ctx, d.store.Last()); err != nil {
		return err
	}
	d.keeper.prune(ctx)
	return nil
}

// Insist stores something again and again, in a daemon that runs until ctx ends.
func Insist(ctx context.Context, wait time.Duration, store func(context.Context) error, done ...error) error {
	f := &fleet{running: ctx}
	f.timing.StoreRetry = wait
	return f.insist(store, done...)
}

// SetProfile sets fields of an account, as often as wanted.
func (d *Daemon) SetProfile(ctx context.Context, tenant, user string, fields []record.Field) error {
	return d.fleet.tenants.SetProfile(ctx, tenant, user, "administrator", fields)
}

// Scan counts a scan of a message QR code as following its link does, and does not wait
// for it.
func (d *Daemon) Scan(code string, rev int) { d.fleet.tenants.scans.add(revision{code, rev}) }
