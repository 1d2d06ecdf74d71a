package devicestore

import (
	"context"
	"maps"
	"time"
)

// hold is what a decryption has written and nobody has made durable yet. It is
// never changed, only replaced.
type hold struct {
	writes map[string][]byte // nil deletes
}

// event is a ciphertext whose plaintext is in the buffer because the message is
// still being dealt with.
type event struct {
	hash      [hashLength]byte
	at        time.Time // the server's
	plaintext []byte
}

// over returns these writes over what is held. The result is the caller's if
// writes is.
func (h *hold) over(writes map[string][]byte) map[string][]byte {
	if h == nil {
		return writes
	}
	all := make(map[string][]byte, len(h.writes)+len(writes))
	maps.Copy(all, h.writes)
	maps.Copy(all, writes)
	return all
}

// lookup returns what a reader outside a transaction sees: what is held, over
// the backend.
func (k *keyring) lookup(key string) ([]byte, error) {
	if h := k.held.Load(); h != nil {
		if value, ok := h.writes[key]; ok {
			return value, nil
		}
	}
	return k.backend.Get([]byte(key))
}

// holdOn keeps writes in memory until the next Apply, or [Container.Deliver],
// carries them along. The caller is behind writing.
func (k *keyring) holdOn(writes map[string][]byte) {
	k.held.Store(&hold{k.held.Load().over(writes)})
	k.revision.Add(1)
}

// join is update for a write of the message that is being dealt with: if some of
// that message is held, so is this. Nobody may be promised anything on the
// strength of it before something has been applied.
func (k *keyring) join(ctx context.Context, op string, fn func(v *view) error) error {
	return k.change(ctx, op, fn, func(writes map[string][]byte) error {
		if k.held.Load() == nil {
			return k.apply(ctx, writes)
		}
		k.holdOn(writes)
		return nil
	})
}

// unbuffer forgets a ciphertext that is buffered in what is held only, and reports
// whether it was. What remembers the ciphertext from now on is the ratchet: it is
// stored together with the event, and says that the counter is an old one when the
// ciphertext comes again, which the library acknowledges. That is two rows less for
// each message, in two corners of the file. The caller is behind writing, and what
// it makes durable next is the event.
func (k *keyring) unbuffer(hash [hashLength]byte) bool {
	h := k.held.Load()
	at := bufferedKey(hash).String()
	if h == nil || h.writes[at] == nil {
		return false
	}
	left := maps.Clone(h.writes)
	delete(left, at)
	for byAge := range left {
		if len(byAge) == byAgeKeyWidth && byAge[0] == tagBufferedByAge && byAge[byAgeKeyWidth-hashLength:] == at[1:] {
			delete(left, byAge)
		}
	}
	k.held.Store(&hold{left})
	return true
}

// flush applies what is held, if anything is.
func (k *keyring) flush(ctx context.Context) error {
	if k.held.Load() == nil {
		return nil
	}
	if err := k.writing.enter(ctx); err != nil {
		return err
	}
	defer k.writing.leave()
	if err := k.life.refusal(); err != nil {
		return err
	}
	if k.held.Load() == nil {
		return nil
	}
	return k.apply(ctx, map[string][]byte{})
}

// drop forgets what is held. The caller is behind writing.
func (k *keyring) drop() {
	k.held.Store(nil)
	k.open = nil
	k.revision.Add(1)
}

// fail drops what is held because it could not be made durable, and ends the
// writing: somebody may have read it. The caller is behind writing.
func (k *keyring) fail(err error) {
	k.drop()
	k.life.fail(err)
}
