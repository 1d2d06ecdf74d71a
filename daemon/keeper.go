package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/switchhook/switchhook/bus"
	"github.com/switchhook/switchhook/store"
)

const (
	keepEvery = 5 * time.Second  // deleted instances are looked at
	pruneEach = 10 * time.Minute // the log is pruned of what is old
	lastWords = 72 * time.Hour   // how long a deleted instance's events may take to be delivered
)

// keeper tidies up behind the others: it erases deleted instances once their
// last events are delivered, and prunes the log of what everybody has read.
type keeper struct {
	fleet     *fleet
	store     *store.Store
	bus       *bus.Bus
	retention time.Duration
	maxSize   int64 // of the log; looked at with the deleted instances
	log       *slog.Logger
}

// Run works until ctx ends. It returns nil.
func (k *keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	var pruned time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		k.eraseDeleted(ctx)
		if time.Since(pruned) >= pruneEach {
			pruned = time.Now()
			k.prune(ctx)
		}
		k.pruneOver(ctx)
	}
}

func (k *keeper) eraseDeleted(ctx context.Context) {
	for _, m := range k.fleet.deleted() {
		if ctx.Err() != nil {
			return
		}
		since := time.Since(m.live.Load().Status().Record.DeletedAt)
		hopeless := m.endpoint().Disabled != ""
		if since < lastWords && !hopeless && k.passed(m.id) < k.store.Head(m.id) {
			continue
		}
		if err := k.fleet.erase(ctx, m); err != nil {
			k.log.Warn("deleted instance could not be erased", "instance", m.id, "err", err)
			continue
		}
		k.log.Info("deleted instance erased", "instance", m.id)
	}
}

func (k *keeper) prune(ctx context.Context) {
	n, err := k.store.Prune(ctx, time.Now().Add(-k.retention), k.passed)
	if err != nil && ctx.Err() == nil {
		k.log.Warn("log could not be pruned", "err", err)
	}
	if n > 0 {
		k.log.Info("log pruned", "events", n)
	}
}

// pruneOver keeps the log within its size. Who still waited for what goes finds
// it missing: the outbox makes a dead letter of it, the bus goes on behind it.
func (k *keeper) pruneOver(ctx context.Context) {
	n, err := k.store.PruneOver(ctx, k.maxSize)
	if err != nil && ctx.Err() == nil {
		k.log.Warn("log could not be pruned to its size", "err", err)
	}
	if n > 0 {
		k.log.Warn("log has reached its size: the oldest events are gone", "events", n, "max_size", k.maxSize)
	}
}

// passed is how far every reader of a stream has come.
func (k *keeper) passed(stream string) uint64 {
	seq := k.store.SeqAt(stream, k.bus.Published())
	lanes := k.fleet.outbox.Status(stream)
	if m := k.fleet.byID(stream); m != nil && m.endpoint().URL != "" && len(lanes) == 0 {
		return 0 // the outbox does not run: it knows, and does not say
	}
	for _, l := range lanes {
		seq = min(seq, l.Acked)
	}
	return seq
}

// deleted answers the instances that wait to be erased.
func (f *fleet) deleted() []*member {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var out []*member
	for _, m := range f.members {
		if !m.live.Load().Status().Record.DeletedAt.IsZero() {
			out = append(out, m)
		}
	}
	return out
}

// erase removes everything that the daemon holds about a deleted instance.
func (f *fleet) erase(ctx context.Context, m *member) error {
	ch := f.store.Change()
	ep := m.endpoint()
	if ep.ID != "" {
		f.outbox.RemoveEndpoint(ep.ID)
		ch.EraseInstance(m.id, ep.ID)
	} else {
		ch.EraseInstance(m.id)
	}
	// The files first: what is erased from the store is not found again.
	if err := f.files.Erase(m.id); err != nil {
		return err
	}
	if err := f.store.EraseStream(ctx, m.id); err != nil {
		return err
	}
	if _, err := f.store.Commit(ctx, ch); err != nil {
		return err
	}
	f.unregister(m)
	f.mu.Lock()
	delete(f.members, m.id)
	f.mu.Unlock()
	return nil
}
