package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// op puts a value, deletes a key (value nil) or deletes the keys it finds.
type op struct {
	bucket string
	key    []byte
	value  []byte
	was    []byte // put only where this is the value still; nil: whatever it is
	find   func(*bbolt.Cursor) (keys [][]byte)
	only   func(*bbolt.Tx) bool // done only where this says so; nil: wherever
}

func (o op) apply(tx *bbolt.Tx) error {
	b := tx.Bucket([]byte(o.bucket))
	switch {
	case b == nil:
		return errors.New("there is no such bucket")
	case o.only != nil && !o.only(tx):
		return nil
	case o.find != nil:
		// Collected first: a bbolt cursor may skip keys while its bucket changes.
		for _, k := range o.find(b.Cursor()) {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
		return nil
	case o.value == nil:
		return b.Delete(o.key)
	case o.was != nil && !bytes.Equal(b.Get(o.key), o.was):
		return nil
	default:
		return b.Put(o.key, o.value)
	}
}

func hasPrefix(k, prefix []byte) bool {
	return len(k) >= len(prefix) && string(k[:len(prefix)]) == string(prefix)
}

// joinKey joins parts with zero bytes, which no part holds.
func joinKey(parts ...string) []byte { return []byte(strings.Join(parts, "\x00")) }

func checkName(name string) error {
	if name == "" || strings.ContainsRune(name, 0) {
		return fmt.Errorf("%q is no name: it is empty or holds a zero byte", name)
	}
	return nil
}

// sealContext is the place a value is sealed for.
func sealContext(bucket string, key []byte) []byte { return appendPlace(nil, bucket, key) }

// appendPlace appends it.
func appendPlace(b []byte, bucket string, key []byte) []byte {
	return append(append(append(b, bucket...), 0), key...)
}

// sortedKeys is for answers that people and tests read.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
