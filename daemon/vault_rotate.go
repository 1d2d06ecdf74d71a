package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// Keys implements [api.Vault].
func (v *vault) Keys() api.Keys {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keys()
}

func (v *vault) keys() api.Keys {
	return api.Keys{InUse: v.ring.KeyID(), From: v.found.From, Opens: v.ring.KeyIDs(), Settled: v.ring.Settled()}
}

// RotateKey implements [api.Vault].
//
// A key file that is the daemon's own is replaced by a new one: the new key is
// written beside it, then the database opens with both, then the new file takes
// the old one's place, then the database opens with the new key only. A crash
// between any two of these leaves a file whose key opens the database. A key
// that somebody else provides is only added; the next start with it drops the
// old one.
func (v *vault) RotateKey(ctx context.Context, text string) (api.Keys, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if text != "" {
		key, err := seal.ParseKey(text)
		if err != nil {
			return api.Keys{}, &instance.InvalidError{Field: "key", Problem: err.Error()}
		}
		return v.rotateTo(ctx, key)
	}
	if v.found.File == "" {
		return api.Keys{}, &api.RefusedError{Problem: "the key comes from " + v.found.From + ", which the daemon cannot change: " +
			"make a key with switchhook key new FILE, run switchhook key rotate --to FILE, then put it there"}
	}
	if len(v.ring.KeyIDs()) > 1 {
		return api.Keys{}, &api.RefusedError{Problem: "a rotation is under way: start the daemon with the newer key first"}
	}
	return v.replace(ctx)
}

func (v *vault) rotateTo(ctx context.Context, key seal.Key) (api.Keys, error) {
	if err := v.change(ctx, func() ([]byte, func(), error) { return v.ring.AddKey(key) }); err != nil {
		return api.Keys{}, refused(err)
	}
	v.log.Info("a further key opens the database; the next start with it drops the old one", "key", key.ID(), "old", v.ring.KeyID())
	return v.keys(), nil
}

// replace makes a new key file. v.mu is held.
func (v *vault) replace(ctx context.Context) (api.Keys, error) {
	next := seal.NewKey()
	file, err := seal.PrepareReplace(v.found.File, v.found.Key, next)
	if err != nil {
		return api.Keys{}, &api.RefusedError{Problem: fmt.Sprintf("%v: the key file cannot be replaced here; "+
			"make a key with switchhook key new FILE, run switchhook key rotate --to FILE, then put it there", err)}
	}
	if err := v.change(ctx, func() ([]byte, func(), error) { return v.ring.AddKey(next) }); err != nil {
		file.Discard()
		return api.Keys{}, refused(err)
	}
	kept, err := file.Commit()
	if err != nil {
		return api.Keys{}, &api.RefusedError{Problem: fmt.Sprintf("%v: the database opens with the old key %s and with the new key %s, which may lie in %s.next",
			err, v.found.Key.ID(), next.ID(), v.found.File)}
	}
	old := v.found.Key.ID()
	v.found.Key = next
	if err := v.change(ctx, func() ([]byte, func(), error) {
		record, stored := v.ring.OnlyKey(next)
		return record, stored, nil
	}); err != nil {
		return api.Keys{}, &api.RefusedError{Problem: fmt.Sprintf("%v: the key file holds the new key %s, and the old key %s still opens the database until the next start", err, next.ID(), old)}
	}
	v.log.Info("key rotated: only the new key opens the database", "key", next.ID(), "old", old, "kept", kept)
	k := v.keys()
	k.Kept = kept
	return k, nil
}

// RotateDataKey implements [api.Vault].
func (v *vault) RotateDataKey(ctx context.Context) (api.Keys, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.change(ctx, v.ring.AddDataKey); err != nil {
		return api.Keys{}, refused(err)
	}
	select {
	case v.again <- struct{}{}:
	default: // it begins anew anyway
	}
	return v.keys(), nil
}

// Backup implements [api.Vault].
func (v *vault) Backup(ctx context.Context, w io.Writer) error {
	_, err := v.store.Backup(ctx, w)
	return unavailable(err)
}

// refused shows an error of the keys as it is, and one of the disk as such.
func refused(err error) error {
	if err = unavailable(err); errors.Is(err, instance.ErrUnavailable) {
		return err
	}
	return &api.RefusedError{Problem: err.Error()}
}

// unavailable is the instances' word for a store that cannot be written.
func unavailable(err error) error {
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrClosed) {
		return fmt.Errorf("%w (%w)", instance.ErrUnavailable, err)
	}
	return err
}
