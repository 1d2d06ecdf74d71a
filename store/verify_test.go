package store_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// TestVerifyAcceptsWhatBboltWrites puts, deletes and deletes in ranges at
// random, with and without a stored freelist: a good file is never refused.
func TestVerifyAcceptsWhatBboltWrites(t *testing.T) {
	for seed := range seeds(t, 2) {
		r := rand.New(rand.NewPCG(uint64(seed), 9))
		path := filepath.Join(t.TempDir(), "work.db")
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{
			NoFreelistSync: seed%2 == 0, FreelistType: bbolt.FreelistMapType, NoStatistics: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		db.NoSync = true
		for round := range 60 {
			if err := db.Update(func(tx *bbolt.Tx) error { return work(tx, r) }); err != nil {
				t.Fatal(err)
			}
			if err := store.VerifyPages(path, pageSize); err != nil {
				t.Fatalf("seed %d, round %d: %v", seed, round, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func work(tx *bbolt.Tx, r *rand.Rand) error {
	key := func() []byte { return fmt.Appendf(nil, "k%05d", r.IntN(3000)) }
	for n := range 3 {
		name := fmt.Appendf(nil, "bucket %d", n)
		b, err := tx.CreateBucketIfNotExists(name)
		if err != nil {
			return err
		}
		if n == 0 {
			b.FillPercent = 1
		}
		switch r.IntN(40) {
		case 0:
			err = tx.DeleteBucket(name)
		case 1, 2:
			var keys [][]byte
			for c, k := b.Cursor(), key(); len(keys) < 900; k = keys[len(keys)-1] {
				if k, _ = c.Seek(append(k, 0)); k == nil {
					break
				}
				keys = append(keys, k)
			}
			for _, k := range keys {
				if err == nil {
					err = b.Delete(k)
				}
			}
		default:
			for range r.IntN(60) + r.IntN(20)/19*600 {
				switch {
				case err != nil:
				case r.IntN(3) == 0:
					err = b.Delete(key())
				default:
					err = b.Put(key(), make([]byte, r.IntN(300)+r.IntN(100)/99*9000))
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
