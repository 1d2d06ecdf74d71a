package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
)

// MaxDeadLetters bounds the answer of [Store.DeadLettersOf].
const MaxDeadLetters = 10_000

// DeadLetters answers what was given up for an endpoint, oldest first within a
// stream.
func (s *Store) DeadLetters(endpoint string) ([]record.DeadLetter, error) {
	return list[record.DeadLetter](s, bucketDead, joinKey(endpoint, ""))
}

// DeadLettersOf answers what was given up for an endpoint, of a stream, of both,
// or all of it where they are empty; what was given up first comes first. Where
// there is more than [MaxDeadLetters], it is the first by endpoint, stream and
// seq.
func (s *Store) DeadLettersOf(endpoint, stream string) ([]record.DeadLetter, error) {
	var out []record.DeadLetter
	var prefix []byte
	switch {
	case endpoint != "" && stream != "":
		prefix = joinKey(endpoint, stream, "")
	case endpoint != "":
		prefix = joinKey(endpoint, "")
	}
	err := s.view(func(tx *bbolt.Tx) error {
		cur := tx.Bucket([]byte(bucketDead)).Cursor()
		for k, v := cur.Seek(prefix); k != nil && hasPrefix(k, prefix) && len(out) < MaxDeadLetters; k, v = cur.Next() {
			if parts := bytes.SplitN(k, []byte{0}, 3); stream != "" && (len(parts) < 3 || string(parts[1]) != stream) {
				continue
			}
			var d record.DeadLetter
			if err := s.decode(bucketDead, k, v, &d); err != nil {
				return err
			}
			out = append(out, d)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", bucketDead, err)
	}
	slices.SortStableFunc(out, func(a, b record.DeadLetter) int { return a.At.Compare(b.At) })
	return out, nil
}

// PutDeadLetter stores a dead letter. The same endpoint, stream and From is the
// same dead letter.
func (c *Change) PutDeadLetter(d record.DeadLetter) {
	c.putJSON(bucketDead, c.deadKey(d.Endpoint, d.Stream, d.From), d)
}

// DeleteDeadLetters removes the dead letters of an endpoint and a stream that lie
// wholly between two seqs, these included.
func (c *Change) DeleteDeadLetters(endpoint, stream string, from, to uint64) {
	c.deleteDead(endpoint, stream, from, to, "")
}

// deleteDead is DeleteDeadLetters but for what a replay has given up.
func (c *Change) deleteDead(endpoint, stream string, from, to uint64, but string) {
	first := c.deadKey(endpoint, stream, from)
	prefix := first[:len(first)-8]
	c.deleteFound(bucketDead, func(cur *bbolt.Cursor) (keys [][]byte) {
		for k, v := cur.Seek(first); k != nil && hasPrefix(k, prefix); k, v = cur.Next() {
			if len(k) == len(first) && binary.BigEndian.Uint64(k[len(prefix):]) > to {
				break
			}
			var d record.DeadLetter
			if err := decode(c.sealer, bucketDead, k, v, &d); err != nil {
				continue // one damaged record must not keep the rest from being written
			}
			if d.To <= to && (but == "" || d.Replay != but) {
				keys = append(keys, k)
			}
		}
		return keys
	})
}

func (c *Change) deadKey(endpoint, stream string, from uint64) []byte {
	return binary.BigEndian.AppendUint64(append(c.key(endpoint, stream), 0), from)
}
