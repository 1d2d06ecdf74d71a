package devicestore

import (
	"context"
	"errors"
	"fmt"
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

// keyring is the store of one device: every interface of whatsmeow's but the
// container. All methods may be called from any goroutine.
type keyring struct {
	backend Backend
	log     waLog.Logger
	closed  *atomic.Bool // the container's

	turn gate // of the transaction that runs

	// writing is passed by the one writer outside a transaction, or the one
	// commit, from its first read until Apply has answered.
	writing  gate
	reserved map[string]bool // ratchets of a transaction that runs again; behind writing

	revision atomic.Uint64 // counts calls of Apply; changed behind writing

	loans loans

	preKeys    gate   // one generation of prekeys at a time
	lastPreKey uint32 // the highest id given out by this process; behind preKeys
}

var _ store.AllStores = (*keyring)(nil)

func newKeyring(backend Backend, closed *atomic.Bool, log waLog.Logger) *keyring {
	return &keyring{
		backend: backend,
		log:     log,
		closed:  closed,
		turn:    newGate(),
		writing: newGate(),
		preKeys: newGate(),
		loans:   newLoans(),
	}
}

// drain returns when the Apply that is under way, if any, has answered.
func (k *keyring) drain() {
	k.writing.pass()
	k.writing.leave()
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
	if err := k.write(ctx, fn); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func (k *keyring) write(ctx context.Context, fn func(v *view) error) error {
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
	if k.closed.Load() {
		return ErrClosed
	}
	if err := fn(v); err != nil || len(v.writes) == 0 {
		return err
	}
	return k.apply(ctx, v.writes)
}

// apply writes. The caller is behind writing.
func (k *keyring) apply(ctx context.Context, writes map[string][]byte) error {
	err := k.backend.Apply(ctx, writes)
	k.revision.Add(1) // also after an error: it may be written
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	return nil
}

// errStop ends a scan early.
var errStop = errors.New("stop")
