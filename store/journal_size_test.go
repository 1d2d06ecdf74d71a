//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"bytes"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// journalBytes is how large the files of a journal are together.
func journalBytes(t testing.TB, path string) (n int64) {
	t.Helper()
	for _, part := range imageParts[1:] {
		st, err := os.Stat(path + part)
		if err != nil {
			t.Fatal(err)
		}
		n += st.Size()
	}
	return n
}

// TestJournalShrinks: one large batch does not leave a large journal behind, even if
// nothing follows it.
func TestJournalShrinks(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, _ := started(t, path)
		large := make(map[string][]byte)
		for i := range 10 {
			large[fmt.Sprint(i)] = bytes.Repeat([]byte{byte(i)}, 10<<20)
		}
		c := s.Change()
		c.PutDevice("a", "one", large)
		if _, err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if n := journalBytes(t, path); n < 100<<20 {
			t.Errorf("with 100 MB in it, the journal has %d bytes", n)
		}
		time.Sleep(1500 * time.Millisecond)
		if n := journalBytes(t, path); n > 17<<20 {
			t.Errorf("after a checkpoint it has %d bytes still", n)
		}
	})
}

// TestJournalStaysSmall, however small batches are: each has a page of its own.
func TestJournalStaysSmall(t *testing.T) {
	for name, c := range map[string]struct {
		takes       time.Duration // a checkpoint
		checkpoints int32         // how many there are to be
		batches     int           // in a second
		most        int64         // bytes
	}{
		"a few batches a second":      {0, 100, 30, 1 << 20},
		"many batches a second":       {0, 30, 1500, 16 << 20},
		"checkpoints that take hours": {3 * time.Hour, 2, 20000, 65 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			synctest.Test(t, func(t *testing.T) {
				s := open(t, path)
				var checkpoints atomic.Int32
				s.SetCommit(func(tx *bbolt.Tx) error {
					time.Sleep(c.takes)
					checkpoints.Add(1)
					return tx.Commit()
				})
				s.SetJournal(written, func(*os.File) error { return nil })
				stop := run(t, s)
				most, batches := int64(0), 0
				for limit := 2 * c.batches * int(c.checkpoints); checkpoints.Load() < c.checkpoints && batches < limit; batches++ {
					commit(t, s, func(change *store.Change) {
						change.PutDevice("a", "one", map[string][]byte{fmt.Sprint(batches % 500): {1}})
					})
					if batches%10 == 0 {
						most = max(most, journalBytes(t, path))
					}
					if batches%c.batches == 0 {
						time.Sleep(time.Second)
					}
					synctest.Wait()
				}
				if most > c.most || checkpoints.Load() < c.checkpoints {
					t.Errorf("%d batches and %d checkpoints made a journal of %d bytes", batches, checkpoints.Load(), most)
				}
				stop()
			})
		})
	}
}
