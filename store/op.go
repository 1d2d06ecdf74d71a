package store

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// op puts a value, deletes a key (value nil) or deletes the keys it finds.
type op struct {
	bucket string
	key    []byte
	value  []byte
	was    []byte // put only where this is the value still; nil: whatever it is
	find   func(*cursor) (keys [][]byte)
	only   func(*reader) bool // done only where this says so; nil: wherever
}

// apply puts what is to be done into a layer that r reads.
func (o op) apply(r *reader, to *layer) error {
	switch {
	case o.only != nil && !o.only(r):
		return nil
	case o.find != nil:
		// Collected first: a cursor does not see its layer change.
		for _, k := range o.find(r.cursor(o.bucket)) {
			if err := to.set(o.bucket, k, nil); err != nil {
				return err
			}
		}
		return nil
	case o.was != nil && !bytes.Equal(r.get(o.bucket, o.key), o.was):
		return nil
	default:
		return to.set(o.bucket, o.key, o.value)
	}
}

func hasPrefix(k, prefix []byte) bool {
	return len(k) >= len(prefix) && string(k[:len(prefix)]) == string(prefix)
}

// joinKey joins parts with zero bytes, which no part holds. It has room for one more.
func joinKey(parts ...string) []byte {
	n := len(parts)
	for _, p := range parts {
		n += len(p)
	}
	key := make([]byte, 0, n)
	for i, p := range parts {
		if i > 0 {
			key = append(key, 0)
		}
		key = append(key, p...)
	}
	return key
}

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
