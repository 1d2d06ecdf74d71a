package seal

import (
	"errors"
	"maps"
	"slices"
)

// The changes of a ring. Each answers the record to store and what makes the
// ring agree with it, to be called once it is stored.

// KeyIDs answers the ids of the operator's keys that open the file, oldest
// first.
func (r *Ring) KeyIDs() []string { return r.keys.Load().ids() }

// KeyID is the id of the operator's key that the ring was opened with.
func (r *Ring) KeyID() string { return r.keys.Load().from }

// Newest reports whether the ring was opened with the newest of the operator's
// keys. If it was, older ones can be dropped.
func (r *Ring) Newest() bool {
	k := r.keys.Load()
	return k.slots[len(k.slots)-1].ID == k.from
}

var (
	errSameKey  = errors.New("the file has that key already: make another with switchhook key new")
	errManyKeys = errors.New("the file has too many keys already: start the daemon with the newest, which drops the others")
	errManyData = errors.New("the file has used up its data keys: export what it holds into a new one")
	errResealed = errors.New("values are still being sealed with the last new data key: wait for the daemon's log to say that it is done")
)

// AddKey lets a further operator's key open the file.
func (r *Ring) AddKey(key Key) (record []byte, stored func(), err error) {
	k := r.copy()
	switch {
	case slices.Contains(k.ids(), key.ID()):
		return nil, nil, errSameKey
	case len(k.slots) >= maxSlots:
		return nil, nil, errManyKeys
	}
	k.wrap(key)
	return k.record(), func() { r.keys.Store(k) }, nil
}

// OnlyKey lets key alone open the file, under a new master key.
func (r *Ring) OnlyKey(key Key) (record []byte, stored func()) {
	k := r.copy()
	k.renew(key)
	return k.record(), func() { r.keys.Store(k) }
}

// AddDataKey makes a new data key, which seals whatever is sealed from now on.
func (r *Ring) AddDataKey() (record []byte, stored func(), err error) {
	k := r.copy()
	switch {
	case k.Oldest != k.Current:
		return nil, nil, errResealed
	case k.Current == 1<<16-1:
		return nil, nil, errManyData
	}
	k.add()
	return k.record(), func() { r.keys.Store(k) }, nil
}

// Settle drops the data keys before the current one: no value in the file needs
// them, and none lies in the clear.
func (r *Ring) Settle() (record []byte, stored func()) {
	k := r.copy()
	k.Oldest = k.Current
	maps.DeleteFunc(k.Keys, func(n uint16, _ []byte) bool { return n != k.Current })
	k.load()
	return k.record(), func() { r.keys.Store(k) }
}

// copy is the ring's keys to change.
func (r *Ring) copy() *keys {
	k := *r.keys.Load()
	k.slots = slices.Clone(k.slots)
	k.Keys = maps.Clone(k.Keys)
	return &k
}
