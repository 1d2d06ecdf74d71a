package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// TestUpgradeSealsLanes opens a file of schema 1, whose lanes and dead letters lie
// in the clear though all else is sealed: they are read, and sealed from then on.
func TestUpgradeSealsLanes(t *testing.T) {
	path := newPath(t)
	key := seal.NewKey()
	var ring *seal.Ring
	_, stop := started(t, path, ringed(key, &ring))
	stop()
	const deadKey = "e\x00a\x00\x00\x00\x00\x00\x00\x00\x00\x03"
	edit(t, path, func(tx *bbolt.Tx) error {
		return errors.Join(
			tx.Bucket([]byte("meta")).Put([]byte("schema"), binary.BigEndian.AppendUint64(nil, 1)),
			tx.Bucket([]byte("meta")).Delete([]byte("links")),
			tx.Bucket([]byte("lanes")).Put([]byte("e\x00a"), []byte(`{"endpoint":"e","stream":"a","acked":7,"prev":6}`)),
			tx.Bucket([]byte("dead")).Put([]byte(deadKey), []byte(`{"endpoint":"e","stream":"a","from":3,"to":5,"reason":"expired"}`)),
		)
	})
	before := transactions(t, path)
	seals := make(map[string]bool)
	for range 2 { // the second time there is nothing to do
		s, stop := started(t, path, ringed(key, &ring))
		seals[s.LinkKey()] = true
		lanes, err1 := s.Lanes()
		dead, err2 := s.DeadLetters("e")
		if err := errors.Join(err1, err2); err != nil || len(lanes) != 1 || lanes[0].Acked != 7 || len(dead) != 1 || dead[0].To != 5 {
			t.Fatalf("%+v, %+v, %v", lanes, dead, err)
		}
		stop()
	}
	if len(seals) != 1 || seals[""] {
		t.Errorf("links are proved by %d texts, or by none", len(seals))
	}
	if n := transactions(t, path); n != before+3 { // it was opened twice
		t.Errorf("the upgrade took %d transactions", n-before-2)
	}
	look(t, path, func(tx *bbolt.Tx) error {
		meta, lane, dead := tx.Bucket([]byte("meta")), tx.Bucket([]byte("lanes")).Get([]byte("e\x00a")), tx.Bucket([]byte("dead")).Get([]byte(deadKey))
		if ring.Stale(lane) || ring.Stale(dead) || binary.BigEndian.Uint64(meta.Get([]byte("schema"))) != store.Schema {
			t.Errorf("the file has schema %x, lane %x, dead letter %x", meta.Get([]byte("schema")), lane, dead)
		}
		return nil
	})
	// What somebody plants there later is refused.
	for name, planted := range map[string][]byte{"as it was": []byte(`{"endpoint":"e","stream":"a"}`), "marked": append([]byte{0}, `{"endpoint":"e"}`...)} {
		edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("lanes")).Put([]byte("e\x00a"), planted) })
		s, stop := started(t, path, ringed(key, &ring))
		if lanes, err := s.Lanes(); err == nil {
			t.Errorf("%s: a planted lane is taken: %+v", name, lanes)
		}
		stop()
	}
}

// TestUpgradeIsRefusedWithTheFileUntouched: a wrong key changes nothing.
func TestUpgradeIsRefusedWithTheFileUntouched(t *testing.T) {
	path := newPath(t)
	var ring *seal.Ring
	_, stop := started(t, path, ringed(seal.NewKey(), &ring))
	stop()
	old := binary.BigEndian.AppendUint64(nil, 1)
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("schema"), old) })
	opts := store.Options{Network: "sandbox"}
	ringed(seal.NewKey(), &ring)(&opts)
	if _, err := store.Open(path, opts); err == nil {
		t.Fatal("opened with another key")
	}
	look(t, path, func(tx *bbolt.Tx) error {
		if v := tx.Bucket([]byte("meta")).Get([]byte("schema")); !bytes.Equal(v, old) {
			t.Errorf("the schema is now %x", v)
		}
		return nil
	})
}
