package store_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
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

// TestVerifyRefuses damages one thing at a time.
func TestVerifyRefuses(t *testing.T) {
	le := binary.LittleEndian
	plain, listed := populated(t, 120, false), populated(t, 120, true)
	swap := func(from, to string) func([]byte) {
		return func(b []byte) {
			if bytes.Count(b, []byte(from)) == 0 {
				t.Errorf("%q is not there to be damaged", from)
			}
			copy(b, bytes.ReplaceAll(b, []byte(from), []byte(to)))
		}
	}
	page := func(kind uint16, damage func(page []byte)) func([]byte) {
		return func(b []byte) {
			for at := 2 * pageSize; at < len(b); at += pageSize {
				// A page that overflow has covered may look like any other.
				if le.Uint64(b[at:]) == uint64(at/pageSize) && le.Uint16(b[at+8:]) == kind {
					damage(b[at : at+pageSize])
				}
			}
		}
	}
	for name, c := range map[string]struct {
		image  []byte
		damage func([]byte)
	}{
		"key twice":              {plain, swap("i003\x00{\"id\"", "i004\x00{\"id\"")},
		"keys out of order":      {plain, swap("i003\x00{\"id\"", "i013\x00{\"id\"")},
		"first key":              {plain, swap("i000\x00{\"id\"", "i00 \x00{\"id\"")},
		"branch without child":   {plain, page(1, func(p []byte) { le.PutUint16(p[10:], 0) })},
		"branch beyond the end":  {plain, page(1, func(p []byte) { le.PutUint64(p[24:], 1<<40) })},
		"branch to a meta page":  {plain, page(1, func(p []byte) { le.PutUint64(p[24:], 1) })},
		"branch to itself":       {plain, page(1, func(p []byte) { le.PutUint64(p[24:], le.Uint64(p)) })},
		"siblings are one":       {plain, page(1, func(p []byte) { copy(p[40:48], p[24:32]) })},
		"page of no kind":        {plain, page(2, func(p []byte) { le.PutUint16(p[8:], 7) })},
		"page of two kinds":      {plain, page(2, func(p []byte) { le.PutUint16(p[8:], 3) })},
		"page with other number": {plain, page(2, func(p []byte) { p[0] ^= 1 })},
		"too many keys":          {plain, page(2, func(p []byte) { le.PutUint16(p[10:], 0xFFFF) })},
		"overflow to the end":    {plain, page(2, func(p []byte) { le.PutUint32(p[12:], 1<<32-1) })},
		"overflow past the end":  {plain, page(2, func(p []byte) { le.PutUint32(p[12:], uint32(len(plain)/pageSize)) })},
		"overflow on others":     {plain, page(2, func(p []byte) { le.PutUint32(p[12:], 1) })},
		"key of unknown kind":    {plain, page(2, func(p []byte) { p[17] = 1 })},
		"freelist of no kind":    {listed, page(16, func(p []byte) { le.PutUint16(p[8:], 2) })},
		"freelist too long":      {listed, page(16, func(p []byte) { le.PutUint16(p[10:], 0xFFFE) })},
		"freelist of 2^63":       {listed, page(16, func(p []byte) { le.PutUint16(p[10:], 0xFFFF); le.PutUint64(p[16:], 1<<63) })},
		"free beyond the end":    {listed, page(16, func(p []byte) { le.PutUint16(p[10:], 1); le.PutUint64(p[16:], 1<<50) })},
		"free twice":             {listed, page(16, func(p []byte) { le.PutUint16(p[10:], 2); copy(p[24:32], p[16:24]) })},
		"free and in use":        {listed, page(16, func(p []byte) { le.PutUint16(p[10:], 1); le.PutUint64(p[16:], root(listed)) })},
		"root beyond the end":    {plain, meta(func(m []byte) { le.PutUint64(m[16:], 1<<40) })},
		"pages of no size":       {plain, meta(func(m []byte) { le.PutUint32(m[8:], 0) })},
		"pages of 16 bytes":      {plain, meta(func(m []byte) { le.PutUint32(m[8:], 16) })},
		"pages too large":        {plain, meta(func(m []byte) { le.PutUint32(m[8:], 1<<31) })},
		"more pages than bytes":  {plain, meta(func(m []byte) { le.PutUint64(m[40:], 1<<62) })},
		"other version":          {plain, meta(func(m []byte) { m[4] = 3 })},
	} {
		b := bytes.Clone(c.image)
		c.damage(b)
		path := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if store.VerifyPages(path, pageSize) == nil || bytes.Equal(b, c.image) {
			t.Errorf("%s: not noticed", name)
		} else if survives(t, b, name) {
			t.Errorf("%s: opened", name)
		}
	}
}

// root answers the page at which the newest tree begins.
func root(image []byte) uint64 {
	le := binary.LittleEndian
	first, second := image[16:80], image[pageSize+16:pageSize+80]
	if le.Uint64(second[48:]) > le.Uint64(first[48:]) {
		return le.Uint64(second[16:])
	}
	return le.Uint64(first[16:])
}

// meta changes both meta pages and makes their checksums right.
func meta(damage func(meta []byte)) func([]byte) {
	return func(b []byte) {
		damage(b[16:80])
		damage(b[pageSize+16 : pageSize+80])
		rightSums(b)
	}
}
