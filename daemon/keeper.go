package daemon

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/bus"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

const (
	keepEvery = 5 * time.Second  // deleted instances are looked at
	pruneEach = 10 * time.Minute // the log is pruned of what is old
	overEach  = time.Hour        // a log that is full is told of so often
	lastWords = 72 * time.Hour   // see keeper
)

// keeper tidies up behind the others: it erases deleted instances once their
// last events are delivered, and prunes the log of what everybody has read.
type keeper struct {
	fleet     *fleet
	store     *store.Store
	bus       *bus.Bus
	retention time.Duration
	deadSeen  store.DeadPlace // the dead letters up to here were looked at
	lastWords time.Duration   // how long a deleted instance's events may take to be delivered
	maxSize   int64           // of the log; looked at with the deleted instances
	overMu    sync.Mutex
	overSize  int       // guarded by overMu; events that went because of it and were not told of yet
	overTold  time.Time // guarded by overMu; when they were
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
			k.pruneDead(ctx)
			k.forgetNonces(ctx)
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
		if !m.heard {
			lanes := k.fleet.outbox.Status(m.id)
			heard := k.heard(m.id, lanes)
			if profile, goes := k.fleet.tenants.leavesWith(m); goes {
				heard = heard && k.fleet.tenants.told(profile.ID)
				lanes = append(lanes, k.fleet.outbox.Status(profile.ID)...)
			}
			if since < k.lastWords && !heard {
				continue
			}
			// The outbox, from now on, knows nothing of it any more.
			m.heard, m.unheard = true, waiting(lanes)
		}
		if err := k.fleet.erase(ctx, m); err != nil {
			k.log.Warn("deleted instance could not be erased", "instance", m.id, "err", err)
			continue
		}
		k.log.Info("deleted instance erased", "instance", m.id)
	}
}

func (k *keeper) prune(ctx context.Context) {
	n, err := k.store.Prune(ctx, time.Now().Add(-k.retention), func(stream string) uint64 { return k.passed(ctx, stream) })
	if err != nil && ctx.Err() == nil {
		k.log.Warn("log could not be pruned", "err", err)
	}
	if n > 0 {
		k.log.Info("log pruned", "events", n)
	}
}

// forgetNonces forgets those that would be refused for their age.
func (k *keeper) forgetNonces(ctx context.Context) {
	if err := k.fleet.tenants.forgetNonces(ctx); err != nil && ctx.Err() == nil {
		k.log.Warn("nonces could not be forgotten", "err", err)
	}
}

// deadEach is how many thousand dead letters one pruning looks at.
const deadEach = 20

// pruneDead drops the dead letters that are as old as events get and whose events
// are gone: a replay could not deliver them any more.
func (k *keeper) pruneDead(ctx context.Context) {
	total := 0
	for range deadEach {
		n, next, err := k.store.PruneDeadLetters(ctx, time.Now().Add(-k.retention), k.deadSeen)
		if err != nil {
			if ctx.Err() == nil {
				k.log.Warn("dead letters could not be pruned", "err", err)
			}
			break
		}
		total += n
		if k.deadSeen = next; next == (store.DeadPlace{}) {
			break
		}
	}
	if total > 0 {
		k.log.Info("dead letters pruned", "dead_letters", total)
	}
}

// pruneOver keeps the log within its size. Who still waited for what goes finds
// it missing: the outbox makes a dead letter of it, the bus goes on behind it.
func (k *keeper) pruneOver(ctx context.Context) {
	n, err := k.store.PruneOver(ctx, k.maxSize)
	if err != nil && ctx.Err() == nil {
		k.log.Warn("log could not be pruned to its size", "err", err)
	}
	k.overMu.Lock()
	defer k.overMu.Unlock()
	if k.overSize += n; k.overSize > 0 && time.Since(k.overTold) >= overEach {
		k.log.Warn("log has reached its size: the oldest events are gone", "events", k.overSize, "max_size", k.maxSize)
		k.overSize, k.overTold = 0, time.Now()
	}
}

// passed is how far every reader of a stream has come, replays and the queue included.
func (k *keeper) passed(ctx context.Context, stream string) uint64 {
	lanes := k.fleet.outbox.Status(stream)
	if !k.complete(stream, lanes) {
		return 0
	}
	seq := k.store.SeqAt(stream, k.bus.Published())
	for _, l := range lanes {
		seq = min(seq, l.Acked)
	}
	seq, err := k.needsQueue(ctx, stream, seq)
	if err != nil && ctx.Err() == nil {
		k.log.Warn("log could not be pruned", "instance", stream, "err", err)
	}
	return seq
}

// heard reports whether everyone has read the last event of a stream who will, of a
// deleted instance or a tenant that is to go: it does not wait for a receiver that wants nothing any more. A paused
// endpoint holds it, too, until its horizon, at which the outbox gives up what is
// pending.
func (k *keeper) heard(stream string, lanes []outbox.LaneStatus) bool {
	head := k.store.Head(stream)
	if !k.complete(stream, lanes) || k.store.SeqAt(stream, k.bus.Published()) < head {
		return false
	}
	for _, l := range lanes {
		if (l.Acked < head && l.Replay == "" || l.Replay != "" && l.Acked < l.Until) && !k.gone(l) {
			return false
		}
	}
	return true
}

// gone reports whether the receiver of a lane has said that it wants nothing any
// more. The outbox may know of it before it is stored.
func (k *keeper) gone(l outbox.LaneStatus) bool {
	ep, ok := k.fleet.book.get(l.Endpoint)
	return !ok || ep.Gone || ep.Disabled == "" && l.Disabled != ""
}

// waiting answers the lanes that have something pending.
func waiting(lanes []outbox.LaneStatus) []outbox.LaneStatus {
	return slices.DeleteFunc(lanes, func(l outbox.LaneStatus) bool { return l.Pending == 0 })
}

// complete reports whether the outbox has a lane for every endpoint that a
// stream leads to. Without one nobody knows how far it has come: the outbox does
// not run, or has not got to it yet.
func (k *keeper) complete(stream string, lanes []outbox.LaneStatus) bool {
	live := make(map[string]bool, len(lanes))
	for _, l := range lanes {
		if l.Replay == "" {
			live[l.Endpoint] = true
		}
	}
	for _, ep := range k.fleet.book.over(stream) {
		if !live[ep.ID] {
			return false
		}
	}
	return true
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

// tellUnheard says whose events go with a deleted instance before they were
// delivered.
func (f *fleet) tellUnheard(ch *store.Change, m *member) {
	for _, l := range m.unheard {
		ep, ok := f.book.get(l.Endpoint)
		if !ok {
			continue
		}
		last := l.Head
		if l.Replay != "" {
			last = l.Until
		}
		f.log.Warn("deleted instance goes with events that were not delivered",
			"stream", l.Stream, "endpoint", ep.ID, "replay", l.Replay, "from", l.Acked+1, "to", last)
		ch.Append(f.fact(record.EndpointGaveUp, record.EndpointFact{
			Endpoint: ep.ID, Name: ep.Name, Instance: l.Stream, Tenant: ep.Tenant, Reason: "the instance was deleted",
			Fails: l.Attempts, From: l.Acked + 1, To: last,
		}))
	}
}

// erase removes everything that the daemon holds about a deleted instance: its
// endpoints, and at those of its tenant and of the daemon what belongs to it.
func (f *fleet) erase(ctx context.Context, m *member) error {
	if err := f.book.enter(ctx); err != nil {
		return err
	}
	defer f.book.leave()
	f.outbox.RemoveStream(m.id)
	f.queue.Forget(m.id) // whoever deletes something of it has done so
	own := f.book.of(owner{stream: m.id})
	ids := make([]string, 0, len(own))
	ch := f.store.Change()
	for i := range own {
		ids = append(ids, own[i].ID)
		f.outbox.RemoveEndpoint(own[i].ID)
		if own[i].URL != "" {
			ch.Append(f.told(record.EndpointDeleted, &own[i], "the instance was deleted"))
		}
	}
	f.tellUnheard(ch, m)
	ch.EraseInstance(m.id, ids...)
	// The files first: what is erased from the store is not found again.
	if err := f.files.Erase(m.id); err != nil {
		return err
	}
	if err := f.store.EraseStream(ctx, m.id); err != nil {
		return err
	}
	forget, err := f.tenants.forgetProfile(ctx, ch, m)
	if err != nil {
		return err
	}
	_, err = f.store.Commit(ctx, ch)
	forget(err == nil)
	if err != nil {
		return err
	}
	for _, id := range ids {
		f.book.remove(id)
	}
	f.book.closed(m.id)
	f.unregister(m)
	f.mu.Lock()
	delete(f.members, m.id)
	f.mu.Unlock()
	return nil
}
