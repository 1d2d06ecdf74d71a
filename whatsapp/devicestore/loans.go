package devicestore

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
)

// ErrConflict means that a Signal session or sender key was changed by someone
// else between the read and the write of it. Nothing was written, and the message
// that the record was stepped forward for has not been sent: send it again.
var ErrConflict = errors.New("ratchet was changed meanwhile")

const (
	loanedKeys    = 4096 // ratchets whose readers are remembered; beyond it some are forgotten
	loansPerKey   = 8    // readers of one ratchet; beyond it the oldest is forgotten
	digestMissing = 0    // of a ratchet that was not there
)

// loans remembers which version of a ratchet was read outside a transaction, and
// may therefore come back stepped forward. A writer does not say what it built
// on, but it can only have built on a version that is on loan: if versions of a
// ratchet are on loan and none of them is the stored one, the write would undo
// someone's step.
//
// A ratchet that nobody has on loan may be written freely. A reader who never
// writes leaves a loan behind, which does no harm: the next writer reads first.
type loans struct {
	mu     sync.Mutex
	digest map[string][]uint64 // by key, oldest first; nil while there is none; guarded by mu
}

var loanSeed = maphash.MakeSeed()

func digestOf(stored []byte) uint64 {
	if stored == nil {
		return digestMissing
	}
	return maphash.Bytes(loanSeed, stored) | 1
}

// lend notes that someone outside a transaction has read this version.
func (l *loans) lend(k key, stored []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.digest[string(k)]
	if len(out) == loansPerKey {
		out = slices.Delete(out, 0, 1)
	}
	if len(out) == 0 && len(l.digest) >= loanedKeys {
		for forgotten := range l.digest {
			delete(l.digest, forgotten)
			break
		}
	}
	if l.digest == nil {
		l.digest = map[string][]uint64{}
	}
	l.digest[string(k)] = append(out, digestOf(stored))
}

// settle takes back the loan of a writer and reports whether it can have built on
// the stored version.
func (l *loans) settle(k key, stored []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.digest[string(k)]
	if len(out) == 0 {
		return true
	}
	i := slices.Index(out, digestOf(stored))
	fits := i >= 0
	if !fits {
		i = 0 // some stale one was the writer's
	}
	if len(out) > 1 {
		l.digest[string(k)] = slices.Delete(out, i, i+1)
		return fits
	}
	if delete(l.digest, string(k)); len(l.digest) == 0 {
		l.digest = nil
	}
	return fits
}

// readRatchet reads a session or sender key, nil if there is none.
func (v *view) readRatchet(k key) ([]byte, error) {
	stored, err := v.get(k)
	if err != nil {
		return nil, err
	}
	if v.txn == nil {
		v.ring.loans.lend(k, stored)
	}
	if stored == nil {
		return nil, nil
	}
	r := read(stored)
	record := r.raw()
	return record, r.done("ratchet")
}

// writeRatchet writes a session or sender key, unless that would undo a step
// that someone else has made.
func (v *view) writeRatchet(k key, record []byte) error {
	if v.txn == nil {
		stored, err := v.get(k)
		if err != nil {
			return err
		}
		fits := v.ring.loans.settle(k, stored)
		if fits && k[0] == tagSession && len(stored) > 0 {
			fits = !rewinds(stored[1:], record)
		}
		if !fits || v.ring.reserved[string(k)] {
			return fmt.Errorf("write ratchet: %w", ErrConflict)
		}
	}
	return v.put(k, newValue().raw(record))
}

// reserve keeps the ratchets among the writes for the transaction that runs
// again. The caller is behind writing.
func (k *keyring) reserve(writes map[string][]byte) {
	k.reserved = map[string]bool{}
	for key := range writes {
		if key[0] == tagSession || key[0] == tagSenderKey {
			k.reserved[key] = true
		}
	}
}

// unreserve ends the reservations of a transaction.
func (k *keyring) unreserve() {
	k.writing.pass()
	defer k.writing.leave()
	k.reserved = nil
}
