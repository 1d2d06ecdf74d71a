package store

import (
	"bytes"
	"context"
	"fmt"
)

// sealedBuckets are those whose values are sealed.
var sealedBuckets = []string{bucketInstances, bucketSessions, bucketGreenAPI, bucketEndpoints, bucketLanes, bucketDead, bucketTenants, bucketQRDLs, bucketAccounts, bucketDevice, bucketLog}

// What one transaction of Reseal writes at most, so that commits beside it wait
// little.
const (
	resealValues = 500
	resealBytes  = 1 << 20
)

// Reseal seals every value anew that stale picks, in many small transactions
// beside everybody else's, and answers how many it were. A value that is written
// meanwhile is left as it was written. When it answers nil, no value is left
// that was stale when it began. After an error it may simply be called again.
func (s *Store) Reseal(ctx context.Context, stale func(sealed []byte) bool) (n int, err error) {
	for _, bucket := range sealedBuckets {
		after := []byte{}
		for after != nil {
			c := s.Change()
			if after, err = s.resealSome(c, bucket, after, stale); err != nil {
				return n, fmt.Errorf("seal %s anew: %w", bucket, err)
			}
			if _, err := s.Commit(ctx, c); err != nil {
				return n, fmt.Errorf("seal %s anew: %w", bucket, err)
			}
			n += len(c.ops)
			if ctx.Err() != nil {
				return n, ctx.Err()
			}
		}
	}
	return n, nil
}

// resealSome fills a change from the bucket's keys behind after, and answers the
// last key it looked at, nil at the end.
func (s *Store) resealSome(c *Change, bucket string, after []byte, stale func([]byte) bool) (last []byte, err error) {
	err = s.view(func(r *reader) error {
		size, seen := 0, 0
		cur := r.cursor(bucket)
		k, v := cur.Seek(after)
		if len(after) > 0 && bytes.Equal(k, after) {
			k, v = cur.Next()
		}
		for ; k != nil; k, v = cur.Next() {
			if len(c.ops) >= resealValues || size >= resealBytes || seen >= 20*resealValues {
				return nil
			}
			last = bytes.Clone(k)
			seen++
			size += len(v)
			if err := s.resealOne(c, bucket, last, v, stale); err != nil {
				return err
			}
		}
		last = nil
		return nil
	})
	return last, err
}

func (s *Store) resealOne(c *Change, bucket string, key, value []byte, stale func([]byte) bool) error {
	head, body, context := []byte(nil), marked(bucket, value), sealContext(bucket, key)
	if bucket == bucketLog {
		h, rest, err := parseHeader(value)
		if err != nil {
			return &CorruptError{s.path, err}
		}
		head, body, context = value[:len(value)-len(rest)], rest, []byte(h.stream)
	}
	if !stale(body) {
		return nil
	}
	plain, err := s.sealer.Open(context, body)
	if err != nil {
		return err
	}
	sealed, err := s.sealer.Seal(bytes.Clone(head), context, plain)
	if err != nil {
		return err
	}
	c.ops = append(c.ops, op{bucket: bucket, key: key, value: sealed, was: bytes.Clone(value)})
	return nil
}
