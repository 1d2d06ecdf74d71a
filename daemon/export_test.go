package daemon

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/instance"
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

// Insist stores something again and again, in a daemon that runs until ctx ends.
func Insist(ctx context.Context, wait time.Duration, store func(context.Context) error, done ...error) error {
	f := &fleet{running: ctx}
	f.timing.StoreRetry = wait
	return f.insist(store, done...)
}
