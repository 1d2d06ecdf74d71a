package devicestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// runs is how often a transaction's callback may run. The first run loses only
// against a write that hit the same key within its few microseconds, and the
// others have their ratchets reserved.
const runs = 16

// txn collects the writes of one run of a transaction's callback.
type txn struct {
	revision uint64 // of the device when the run began

	mu     sync.Mutex
	ended  bool              // the callback has returned; guarded by mu, like the maps
	writes map[string][]byte // nil deletes
	seen   map[string][]byte // what the first read found; nil: absent
	events []*event          // that were put into the buffer
	fault  error             // the store's, not the message's
}

// txnKey is the context key under which a device's running transaction is found.
type txnKey struct{ ring *keyring }

// DoDecryptionTxn runs fn as one transaction: writes made with its context are
// seen by reads with that context, taken together when fn returns nil, and
// discarded otherwise. Called with the context of a transaction of the same
// device, fn joins it. A context that outlives fn is an ordinary one again.
//
// If fn has put one event into the buffer, its writes are held for
// [Container.Deliver]; see the package comment for what else makes them durable.
// Otherwise, and if the message is an errand from one's own phone, they are
// applied by one Apply.
//
// fn may run again when another write got in its way: it must have no effect but
// through the store. It must not wait for another transaction of this device.
func (k *keyring) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	if t := k.enter(ctx); t != nil {
		t.mu.Unlock()
		return fn(ctx)
	}
	if err := k.turn.enter(ctx); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer k.turn.leave()
	if err := k.flush(ctx); err != nil {
		return fmt.Errorf("begin transaction: %w", k.life.unacknowledged(err))
	}
	err := k.attempt(ctx, fn)
	if !errors.Is(err, errChanged) {
		return err
	}
	defer k.unreserve()
	for range runs - 1 {
		if err = k.attempt(ctx, fn); !errors.Is(err, errChanged) {
			return err
		}
	}
	return fmt.Errorf("commit transaction: %w", k.life.unacknowledged(ErrConflict))
}

// attempt runs the callback once and commits. It answers errChanged, having
// reserved its ratchets, if another write got in its way.
func (k *keyring) attempt(ctx context.Context, fn func(context.Context) error) error {
	if err := k.life.refusal(); err != nil {
		return fmt.Errorf("begin transaction: %w", k.life.unacknowledged(err))
	}
	t := &txn{
		revision: k.revision.Load(),
		writes:   map[string][]byte{},
		seen:     map[string][]byte{},
	}
	if err := t.run(context.WithValue(ctx, txnKey{k}, t), fn); err != nil {
		if t.fault != nil {
			return k.life.unacknowledged(err)
		}
		return err
	}
	switch err := k.commit(ctx, t); {
	case errors.Is(err, errChanged):
		return err
	case err != nil:
		return fmt.Errorf("commit transaction: %w", k.life.unacknowledged(err))
	}
	return nil
}

// run runs the callback; afterwards, also after a panic, nothing joins any more.
func (t *txn) run(ctx context.Context, fn func(context.Context) error) error {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.ended = true
	}()
	return fn(ctx)
}

// enter returns the transaction of ctx, locked, or nil if none is running.
func (k *keyring) enter(ctx context.Context) *txn {
	t, _ := ctx.Value(txnKey{k}).(*txn)
	if t == nil {
		return nil
	}
	t.mu.Lock()
	if t.ended {
		t.mu.Unlock()
		return nil
	}
	return t
}

// join adds what fn writes, or nothing if it fails. The caller holds t.mu.
func (t *txn) join(v *view, fn func(v *view) error) error {
	if err := v.ring.life.refusal(); err != nil {
		t.fault = err
		return err
	}
	if err := fn(v); err != nil {
		return err
	}
	maps.Copy(t.writes, v.writes)
	return nil
}

// get reads through the transaction, so that reads repeat. The caller holds t.mu.
func (t *txn) get(ring *keyring, k string) ([]byte, error) {
	if value, ok := t.writes[k]; ok {
		return value, nil
	}
	if value, ok := t.seen[k]; ok {
		return value, nil
	}
	value, err := ring.lookup(k)
	if err != nil {
		t.fault = err
		return nil, err
	}
	t.seen[k] = value
	return value, nil
}

// see turns what a scan outside would find into what the transaction sees there.
// The caller holds t.mu.
func (t *txn) see(found map[string][]byte, prefix string) {
	for k, value := range found {
		if _, ok := t.seen[k]; !ok {
			t.seen[k] = value
		}
	}
	overlay(found, t.seen, prefix)
	overlay(found, t.writes, prefix)
}

// errChanged: something else wrote what this transaction has read and writes.
var errChanged = errors.New("changed meanwhile")

// commit applies the writes of a run that has ended.
func (k *keyring) commit(ctx context.Context, t *txn) error {
	for key, value := range t.writes {
		if seen, ok := t.seen[key]; ok && same(seen, value) {
			delete(t.writes, key) // there and back again
		}
	}
	if len(t.writes) == 0 {
		return nil
	}
	if err := k.writing.enter(ctx); err != nil {
		return err
	}
	defer k.writing.leave()
	if err := k.life.refusal(); err != nil {
		return err
	}
	if k.revision.Load() != t.revision {
		for key := range t.writes {
			current, err := k.lookup(key)
			if err != nil {
				return err
			}
			if !same(current, t.seen[key]) {
				k.reserve(t.writes)
				return errChanged
			}
		}
	}
	return k.keep(ctx, t)
}

// keep holds the writes of a transaction, or applies them. The caller is behind
// writing.
func (k *keyring) keep(ctx context.Context, t *txn) error {
	k.open = nil
	if len(t.events) != 1 {
		return k.apply(ctx, t.writes)
	}
	k.open = t.events[0]
	if !k.own.Load().wrote(t.writes) {
		k.holdOn(t.writes)
		return nil
	}
	errand, history := peek(k.open.plaintext)
	if history != nil {
		raw, err := proto.Marshal(history)
		if err != nil {
			return fmt.Errorf("marshal history: %w", err)
		}
		t.writes[historyKey(time.Now(), k.open.hash).String()] = newValue().raw(raw)
	}
	if !errand && history == nil {
		k.holdOn(t.writes)
		return nil
	}
	return k.apply(ctx, t.writes)
}

// same reports whether two values are equal; no stored value is empty.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
