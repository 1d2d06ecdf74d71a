package devicestore

import (
	"context"

	"go.mau.fi/whatsmeow/store"
)

func syncKeyKey(id []byte) key { return newKey(tagSyncKey).part(string(id)) }

func readSyncKey(stored []byte) (*store.AppStateSyncKey, error) {
	r := read(stored)
	k := &store.AppStateSyncKey{Timestamp: r.int(), Fingerprint: r.bytes(), Data: r.raw()}
	return k, r.done("app state sync key")
}

// PutAppStateSyncKey keeps a key that the phone shared, unless the one with that
// id is as new.
func (k *keyring) PutAppStateSyncKey(ctx context.Context, id []byte, syncKey store.AppStateSyncKey) error {
	return k.update(ctx, "put app state sync key", func(v *view) error {
		stored, err := v.get(syncKeyKey(id))
		if err != nil {
			return err
		}
		if stored != nil {
			known, err := readSyncKey(stored)
			if err != nil || known.Timestamp >= syncKey.Timestamp {
				return err
			}
		}
		return v.put(syncKeyKey(id), newValue().int(syncKey.Timestamp).bytes(syncKey.Fingerprint).raw(syncKey.Data))
	})
}

// GetAppStateSyncKey returns a key by its id, nil if there is none.
func (k *keyring) GetAppStateSyncKey(ctx context.Context, id []byte) (found *store.AppStateSyncKey, err error) {
	err = k.read(ctx, "get app state sync key", func(v *view) error {
		stored, err := v.get(syncKeyKey(id))
		if err != nil || stored == nil {
			return err
		}
		found, err = readSyncKey(stored)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// GetLatestAppStateSyncKeyID returns the id of the key with the highest
// timestamp, nil if there is no key.
func (k *keyring) GetLatestAppStateSyncKeyID(ctx context.Context) (latest []byte, err error) {
	err = k.read(ctx, "find app state sync key", func(v *view) error {
		var newest int64
		return v.scan(newKey(tagSyncKey), func(key string, stored []byte) error {
			syncKey, err := readSyncKey(stored)
			if err != nil {
				return err
			}
			if id, _, ok := cutPart(key[1:]); ok && (latest == nil || syncKey.Timestamp > newest) {
				latest, newest = []byte(id), syncKey.Timestamp
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return latest, nil
}
