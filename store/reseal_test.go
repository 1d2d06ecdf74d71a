package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// ringed opens a store under an operator's key, as the daemon does.
func ringed(key seal.Key, ring **seal.Ring) func(*store.Options) {
	return func(o *store.Options) {
		o.Unseal = func(rec []byte, inClear bool) (store.Sealer, []byte, error) {
			if rec == nil {
				*ring = seal.NewRing(key, !inClear)
				return *ring, (*ring).Record(), nil
			}
			r, err := seal.OpenRing(rec, key)
			*ring = r
			return r, nil, err
		}
	}
}

// reseal brings every value to the ring's current data key.
func reseal(t testing.TB, s *store.Store, ring *seal.Ring) int {
	t.Helper()
	n, err := s.Reseal(t.Context(), ring.Stale)
	if err != nil {
		t.Fatal(err)
	}
	record, stored := ring.Settle()
	commit(t, s, func(c *store.Change) {
		c.PutKeys(record)
		c.CompactAtOpen()
	})
	stored()
	return n
}

func readSecrets(t testing.TB, s *store.Store) {
	t.Helper()
	for _, id := range []string{"a", "b"} {
		session, err1 := s.Session(id)
		events, err2 := s.Events(id, 0, 9)
		key, err3 := s.Device(id, "s").Get([]byte("two"))
		endpoints, err4 := s.Endpoints()
		lanes, err5 := s.Lanes()
		dead, err6 := s.DeadLetters(id)
		if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
			t.Fatal(err)
		}
		if len(lanes) != 2 || lanes[0].LastError != secret || len(dead) != 1 || dead[0].Last.Answer != secret {
			t.Errorf("of %s: %+v, %+v", id, lanes, dead)
		}
		if session.PushName != secret || events[0].Code.Text != secret || string(key) != secret || len(endpoints) != 2 || endpoints[0].URL != secret {
			t.Errorf("%s came back otherwise", id)
		}
	}
}

func holdsSecret(t testing.TB, path string) bool {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(raw, []byte(secret))
}

// TestSealingAnOldFile takes a file whose values lie in the clear: it is read as
// it is, sealed beside other writes, and after the next start nothing is left.
func TestSealingAnOldFile(t *testing.T) {
	path := newPath(t)
	withSecrets(t, path, store.Plain{})
	edit(t, path, func(tx *bbolt.Tx) error { // as it was before instances were sealed
		return tx.Bucket([]byte("instances")).Put([]byte("a"), []byte(`{"id":"a","wid":"`+secret+`"}`))
	})
	key := seal.NewKey()
	var ring *seal.Ring
	s, stop := started(t, path, ringed(key, &ring))
	readSecrets(t, s)
	stop()
	s, stop = started(t, path, ringed(key, &ring)) // it stopped before anything was sealed
	readSecrets(t, s)
	if n := reseal(t, s, ring); n != 15 {
		t.Errorf("%d values were sealed", n)
	}
	readSecrets(t, s)
	stop()
	if !holdsSecret(t, path) {
		t.Log("bbolt has used the free pages again by itself")
	}
	s, stop = started(t, path, ringed(key, &ring))
	readSecrets(t, s)
	if list, err := s.Instances(); err != nil || len(list) != 1 || list[0].WID != secret {
		t.Errorf("instances: %v, %v", list, err)
	}
	stop()
	if holdsSecret(t, path) {
		t.Error("the file still holds what was in the clear")
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the compacted file: %v, %v", st.Mode(), err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("sessions")).Put([]byte("a"), append([]byte{0}, `{"id":"planted"}`...))
	})
	if _, err := open(t, path, ringed(key, &ring)).Session("a"); !errors.Is(err, seal.ErrClear) {
		t.Errorf("a planted value is taken: %v", err)
	}
}

// TestResealUnderLoad makes a new data key and seals everything by it while
// others write and prune: no write is lost, nothing stale is left.
func TestResealUnderLoad(t *testing.T) {
	path := newPath(t)
	key := seal.NewKey()
	var ring *seal.Ring
	s, stop := started(t, path, ringed(key, &ring))
	for i := range 30 {
		writes := make(map[string][]byte)
		for j := range 100 {
			writes[fmt.Sprintf("k%d", j)] = []byte("old")
		}
		commit(t, s, func(c *store.Change) {
			c.PutDevice(fmt.Sprintf("i%d", i), "s", writes)
			for range 20 {
				c.Append(record.Event{Stream: fmt.Sprintf("i%d", i), Kind: "test", At: moment})
			}
		})
	}
	newKey, stored, err := ring.AddDataKey()
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, func(c *store.Change) { c.PutKeys(newKey) })
	stored()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 30 {
				d := s.Device(fmt.Sprintf("i%d", i), "s")
				if err := d.Apply(t.Context(), map[string][]byte{fmt.Sprintf("k%d", w): []byte("new"), fmt.Sprintf("k%d", 10+w): nil}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		if _, err := s.Prune(t.Context(), later, upTo(10)); err != nil {
			t.Error(err)
		}
	})
	reseal(t, s, ring)
	wg.Wait()
	stop()
	s, stop = started(t, path, ringed(key, &ring))
	for i := range 30 {
		id := fmt.Sprintf("i%d", i)
		n := 0
		err := s.Device(id, "s").Scan(nil, func(k, v []byte) error {
			n++
			want := "old"
			if len(k) == 2 && k[1] < '4' {
				want = "new"
			}
			if string(v) != want {
				t.Errorf("%s %s is %s", id, k, v)
			}
			return nil
		})
		events, err2 := s.Events(id, 0, 100)
		if err := errors.Join(err, err2); err != nil || n != 96 || len(events) != 10 {
			t.Errorf("%s: %d keys, %d events, %v", id, n, len(events), err)
		}
	}
	stop()
}

func TestWrongKeyAtOpen(t *testing.T) {
	path := newPath(t)
	var ring *seal.Ring
	_, stop := started(t, path, ringed(seal.NewKey(), &ring))
	stop()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	opts := store.Options{Network: "sandbox"}
	if _, err := store.Open(path, opts); !errors.Is(err, store.ErrSealed) {
		t.Errorf("without a key: %v", err)
	}
	ringed(seal.NewKey(), &ring)(&opts)
	var wrong *seal.WrongKeyError
	if _, err := store.Open(path, opts); !errors.As(err, &wrong) || !strings.Contains(err.Error(), path) {
		t.Errorf("with another key: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}
