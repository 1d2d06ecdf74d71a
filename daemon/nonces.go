package daemon

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/store"
)

// How many nonces are remembered: of a key, more than it may sign calls in the half hour
// that the longest is, and of all. Where there are so many of all, a key has an equal share
// yet, so that nobody is refused for what others have signed. A thousand keys that all do
// their worst are five times as many. Who has more is refused; none is forgotten early.
const (
	maxNoncesEach = 1 << 16
	maxNonces     = 1 << 20
)

// nonces are those that were used, in memory and on disk. Its methods may be called from
// any goroutine.
type nonces struct {
	disk *store.Store

	nonceMu sync.Mutex
	used    map[string]map[[store.NonceHash]byte]int64 // guarded by nonceMu; by access key; until when, in Unix seconds
	held    int                                        // guarded by nonceMu
	swept   int64                                      // guarded by nonceMu; when, in Unix seconds
}

// load reads what must not be used again.
func (n *nonces) load(disk *store.Store, now time.Time) error {
	n.disk, n.used = disk, make(map[string]map[[store.NonceHash]byte]int64)
	stored, err := disk.Nonces(now)
	if err != nil {
		return err
	}
	for _, s := range stored {
		n.add(s)
	}
	return nil
}

func (n *nonces) add(s store.Nonce) {
	of := n.used[s.Key]
	if of == nil {
		of = make(map[[store.NonceHash]byte]int64)
		n.used[s.Key] = of
	}
	if _, there := of[s.Hash]; !there {
		n.held++
	}
	of[s.Hash] = s.Until.Unix()
}

// UseNonce implements [api.Tenants]. What could not be stored stays used until the
// daemon stops: the call that came with it was refused, and its client signs anew.
func (n *nonces) UseNonce(ctx context.Context, key, nonce string, until time.Time) error {
	sum := sha256.Sum256([]byte(nonce))
	// Rounded up: it has to be remembered for as long as its time stamp counts.
	s := store.Nonce{Key: key, Hash: [store.NonceHash]byte(sum[:store.NonceHash]), Until: until.Add(time.Second - 1).Truncate(time.Second)}
	if err := n.take(s, time.Now().Unix()); err != nil {
		return err
	}
	ch := n.disk.Change()
	ch.PutNonce(s)
	_, err := n.disk.Commit(ctx, ch)
	return unavailable(err)
}

// take remembers a nonce in memory.
func (n *nonces) take(s store.Nonce, now int64) error {
	n.nonceMu.Lock()
	defer n.nonceMu.Unlock()
	if end, there := n.used[s.Key][s.Hash]; there && end >= now {
		return cams.ErrNonceUsed
	}
	if n.full(s.Key) && n.swept != now { // it takes a while
		n.sweep(now)
	}
	if n.full(s.Key) {
		return fmt.Errorf("%w: the access key has signed %d calls within half an hour", instance.ErrBusy, len(n.used[s.Key]))
	}
	n.add(s)
	return nil
}

// full reports whether a key has as many as it may. n.nonceMu is held.
func (n *nonces) full(key string) bool {
	has := len(n.used[key])
	return has >= maxNoncesEach || n.held >= maxNonces && has >= maxNonces/max(1, len(n.used))
}

// sweep forgets what is over. n.nonceMu is held.
func (n *nonces) sweep(now int64) {
	n.swept = now
	for key, of := range n.used {
		n.held -= len(of)
		maps.DeleteFunc(of, func(_ [store.NonceHash]byte, end int64) bool { return end < now })
		if n.held += len(of); len(of) == 0 {
			delete(n.used, key)
		}
	}
}

// forgetNonces forgets what is over, in memory and on disk.
func (n *nonces) forgetNonces(ctx context.Context) error {
	now := time.Now()
	n.nonceMu.Lock()
	n.sweep(now.Unix())
	n.nonceMu.Unlock()
	for {
		if more, err := n.disk.PruneNonces(ctx, now); err != nil || !more {
			return err
		}
	}
}
