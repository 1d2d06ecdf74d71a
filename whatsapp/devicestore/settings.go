package devicestore

import (
	"context"
	"slices"
	"sync"

	"go.mau.fi/whatsmeow/store"
)

// settings is the keyring as the library keeps an account's settings in it. The library
// stores the version of a collection, the MACs that are gone and those that have come one
// after the other; a version without its MACs, which is what a crash between them would
// leave, spoils every later change: no device of the account could read it (seen with
// whatsmeow of December 2025). So what comes before the last of them is held until that.
type settings struct {
	*keyring

	mu   sync.Mutex
	held map[string]*step // guarded by mu; by collection
}

// step is what is to be stored with the MACs that follow.
type step struct {
	version uint64
	hash    [128]byte
	removed [][]byte // index MACs
}

func newSettings(k *keyring) *settings { return &settings{keyring: k, held: make(map[string]*step)} }

// PutAppStateVersion holds a version until the MACs of it are put.
func (s *settings) PutAppStateVersion(_ context.Context, name string, version uint64, hash [128]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = &step{version: version, hash: hash}
	return nil
}

// GetAppStateVersion answers what is held, or what is stored.
func (s *settings) GetAppStateVersion(ctx context.Context, name string) (uint64, [128]byte, error) {
	s.mu.Lock()
	held := s.held[name]
	s.mu.Unlock()
	if held != nil {
		return held.version, held.hash, nil
	}
	return s.keyring.GetAppStateVersion(ctx, name)
}

// DeleteAppStateVersion forgets what is held and what is stored.
func (s *settings) DeleteAppStateVersion(ctx context.Context, name string) error {
	s.mu.Lock()
	delete(s.held, name)
	s.mu.Unlock()
	return s.keyring.DeleteAppStateVersion(ctx, name)
}

// DeleteAppStateMutationMACs holds what is gone, where a version is held.
func (s *settings) DeleteAppStateMutationMACs(ctx context.Context, name string, indexMACs [][]byte) error {
	s.mu.Lock()
	held := s.held[name]
	if held != nil {
		held.removed = append(held.removed, indexMACs...)
	}
	s.mu.Unlock()
	if held != nil {
		return nil
	}
	return s.keyring.DeleteAppStateMutationMACs(ctx, name, indexMACs)
}

// PutAppStateMutationMACs stores MACs and all that is held of their collection, as one.
// Where that fails the collection is as it was before the version was put.
func (s *settings) PutAppStateMutationMACs(ctx context.Context, name string, version uint64, mutations []store.AppStateMutationMAC) error {
	s.mu.Lock()
	held := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if held == nil {
		return s.keyring.PutAppStateMutationMACs(ctx, name, version, mutations)
	}
	return s.update(ctx, "put app state", func(v *view) error {
		if err := v.put(appVersionKey(name), newValue().uint(held.version).raw(held.hash[:])); err != nil {
			return err
		}
		for _, indexMAC := range held.removed {
			if err := v.remove(macKey(name, indexMAC)); err != nil {
				return err
			}
		}
		return v.putMACs(name, version, mutations)
	})
}

// GetAppStateMutationMAC answers nil for what is held to be gone.
func (s *settings) GetAppStateMutationMAC(ctx context.Context, name string, indexMAC []byte) ([]byte, error) {
	s.mu.Lock()
	held := s.held[name]
	gone := held != nil && slices.ContainsFunc(held.removed, func(r []byte) bool { return string(r) == string(indexMAC) })
	s.mu.Unlock()
	if gone {
		return nil, nil
	}
	return s.keyring.GetAppStateMutationMAC(ctx, name, indexMAC)
}
