package daemon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/store"
)

// nonce is the n-th of a key, remembered for so long.
func nonce(key string, n int, end int64) store.Nonce {
	s := store.Nonce{Key: key, Until: time.Unix(end, 0)}
	binary.BigEndian.PutUint64(s.Hash[:], uint64(n))
	return s
}

// TestNoncesAreBounded: who signs more than is remembered is refused, and nobody else,
// until what he signed is over.
func TestNoncesAreBounded(t *testing.T) {
	n := nonces{used: make(map[string]map[[store.NonceHash]byte]int64)}
	const now, end = 1000, 2000
	for i := range maxNoncesEach {
		if err := n.take(nonce("greedy", i, end), now); err != nil {
			t.Fatalf("nonce %d: %v", i, err)
		}
	}
	for i, c := range []struct {
		s    store.Nonce
		at   int64
		want error
	}{
		{nonce("greedy", maxNoncesEach, end), now, instance.ErrBusy},
		{nonce("greedy", 7, end), now, cams.ErrNonceUsed},
		{nonce("other", 7, end), now, nil},
		{nonce("other", 7, end), end, cams.ErrNonceUsed},
		{nonce("greedy", maxNoncesEach, end), end, instance.ErrBusy},
		{nonce("greedy", maxNoncesEach, end+1000), end + 1, nil},
		{nonce("greedy", 7, end+1000), end + 1, nil},
	} {
		if err := n.take(c.s, c.at); !errors.Is(err, c.want) {
			t.Errorf("%d: %v, want %v", i, err, c.want)
		}
	}
	if n.held != 2 {
		t.Errorf("%d are held", n.held)
	}
}

// TestNoncesAreShared: who signs all that may be remembered, with as many keys as a tenant
// has, keeps nobody else from an equal share, and all together are bounded all the same.
func TestNoncesAreShared(t *testing.T) {
	n := nonces{used: make(map[string]map[[store.NonceHash]byte]int64)}
	const now, end = 1000, 2000
	for i := range maxNoncesEach {
		for k := range maxKeys {
			if err := n.take(nonce(fmt.Sprint("greedy", k), i, end), now); err != nil {
				t.Fatalf("nonce %d of key %d: %v", i, k, err)
			}
		}
	}
	for i, others := 0, 4; i < 3*maxNonces/maxKeys; i++ {
		for k := range others {
			switch err := n.take(nonce(fmt.Sprint("other", k), i, end), now); {
			case i < maxNonces/(maxKeys+others) && err != nil:
				t.Fatalf("nonce %d of another key: %v", i, err)
			case err != nil && !errors.Is(err, instance.ErrBusy):
				t.Fatal(err)
			}
		}
	}
	if err := n.take(nonce("greedy0", maxNoncesEach, end), now); !errors.Is(err, instance.ErrBusy) {
		t.Errorf("one more of a greedy key: %v", err)
	}
	if n.held > 2*maxNonces {
		t.Errorf("%d are held", n.held)
	}
}

// TestNonceOnce: of those who use a nonce at once, one does; after a restart, nobody; and
// it is forgotten, in memory and on disk, when its time is over.
func TestNonceOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "switchhook.db")
	open := func() (*nonces, func()) {
		s, err := store.Open(path, store.Options{Network: "sandbox"})
		if err != nil {
			t.Fatal(err)
		}
		g := newGroup(t.Context())
		g.run("store", s.Run)
		n := new(nonces)
		if err := n.load(s, time.Now()); err != nil {
			t.Fatal(err)
		}
		return n, func() {
			if err := errors.Join(g.stop(), s.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	n, stop := open()
	until := time.Now().Add(time.Minute)
	var wg sync.WaitGroup
	var taken, used atomic.Int32
	for i := range 640 {
		wg.Go(func() {
			switch err := n.UseNonce(t.Context(), "key", fmt.Sprint(i%10), until); {
			case err == nil:
				taken.Add(1)
			case errors.Is(err, cams.ErrNonceUsed):
				used.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 10 || used.Load() != 630 {
		t.Errorf("%d taken, %d refused", taken.Load(), used.Load())
	}
	if err := n.UseNonce(t.Context(), "another", "0", until); err != nil {
		t.Errorf("of another key: %v", err)
	}
	if err := n.UseNonce(t.Context(), "key", "old", time.Now().Add(-time.Minute)); err != nil {
		t.Error(err)
	}
	stop()
	n, stop = open()
	for i := range 10 {
		if err := n.UseNonce(t.Context(), "key", fmt.Sprint(i), until); !errors.Is(err, cams.ErrNonceUsed) {
			t.Errorf("after a restart: %v", err)
		}
	}
	if err := n.forgetNonces(t.Context()); err != nil || n.held != 11 {
		t.Errorf("%d are held, %v", n.held, err)
	}
	if left, err := n.disk.Nonces(time.Time{}); err != nil || len(left) != 11 {
		t.Errorf("%d on disk, %v", len(left), err)
	}
	stop()
}
