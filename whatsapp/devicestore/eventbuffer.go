package devicestore

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow/store"
)

const (
	bufferedFor   = 14 * 24 * time.Hour // WhatsApp redelivers no longer than that
	hashLength    = 32
	byAgeKeyWidth = 1 + 8 + hashLength
)

// errBuffered: a ciphertext is decrypted once.
var errBuffered = errors.New("ciphertext is buffered already")

func bufferedKey(hash [hashLength]byte) key { return newKey(tagBuffered).fixed(hash[:]) }

func byAgeKey(inserted time.Time, hash [hashLength]byte) key {
	return newKey(tagBufferedByAge).uint64(uint64(inserted.UnixMilli())).fixed(hash[:])
}

// buffered returns the entry of a ciphertext, nil if there is none. Its plaintext
// is nil, not empty, when it was cleared.
func (v *view) buffered(hash [hashLength]byte) (*store.BufferedEvent, error) {
	stored, err := v.get(bufferedKey(hash))
	if err != nil || stored == nil {
		return nil, err
	}
	r := read(stored)
	kept := r.flags()(0)
	e := &store.BufferedEvent{InsertTime: time.UnixMilli(r.int()), ServerTime: time.Unix(r.int(), 0)}
	if e.Plaintext = r.raw(); !kept {
		e.Plaintext = nil
	}
	return e, r.done("buffered event")
}

func (v *view) putBuffered(hash [hashLength]byte, e *store.BufferedEvent) error {
	return v.put(bufferedKey(hash), newValue().
		flags(e.Plaintext != nil).
		int(e.InsertTime.UnixMilli()).
		int(e.ServerTime.Unix()).
		raw(e.Plaintext))
}

// GetBufferedEvent returns what became of a ciphertext, nil if it is new. A nil
// Plaintext means that it was decrypted and dealt with.
func (k *keyring) GetBufferedEvent(ctx context.Context, ciphertextHash [32]byte) (e *store.BufferedEvent, err error) {
	err = k.read(ctx, "get buffered event", func(v *view) error {
		e, err = v.buffered(ciphertextHash)
		return err
	})
	return e, k.life.unacknowledged(err)
}

// PutBufferedEvent keeps a plaintext until it is dealt with. A second one for the
// same ciphertext is an error.
func (k *keyring) PutBufferedEvent(ctx context.Context, ciphertextHash [32]byte, plaintext []byte, serverTimestamp time.Time) error {
	return k.update(ctx, "put buffered event", func(v *view) error {
		known, err := v.buffered(ciphertextHash)
		if err != nil {
			return err
		}
		if known != nil {
			return errBuffered
		}
		if plaintext == nil {
			plaintext = []byte{}
		}
		if v.txn != nil {
			v.txn.events = append(v.txn.events, &event{ciphertextHash, serverTimestamp, plaintext})
		}
		now := time.Now()
		err = v.putBuffered(ciphertextHash, &store.BufferedEvent{
			Plaintext: plaintext, InsertTime: now, ServerTime: serverTimestamp,
		})
		if err != nil {
			return err
		}
		return v.put(byAgeKey(now, ciphertextHash), newValue())
	})
}

func (v *view) clearBuffered(hash [hashLength]byte) error {
	e, err := v.buffered(hash)
	if err != nil || e == nil {
		return err
	}
	e.Plaintext = nil
	return v.putBuffered(hash, e)
}

// ClearBufferedEventPlaintext drops the plaintext of a ciphertext that was dealt
// with and remembers that it was. What is still held of the message is durable
// when it returns nil: the library acknowledges the message next. After
// [Container.Deliver] there is nothing left to do.
func (k *keyring) ClearBufferedEventPlaintext(ctx context.Context, ciphertextHash [32]byte) error {
	return k.update(ctx, "clear buffered event", func(v *view) error {
		if v.txn == nil && k.open != nil && k.open.hash == ciphertextHash {
			k.open = nil
		}
		return v.clearBuffered(ciphertextHash)
	})
}

// DeleteOldBufferedHashes forgets the ciphertexts that came more than 14 days
// ago, and the secrets and the marks of messages that are older than they are
// kept, with one Apply for each thousand. The library calls it for the first
// message of a connection and every 12 hours.
func (k *keyring) DeleteOldBufferedHashes(ctx context.Context) error {
	before := newKey(tagBufferedByAge).uint64(uint64(time.Now().Add(-bufferedFor).UnixMilli())).String()
	err := k.sweep(ctx, newKey(tagBufferedByAge), before, func(v *view, byAge string) error {
		if len(byAge) != byAgeKeyWidth {
			return ErrCorrupt
		}
		v.writes[byAge] = nil
		v.writes[bufferedKey([hashLength]byte([]byte(byAge[byAgeKeyWidth-hashLength:]))).String()] = nil
		return nil
	})
	if err != nil {
		return err
	}
	if err := k.clearShelves(ctx, tagMark, marksKept); err != nil {
		return err
	}
	return k.clearShelves(ctx, tagMessageSecret, secretsKept)
}
