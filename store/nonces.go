package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// Nonce is one that an access key has signed with and must not sign with again. The
// nonce itself is not kept.
type Nonce struct {
	Key   string // the access key's id
	Hash  [NonceHash]byte
	Until time.Time // to the second: it is forgotten then
}

// NonceHash is the length of a nonce's hash.
const NonceHash = 16

func (n Nonce) key(c *Change) []byte {
	k := binary.BigEndian.AppendUint64(nil, uint64(n.Until.Unix()))
	k = append(append(k, c.key(n.Key)...), 0)
	return append(k, n.Hash[:]...)
}

// PutNonce stores a nonce.
func (c *Change) PutNonce(n Nonce) { c.put(bucketNonces, n.key(c), []byte{}) }

// Nonces answers those that are not forgotten at a moment, the first to be forgotten in
// front.
func (s *Store) Nonces(at time.Time) ([]Nonce, error) {
	var out []Nonce
	err := s.view(func(r *reader) error {
		cur := r.cursor(bucketNonces)
		for k, _ := cur.Seek(nonceTime(at)); k != nil; k, _ = cur.Next() {
			n, err := parseNonce(k)
			if err != nil {
				return &CorruptError{s.path, err}
			}
			out = append(out, n)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read nonces: %w", err)
	}
	return out, nil
}

// pruneNonces is how many nonces one transaction forgets at most.
const pruneNonces = 10_000

// PruneNonces forgets those whose time is over, and answers whether there may be more.
func (s *Store) PruneNonces(ctx context.Context, at time.Time) (more bool, err error) {
	end := nonceTime(at)
	var none bool
	err = s.view(func(r *reader) error {
		k, _ := r.cursor(bucketNonces).First()
		none = k == nil || bytes.Compare(k, end) >= 0
		return nil
	})
	if err != nil || none {
		return false, err
	}
	n := 0
	c := s.Change()
	c.deleteFound(bucketNonces, func(cur *cursor) (keys [][]byte) {
		for k, _ := cur.First(); k != nil && bytes.Compare(k, end) < 0 && len(keys) < pruneNonces; k, _ = cur.Next() {
			keys = append(keys, bytes.Clone(k))
		}
		n = len(keys)
		return keys
	})
	_, err = s.Commit(ctx, c)
	return n == pruneNonces, err
}

// nonceTime begins the keys of nonces that are kept until a moment.
func nonceTime(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(0, at.Unix())))
}

func parseNonce(k []byte) (n Nonce, err error) {
	const least = 8 + 1 + 1 + NonceHash
	if len(k) < least || k[len(k)-NonceHash-1] != 0 {
		return n, fmt.Errorf("the key of a nonce has %d bytes, or no end", len(k))
	}
	n.Until = time.Unix(int64(binary.BigEndian.Uint64(k)), 0).UTC()
	n.Key = string(k[8 : len(k)-NonceHash-1])
	n.Hash = [NonceHash]byte(k[len(k)-NonceHash:])
	return n, nil
}
