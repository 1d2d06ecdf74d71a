package sandbox

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"
)

var picturesBucket = []byte("pictures")

// loadPictures reads the pictures of all accounts. A file from before there were any
// has none.
func (f *stateFile) loadPictures() (map[string]*picture, error) {
	found := make(map[string]*picture)
	err := f.update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(picturesBucket)
		if err != nil {
			return err
		}
		return bucket.ForEach(func(digits, value []byte) error {
			p := &picture{}
			found[string(digits)] = p
			return json.Unmarshal(value, p)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read pictures: %w", err)
	}
	return found, nil
}

// putPicture writes an account's picture; nil erases it.
func (f *stateFile) putPicture(digits string, p *picture) error {
	return f.update(func(tx *bbolt.Tx) error {
		if p == nil {
			return tx.Bucket(picturesBucket).Delete([]byte(digits))
		}
		return putJSON(tx.Bucket(picturesBucket), digits, p)
	})
}

// picture returns an account's picture, nil if it has none. It is never changed,
// only replaced.
func (l *ledger) picture(digits string) *picture {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pictures[digits]
}

// pictureNamed returns the picture that is served by a name, nil if there is none.
func (l *ledger) pictureNamed(name string) *picture {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pictures {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (l *ledger) putPicture(digits string, p *picture) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.file.putPicture(digits, p); err != nil {
		return err
	}
	delete(l.pictures, digits)
	if p != nil {
		l.pictures[digits] = p
	}
	return nil
}
