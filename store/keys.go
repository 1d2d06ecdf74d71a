package store

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// Unseal makes a file's sealer. record is what the file keeps of its own keys,
// nil if it has none yet; inClear says that values may lie in it in the clear. It
// answers the record to store where that is new, and otherwise nil. It is called
// once, when the file is opened, and its error ends [Open].
type Unseal func(record []byte, inClear bool) (sealer Sealer, store []byte, err error)

// unseal makes the sealer that the options ask for.
func unseal(db *bbolt.DB, path string, opts Options) (_ Sealer, store []byte, err error) {
	var record []byte
	fresh := true
	err = db.View(func(tx *bbolt.Tx) error {
		if meta := tx.Bucket([]byte(bucketMeta)); meta != nil {
			record, fresh = bytes.Clone(meta.Get(keyKeys)), false
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("open %s: %w", path, err)
	case opts.Unseal != nil:
		sealer, store, err := opts.Unseal(record, record == nil && !fresh)
		if err != nil {
			return nil, nil, fmt.Errorf("open %s: %w", path, err)
		}
		return sealer, store, nil
	case opts.Sealer != nil:
		return opts.Sealer, nil, nil
	case record != nil:
		return nil, nil, fmt.Errorf("open %s: %w", path, ErrSealed)
	}
	return Plain{}, nil, nil
}

// PutKeys stores the record of the file's own keys.
func (c *Change) PutKeys(record []byte) { c.put(bucketMeta, keyKeys, bytes.Clone(record)) }

// CompactAtOpen asks the next [Open] to write the file anew without what was
// deleted: bbolt's free pages keep what they held until they are used again.
func (c *Change) CompactAtOpen() { c.put(bucketMeta, keyCompact, []byte{1}) }

// PutImport notes that an exported instance came in.
func (c *Change) PutImport(export string, at time.Time) {
	c.put(bucketMeta, append([]byte("import\x00"), c.key(export)...), at.UTC().AppendFormat(nil, time.RFC3339))
}

// Imported answers when an exported instance came in, and the zero time if it
// never did.
func (s *Store) Imported(export string) (at time.Time, err error) {
	err = s.view(func(r *reader) error {
		v := r.get(bucketMeta, append([]byte("import\x00"), export...))
		if v == nil {
			return nil
		}
		if at, err = time.Parse(time.RFC3339, string(v)); err != nil {
			return &CorruptError{s.path, errors.New("a note of an import holds no time")}
		}
		return nil
	})
	return at, err
}

// marked gives a value of the instances, which were not sealed before there were
// keys, the byte that says so.
func marked(bucket string, value []byte) []byte {
	if bucket == bucketInstances && len(value) > 0 && value[0] == '{' {
		return append([]byte{sealedPlain}, value...)
	}
	return value
}
