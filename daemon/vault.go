package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// vault holds the keys of the database and keeps the database in step with them.
type vault struct {
	source seal.Source
	log    *slog.Logger
	store  *store.Store // set once it is open

	mu    sync.Mutex // held over a change of the keys
	ring  *seal.Ring
	found seal.Found // guarded by mu
	again chan struct{}
}

// resealRetry is the wait before sealing is tried again that the disk refused.
const resealRetry = 10 * time.Second

// openStore opens the database with the key that the configuration names.
func (d *Daemon) openStore() error {
	c := d.cfg.Store
	d.vault = &vault{
		source: seal.Source{
			Value: c.Key.Reveal(), File: c.KeyFile, Credential: c.KeyCredential,
			CredentialsDir: os.Getenv("CREDENTIALS_DIRECTORY"), Default: d.path("store.key"),
		},
		log: d.log, again: make(chan struct{}, 1),
	}
	s, err := store.Open(d.path("switchhook.db"), store.Options{Network: string(d.cfg.Network), Unseal: d.vault.unseal, Log: d.log})
	if err != nil {
		return err
	}
	d.store, d.vault.store = s, s
	return nil
}

// unseal is the store's [store.Unseal].
func (v *vault) unseal(record []byte, inClear bool) (store.Sealer, []byte, error) {
	found, err := v.find(record)
	if err != nil {
		return nil, nil, err
	}
	if found, err = resume(found, record); err != nil {
		return nil, nil, err
	}
	v.found = found
	if record == nil {
		v.ring = seal.NewRing(found.Key, !inClear)
		return v.ring, v.ring.Record(), nil
	}
	v.ring, err = seal.OpenRing(record, found.Key)
	if wrong, ok := errors.AsType[*seal.WrongKeyError](err); ok {
		return nil, nil, fmt.Errorf("it is sealed with the key %s, and %s holds the key %s: %s", strings.Join(wrong.Wants, " or "), found.From, wrong.Given, giveKey)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: restore a backup", err)
	}
	return v.ring, nil, nil
}

const giveKey = "give the right one with store.key_file, store.key_credential or SWITCHHOOK_STORE_KEY"

// resume finishes a rotation that a crash cut short.
func resume(found seal.Found, record []byte) (seal.Found, error) {
	if record == nil || found.File == "" {
		return found, nil
	}
	ids, err := seal.KeyIDs(record)
	if err != nil {
		return found, fmt.Errorf("%w: restore a backup", err)
	}
	found.Key, err = seal.ResumeReplace(found.File, found.Key, ids)
	return found, err
}

// find reads the key, and makes one for a database that never had any.
func (v *vault) find(record []byte) (seal.Found, error) {
	found, err := v.source.Find()
	missing, ok := errors.AsType[*seal.MissingError](err)
	switch {
	case !ok:
		return found, err
	case record != nil:
		ids, err := seal.KeyIDs(record)
		if err != nil {
			return found, fmt.Errorf("%w: restore a backup", err)
		}
		return found, fmt.Errorf("it is sealed with the key %s, without which nothing in it can be read, and %w (%w): put it back, or %s", strings.Join(ids, " or "), missing, missing.Err, giveKey)
	case v.source.File != "" || v.source.Credential != "":
		return found, fmt.Errorf("%w (%w): switchhook key new FILE makes one", missing, missing.Err)
	}
	if err := seal.WriteFile(v.source.Default, seal.NewKey()); err != nil {
		return found, err
	}
	if found, err = v.source.Find(); err != nil {
		return found, err
	}
	v.log.Warn("made a key for the database beside it, where it protects stray copies only: keep a copy elsewhere, "+
		"and move it to a systemd credential as switchhook.service says", "key", found.Key.ID(), "file", found.File)
	return found, nil
}

// Run finishes what changes of keys have left to do, now and after each. It
// returns nil when ctx ends.
func (v *vault) Run(ctx context.Context) error {
	v.finishRotation(ctx)
	settle := !v.ring.Settled()
	for settle && !v.sealAll(ctx, true) {
		if !sleep(ctx, resealRetry) {
			return nil
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-v.again:
		}
		for !v.sealAll(ctx, false) {
			if !sleep(ctx, resealRetry) {
				return nil
			}
		}
	}
}

// finishRotation drops older keys once the newest has opened the file.
func (v *vault) finishRotation(ctx context.Context) {
	v.mu.Lock()
	defer v.mu.Unlock()
	ids := v.ring.KeyIDs()
	switch {
	case len(ids) == 1:
		return
	case !v.ring.Newest():
		v.log.Warn("database opens with a newer key, too: give that one at the next start to finish the rotation",
			"key", v.ring.KeyID(), "newer", ids[len(ids)-1])
		return
	}
	if err := v.change(ctx, func() ([]byte, func(), error) {
		record, stored := v.ring.OnlyKey(v.found.Key)
		return record, stored, nil
	}); err != nil {
		v.log.Warn("older keys still open the database; the next start tries again", "err", err)
		return
	}
	v.log.Info("rotation finished: only the new key opens the database", "key", v.found.Key.ID())
}

// sealAll seals every value by the current data key. settle says that no change
// made before the current data key was can still be under way: then older ones
// go.
func (v *vault) sealAll(ctx context.Context, settle bool) (done bool) {
	began := time.Now()
	n, err := v.store.Reseal(ctx, v.ring.Stale)
	if err == nil && settle {
		v.mu.Lock()
		defer v.mu.Unlock()
		err = v.settle(ctx, n > 0)
	}
	if err != nil {
		if ctx.Err() == nil {
			v.log.Warn("not everything could be sealed anew; it is tried again", "values", n, "err", err)
		}
		return false
	}
	if n > 0 {
		v.log.Info("everything is sealed by the present data key; the next start removes what is left of the past from the file",
			"values", n, "took", time.Since(began).Round(time.Millisecond))
	}
	return true
}

// settle drops older data keys. v.mu is held.
func (v *vault) settle(ctx context.Context, compact bool) error {
	record, stored := v.ring.Settle()
	ch := v.store.Change()
	ch.PutKeys(record)
	if compact {
		ch.CompactAtOpen()
	}
	if _, err := v.store.Commit(ctx, ch); err != nil {
		return err
	}
	stored()
	return nil
}

// change stores a change of the keys, then makes it. v.mu is held.
func (v *vault) change(ctx context.Context, how func() ([]byte, func(), error)) error {
	record, stored, err := how()
	if err != nil {
		return err
	}
	ch := v.store.Change()
	ch.PutKeys(record)
	if _, err := v.store.Commit(ctx, ch); err != nil {
		return err
	}
	stored()
	return nil
}
