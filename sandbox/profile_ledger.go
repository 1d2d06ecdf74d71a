package sandbox

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"
)

var profilesBucket = []byte("profiles")

// profile is an account's own name, about text and settings as phone and server keep
// them. It is never changed, only replaced.
type profile struct {
	Key       settingsKey         `json:"key"`
	Announced string              `json:"announced,omitempty"`
	About     string              `json:"about,omitempty"`
	Settings  map[string][][]byte `json:"settings,omitempty"` // the changes of each collection, the first of version 1
}

// loadProfiles reads the profiles of all accounts. A file from before there were any
// has none.
func (f *stateFile) loadProfiles() (map[string]*profile, error) {
	found := make(map[string]*profile)
	err := f.update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(profilesBucket)
		if err != nil {
			return err
		}
		return bucket.ForEach(func(digits, value []byte) error {
			p := &profile{}
			found[string(digits)] = p
			return json.Unmarshal(value, p)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read profiles: %w", err)
	}
	return found, nil
}

func (f *stateFile) putProfile(digits string, p *profile) error {
	return f.update(func(tx *bbolt.Tx) error { return putJSON(tx.Bucket(profilesBucket), digits, p) })
}

// profile returns an account's, an empty one if it has none.
func (l *ledger) profile(digits string) *profile {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, known := l.profiles[digits]; known {
		return p
	}
	return &profile{}
}

// changeProfile makes a change of an account's profile, or none if it fails.
func (l *ledger) changeProfile(digits string, change func(*profile) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &profile{Key: newSettingsKey()}
	if before, known := l.profiles[digits]; known {
		*p = *before
	}
	if err := change(p); err != nil {
		return err
	}
	if err := l.file.putProfile(digits, p); err != nil {
		return err
	}
	l.profiles[digits] = p
	return nil
}

// settingsKey returns the key to an account's settings, which is made at first use.
func (l *ledger) settingsKey(digits string) (key settingsKey, err error) {
	if key = l.profile(digits).Key; len(key.ID) > 0 {
		return key, nil
	}
	err = l.changeProfile(digits, func(p *profile) error {
		key = p.Key
		return nil
	})
	return key, err
}

// noteKeyShared notes that a companion has been sent the key.
func (l *ledger) noteKeyShared(id deviceID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, known := l.devices[id]
	if !known || d.KeyShared {
		return nil
	}
	changed := *d
	changed.KeyShared = true
	if err := l.file.putDevice(&changed); err != nil {
		return err
	}
	*d = changed
	return nil
}
