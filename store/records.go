package store

import (
	"context"
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
)

// Instances answers every instance, those being deleted included, by id.
func (s *Store) Instances() ([]record.Instance, error) {
	return list[record.Instance](s, bucketInstances, nil, true)
}

// Session answers the instance's saved session, nil if it has none.
func (s *Store) Session(instance string) (*record.Session, error) {
	var out *record.Session
	err := s.view(func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte(bucketSessions)).Get([]byte(instance))
		if v == nil {
			return nil
		}
		out = new(record.Session)
		return s.decode(bucketSessions, []byte(instance), v, true, out)
	})
	if err != nil {
		return nil, fmt.Errorf("read session of %s: %w", instance, err)
	}
	return out, nil
}

// Endpoints answers every endpoint.
func (s *Store) Endpoints() ([]record.Endpoint, error) {
	return list[record.Endpoint](s, bucketEndpoints, nil, true)
}

// Lanes answers how far every lane has come.
func (s *Store) Lanes() ([]record.Lane, error) {
	return list[record.Lane](s, bucketLanes, nil, false)
}

// DeadLetters answers what was given up for an endpoint, oldest first within a
// stream.
func (s *Store) DeadLetters(endpoint string) ([]record.DeadLetter, error) {
	return list[record.DeadLetter](s, bucketDead, joinKey(endpoint, ""), false)
}

// SaveLanes stores how far lanes have come together with what they gave up.
func (s *Store) SaveLanes(ctx context.Context, lanes []record.Lane, dead []record.DeadLetter) error {
	c := s.Change()
	for _, l := range lanes {
		c.PutLane(l)
	}
	for _, d := range dead {
		c.PutDeadLetter(d)
	}
	_, err := s.Commit(ctx, c)
	return err
}

// list decodes every value under a prefix.
func list[T any](s *Store, bucket string, prefix []byte, sealed bool) ([]T, error) {
	var out []T
	err := s.view(func(tx *bbolt.Tx) error {
		cur := tx.Bucket([]byte(bucket)).Cursor()
		for k, v := cur.Seek(prefix); k != nil && hasPrefix(k, prefix); k, v = cur.Next() {
			var t T
			if err := s.decode(bucket, k, v, sealed, &t); err != nil {
				return err
			}
			out = append(out, t)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", bucket, err)
	}
	return out, nil
}

func (s *Store) decode(bucket string, key, value []byte, sealed bool, into any) error {
	if sealed {
		var err error
		if value, err = s.sealer.Open(sealContext(bucket, key), marked(bucket, value)); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(value, into); err != nil {
		return &CorruptError{s.path, fmt.Errorf("decode %q: %w", key, err)}
	}
	return nil
}
