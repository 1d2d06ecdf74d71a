package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/switchhook/switchhook/record"
)

// Instances answers every instance, those being deleted included, by id.
func (s *Store) Instances() ([]record.Instance, error) {
	return list[record.Instance](s, bucketInstances, nil)
}

// Session answers the instance's saved session, nil if it has none.
func (s *Store) Session(instance string) (*record.Session, error) {
	var out *record.Session
	err := s.view(func(r *reader) error {
		v := r.get(bucketSessions, []byte(instance))
		if v == nil {
			return nil
		}
		out = new(record.Session)
		return s.decode(bucketSessions, []byte(instance), v, out)
	})
	if err != nil {
		return nil, fmt.Errorf("read session of %s: %w", instance, err)
	}
	return out, nil
}

// GreenAPIs answers what every instance is to clients of GREEN-API.
func (s *Store) GreenAPIs() ([]record.GreenAPI, error) {
	return list[record.GreenAPI](s, bucketGreenAPI, nil)
}

// Picture answers the picture of the instance's account, nil if it has none.
func (s *Store) Picture(instance string) (*record.Picture, error) {
	var out *record.Picture
	key := joinKey(instance, keyPicture)
	err := s.view(func(r *reader) error {
		v := r.get(bucketSessions, key)
		if v == nil {
			return nil
		}
		out = new(record.Picture)
		return s.decode(bucketSessions, key, v, out)
	})
	if err != nil {
		return nil, fmt.Errorf("read picture of %s: %w", instance, err)
	}
	return out, nil
}

// Endpoints answers every endpoint.
func (s *Store) Endpoints() ([]record.Endpoint, error) {
	return list[record.Endpoint](s, bucketEndpoints, nil)
}

// list decodes every value under a prefix.
func list[T any](s *Store, bucket string, prefix []byte) ([]T, error) {
	var out []T
	err := s.view(func(r *reader) error {
		cur := r.cursor(bucket)
		for k, v := cur.Seek(prefix); k != nil && hasPrefix(k, prefix); k, v = cur.Next() {
			var t T
			if err := s.decode(bucket, k, v, &t); err != nil {
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

func (s *Store) decode(bucket string, key, value []byte, into any) error {
	if err := decode(s.sealer, bucket, key, value, into); err != nil {
		if errors.Is(err, errJSON) {
			return &CorruptError{s.path, err}
		}
		return err
	}
	return nil
}

var errJSON = errors.New("it holds no JSON")

// decode opens a value and reads its JSON.
func decode(sealer Sealer, bucket string, key, value []byte, into any) error {
	plain, err := sealer.Open(sealContext(bucket, key), marked(bucket, value))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return fmt.Errorf("decode %q: %w: %w", key, errJSON, err)
	}
	return nil
}
