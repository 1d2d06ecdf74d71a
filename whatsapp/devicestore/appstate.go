package devicestore

import (
	"context"

	"go.mau.fi/whatsmeow/store"
)

func appVersionKey(name string) key { return newKey(tagAppVersion).part(name) }

func macKey(name string, indexMAC []byte) key {
	return newKey(tagMutationMAC).part(name).part(string(indexMAC))
}

// PutAppStateVersion sets how far a collection has come, and its hash.
func (k *keyring) PutAppStateVersion(ctx context.Context, name string, version uint64, hash [128]byte) error {
	return k.update(ctx, "put app state version", func(v *view) error {
		return v.put(appVersionKey(name), newValue().uint(version).raw(hash[:]))
	})
}

// GetAppStateVersion returns how far a collection has come; zero and an empty
// hash, where every collection begins, if nothing was put.
func (k *keyring) GetAppStateVersion(ctx context.Context, name string) (version uint64, hash [128]byte, err error) {
	err = k.read(ctx, "get app state version", func(v *view) error {
		stored, err := v.get(appVersionKey(name))
		if err != nil || stored == nil {
			return err
		}
		r := read(stored)
		version = r.uint()
		copy(hash[:], r.take(uint64(len(hash))))
		return r.done("app state version")
	})
	if err != nil {
		return 0, [128]byte{}, err
	}
	return version, hash, nil
}

// DeleteAppStateVersion sets a collection back to its beginning: the version and
// all mutation MACs go together, because a MAC that survives would spoil the hash
// of the next full sync.
func (k *keyring) DeleteAppStateVersion(ctx context.Context, name string) error {
	return k.update(ctx, "delete app state version", func(v *view) error {
		if err := v.remove(appVersionKey(name)); err != nil {
			return err
		}
		var macs []string
		err := v.scan(newKey(tagMutationMAC).part(name), func(key string, _ []byte) error {
			macs = append(macs, key)
			return nil
		})
		for _, at := range macs {
			v.writes[at] = nil
		}
		return err
	})
}

// PutAppStateMutationMACs keeps the value MACs of mutations by their index MAC.
// Only that of the newest version is kept.
func (k *keyring) PutAppStateMutationMACs(ctx context.Context, name string, version uint64, mutations []store.AppStateMutationMAC) error {
	return k.update(ctx, "put mutation MACs", func(v *view) error { return v.putMACs(name, version, mutations) })
}

func (v *view) putMACs(name string, version uint64, mutations []store.AppStateMutationMAC) error {
	for _, m := range mutations {
		at := macKey(name, m.IndexMAC)
		known, _, err := v.mac(at)
		if err != nil {
			return err
		}
		if known > version {
			continue
		}
		if err := v.put(at, newValue().uint(version).raw(m.ValueMAC)); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) mac(at key) (version uint64, valueMAC []byte, err error) {
	stored, err := v.get(at)
	if err != nil || stored == nil {
		return 0, nil, err
	}
	r := read(stored)
	version, valueMAC = r.uint(), r.raw()
	return version, valueMAC, r.done("mutation MAC")
}

// DeleteAppStateMutationMACs forgets mutations that were removed.
func (k *keyring) DeleteAppStateMutationMACs(ctx context.Context, name string, indexMACs [][]byte) error {
	return k.update(ctx, "delete mutation MACs", func(v *view) error {
		for _, indexMAC := range indexMACs {
			if err := v.remove(macKey(name, indexMAC)); err != nil {
				return err
			}
		}
		return nil
	})
}

// GetAppStateMutationMAC returns the value MAC of a mutation, nil if there is none.
func (k *keyring) GetAppStateMutationMAC(ctx context.Context, name string, indexMAC []byte) (valueMAC []byte, err error) {
	err = k.read(ctx, "get mutation MAC", func(v *view) error {
		_, valueMAC, err = v.mac(macKey(name, indexMAC))
		return err
	})
	return valueMAC, err
}
