package devicestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.mau.fi/whatsmeow/store"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// Backend keeps the live device keys of one session; keys are already scoped to
// it. Its methods are called from many goroutines, Apply never by two at once
// for one device.
type Backend interface {
	// Get returns nil, nil for an absent key. The slice is the caller's.
	Get(key []byte) ([]byte, error)
	// Scan visits the keys with a prefix in ascending order and stops at fn's
	// first error, which it returns. The slices are only valid during fn, and fn
	// must not call the Backend.
	Scan(prefix []byte, fn func(key, value []byte) error) error
	// Apply makes all writes or none, durable when it returns nil. A nil value
	// deletes. After an error the outcome is unknown.
	Apply(ctx context.Context, writes map[string][]byte) error
}

// applyAtMost bounds the writes of one Apply where a list may be of any length,
// so that no other device waits long for its turn on the disk.
const applyAtMost = 1000

// keyring is the store of one device: every interface of whatsmeow's but the
// container. All methods may be called from any goroutine. A daemon has
// thousands that do nothing: what is not used takes no memory.
type keyring struct {
	backend Backend
	log     waLog.Logger
	life    *life // the container's
	own     atomic.Pointer[account]

	turn gate // of the transaction that runs

	// writing is passed by the one writer outside a transaction, or the one
	// commit, from its first read until Apply has answered.
	writing  gate
	reserved map[string]bool      // ratchets of a transaction that runs again; behind writing
	held     atomic.Pointer[hold] // changed behind writing
	open     *event               // of the last transaction, until it is dealt with; behind writing

	revision atomic.Uint64 // counts changes of what a reader sees; changed behind writing
	stop     atomic.Pointer[context.CancelCauseFunc]

	loans loans
	tally tally

	preKeys   gate // one list of prekeys to upload at a time
	preKeyIDs struct {
		sync.Mutex
		last uint32 // the highest id given out by this process; guarded by the mutex
	}
}

var _ store.AllStores = (*keyring)(nil)

func newKeyring(backend Backend, life *life, log waLog.Logger) *keyring {
	return &keyring{backend: backend, life: life, log: log}
}

// drain returns when the Apply or commit that is under way, if any, has
// answered, and forgets what is held: its message was not acknowledged.
func (k *keyring) drain() {
	k.writing.pass()
	defer k.writing.leave()
	k.drop()
}

// read lets fn look at what ctx sees.
func (k *keyring) read(ctx context.Context, op string, fn func(v *view) error) error {
	v := &view{ring: k}
	if t := k.enter(ctx); t != nil {
		defer t.mu.Unlock()
		v.txn = t
	}
	if err := fn(v); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// update lets fn read, compare and write as one step. Inside a transaction the
// writes join it; outside they are durable on return, by one Apply, or by none
// if fn wrote nothing. If fn fails nothing is written.
func (k *keyring) update(ctx context.Context, op string, fn func(v *view) error) error {
	return k.change(ctx, op, fn, func(writes map[string][]byte) error { return k.apply(ctx, writes) })
}

// updateEach is update for each of n items, so many at a time that an Apply
// stays small. An item writes no more than most keys.
func (k *keyring) updateEach(ctx context.Context, op string, n, most int, item func(v *view, i int) error) error {
	for i := 0; i < n; {
		err := k.update(ctx, op, func(v *view) error {
			for end := min(n, i+applyAtMost); i < end && len(v.writes) <= applyAtMost-most; i++ {
				if err := item(v, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// change lets fn make writes and, outside a transaction, keep do something with
// them, unless there are none.
func (k *keyring) change(
	ctx context.Context, op string, fn func(v *view) error, keep func(writes map[string][]byte) error,
) error {
	if err := k.write(ctx, fn, keep); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func (k *keyring) write(ctx context.Context, fn func(v *view) error, keep func(writes map[string][]byte) error) error {
	v := &view{ring: k, writes: map[string][]byte{}}
	if t := k.enter(ctx); t != nil {
		defer t.mu.Unlock()
		v.txn = t
		return t.join(v, fn)
	}
	if err := k.writing.enter(ctx); err != nil {
		return err
	}
	defer k.writing.leave()
	if err := k.life.refusal(); err != nil {
		return err
	}
	if err := fn(v); err != nil || len(v.writes) == 0 {
		return err
	}
	return keep(v.writes)
}

// apply writes, and with it what is held: nothing that was built on a step is
// ever on disk without it. The caller is behind writing.
func (k *keyring) apply(ctx context.Context, writes map[string][]byte) error {
	lost := k.held.Load() != nil
	if lost {
		ctx = context.WithoutCancel(ctx) // a send that gives up must not cost a message
	}
	err := k.persist(ctx, k.held.Load().over(writes), k.backend.Apply)
	if err != nil && lost {
		k.fail(err)
	}
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	return nil
}

// persist has writes made durable that include all that is held. The caller is
// behind writing.
func (k *keyring) persist(
	ctx context.Context, writes map[string][]byte, durable func(context.Context, map[string][]byte) error,
) error {
	k.tally.expect(k.backend, writes)
	err := durable(ctx, writes)
	k.revision.Add(1) // also after an error: it may be written
	if err != nil {
		k.tally.forget()
		return err
	}
	k.held.Store(nil)
	return nil
}

// errStop ends a scan early.
var errStop = errors.New("stop")
