package devicestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"go.mau.fi/whatsmeow/util/keys"
)

// maxPreKeyID is the highest id that the three bytes on the wire can hold.
const maxPreKeyID = 1<<24 - 1

// ErrPreKeysUsedUp means that every prekey id has been given out once.
var ErrPreKeysUsedUp = errors.New("prekey ids are used up")

// preKeyIDs says how far the ids have come. Ids count up from 1, so everything up
// to uploaded is on the server without a mark of its own.
type preKeyIDs struct {
	last     uint32 // the last id given out; never given out again
	uploaded uint32 // the last id of an upload that the server confirmed
}

func (v *view) preKeyIDs() (ids preKeyIDs, err error) {
	stored, err := v.get(newKey(tagPreKeyIDs))
	if err != nil || stored == nil {
		return ids, err
	}
	r := read(stored)
	ids = preKeyIDs{last: uint32(r.uint()), uploaded: uint32(r.uint())}
	return ids, r.done("prekey ids")
}

func (v *view) putPreKeyIDs(ids preKeyIDs) error {
	return v.put(newKey(tagPreKeyIDs), newValue().uint(uint64(ids.last)).uint(uint64(ids.uploaded)))
}

// preKey is a stored prekey. One made for a retry receipt is handed out at once
// and counts as uploaded whatever the watermark says.
type preKey struct {
	id      uint32
	private [32]byte
	handed  bool
}

func (p preKey) uploaded(ids preKeyIDs) bool { return p.handed || p.id <= ids.uploaded }

func (p preKey) key() *keys.PreKey {
	return &keys.PreKey{KeyPair: *keys.NewKeyPairFromPrivateKey(p.private), KeyID: p.id}
}

func readPreKey(k string, stored []byte) (p preKey, err error) {
	if len(k) != 5 {
		return p, fmt.Errorf("prekey: %w", ErrCorrupt)
	}
	p.id = binary.BigEndian.Uint32([]byte(k[1:]))
	r := read(stored)
	p.handed = r.flags()(0)
	copy(p.private[:], r.take(32))
	return p, r.done("prekey")
}

// makers lets half of the processors make prekeys, for all devices together: 812
// take 80 ms, and after an outage thousands of devices may ask at once.
var makers = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))

// computing runs fn, which computes keys. Nothing of a device may be held meanwhile
// but preKeys.
func computing(ctx context.Context, fn func()) error {
	select {
	case makers <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-makers }()
	fn()
	return nil
}

// waiting lists up to count prekeys that were made but not uploaded.
func (k *keyring) waiting(ctx context.Context, count int) ([]preKey, error) {
	var found []preKey
	err := k.read(ctx, "list prekeys", func(v *view) error {
		ids, err := v.preKeyIDs()
		if err != nil {
			return err
		}
		return v.scan(newKey(tagPreKey), func(key string, stored []byte) error {
			if len(found) >= count {
				return errStop
			}
			p, err := readPreKey(key, stored)
			if err == nil && !p.uploaded(ids) {
				found = append(found, p)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// reserveIDs takes count ids above last that nobody else was shown, also not by a
// transaction that was discarded, and returns the first.
func (k *keyring) reserveIDs(last uint32, count int) (first uint32, err error) {
	k.preKeyIDs.Lock()
	defer k.preKeyIDs.Unlock()
	last = max(last, k.preKeyIDs.last)
	if count > maxPreKeyID-int(last) {
		return 0, ErrPreKeysUsedUp
	}
	k.preKeyIDs.last = last + uint32(count)
	return last + 1, nil
}

// storeNew gives prekeys fresh ids and stores them with one Apply.
func (k *keyring) storeNew(ctx context.Context, made []*keys.PreKey, handed bool) error {
	return k.update(ctx, "generate prekeys", func(v *view) error {
		ids, err := v.preKeyIDs()
		if err != nil {
			return err
		}
		first, err := k.reserveIDs(ids.last, len(made))
		if err != nil {
			return err
		}
		for i, p := range made {
			p.KeyID = first + uint32(i)
			if err := v.put(newKey(tagPreKey).uint32(p.KeyID), newValue().flags(handed).raw(p.Priv[:])); err != nil {
				return err
			}
		}
		ids.last = first + uint32(len(made)) - 1
		return v.putPreKeyIDs(ids)
	})
}

// GetOrGenPreKeys returns count prekeys to upload: first those that were made
// before and not uploaded, by id, then new ones, stored with one Apply. Other
// methods of the device do not wait for the keys to be made.
func (k *keyring) GetOrGenPreKeys(ctx context.Context, count uint32) ([]*keys.PreKey, error) {
	if err := k.preKeys.enter(ctx); err != nil {
		return nil, fmt.Errorf("generate prekeys: %w", err)
	}
	defer k.preKeys.leave()
	found, err := k.waiting(ctx, int(count))
	if err != nil || count == 0 {
		return nil, err
	}
	out := make([]*keys.PreKey, count)
	err = computing(ctx, func() {
		for i := range out {
			if i < len(found) {
				out[i] = found[i].key()
			} else {
				out[i] = keys.NewPreKey(0)
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("generate prekeys: %w", err)
	}
	if made := out[len(found):]; len(made) > 0 {
		if err := k.storeNew(ctx, made, false); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// GenOnePreKey makes a prekey that is handed out at once, in a retry receipt. It
// waits for no list of them: the library asks while it handles a message.
func (k *keyring) GenOnePreKey(ctx context.Context) (*keys.PreKey, error) {
	made := keys.NewPreKey(0)
	if err := k.storeNew(ctx, []*keys.PreKey{made}, true); err != nil {
		return nil, err
	}
	return made, nil
}

// GetPreKey returns a prekey, nil if there is none with this id (any more).
func (k *keyring) GetPreKey(ctx context.Context, id uint32) (found *keys.PreKey, err error) {
	err = k.read(ctx, "get prekey", func(v *view) error {
		at := newKey(tagPreKey).uint32(id)
		stored, err := v.get(at)
		if err != nil || stored == nil {
			return err
		}
		p, err := readPreKey(at.String(), stored)
		if err == nil {
			found = p.key()
		}
		return err
	})
	return found, err
}

// RemovePreKey drops a prekey that a contact has used. Its id is not used again.
func (k *keyring) RemovePreKey(ctx context.Context, id uint32) error {
	return k.update(ctx, "remove prekey", func(v *view) error {
		return v.remove(newKey(tagPreKey).uint32(id))
	})
}

// MarkPreKeysAsUploaded notes that the server has every prekey made so far with
// an id up to this one.
func (k *keyring) MarkPreKeysAsUploaded(ctx context.Context, upToID uint32) error {
	return k.update(ctx, "mark prekeys", func(v *view) error {
		ids, err := v.preKeyIDs()
		if err != nil {
			return err
		}
		ids.uploaded = max(ids.uploaded, min(upToID, ids.last))
		return v.putPreKeyIDs(ids)
	})
}

// preKeysCounted is as far as anyone counts: whatsmeow asks whether there are
// none, or fewer than 5, at every login. A device has 812 after its pairing, and
// to read them all is a tenth of what a login costs.
const preKeysCounted = 50

// UploadedPreKeyCount counts the prekeys that the server has and nobody has used;
// 50 stands for that many or more.
func (k *keyring) UploadedPreKeyCount(ctx context.Context) (count int, err error) {
	err = k.read(ctx, "count prekeys", func(v *view) error {
		ids, err := v.preKeyIDs()
		if err != nil {
			return err
		}
		return v.scan(newKey(tagPreKey), func(key string, stored []byte) error {
			if count == preKeysCounted {
				return errStop
			}
			p, err := readPreKey(key, stored)
			if err == nil && p.uploaded(ids) {
				count++
			}
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}
