package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Device keeps the live key material of one session: Signal sessions, prekeys,
// identities and what else whatsmeow asks to be kept. Its methods may be called
// from any goroutine.
type Device struct {
	s      *Store
	prefix []byte
	err    error // why there is no such place
}

// Device answers the place for the device keys of an instance's session.
func (s *Store) Device(instance, session string) *Device {
	return &Device{s, joinKey(instance, session, ""), errors.Join(checkName(instance), checkName(session))}
}

// Get answers a copy of the value, nil when there is none.
func (d *Device) Get(key []byte) ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	var out []byte
	full := d.full(key)
	err := d.s.view(func(r *reader) error {
		v := r.get(bucketDevice, full)
		if v == nil {
			return nil
		}
		plain, err := d.s.sealer.Open(sealContext(bucketDevice, full), v)
		if err != nil {
			return err
		}
		out = bytes.Clone(plain)
		if out == nil {
			out = []byte{}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read device key: %w", err)
	}
	return out, nil
}

// Scan calls fn for every key under prefix, ascending. The slices are valid
// until fn returns; fn must not call the store.
func (d *Device) Scan(prefix []byte, fn func(key, value []byte) error) error {
	if d.err != nil {
		return d.err
	}
	full := d.full(prefix)
	return d.s.view(func(r *reader) error {
		cur := r.cursor(bucketDevice)
		for k, v := cur.Seek(full); k != nil && hasPrefix(k, full); k, v = cur.Next() {
			plain, err := d.s.sealer.Open(sealContext(bucketDevice, k), v)
			if err != nil {
				return fmt.Errorf("read device key: %w", err)
			}
			if err := fn(k[len(d.prefix):], plain); err != nil {
				return err
			}
		}
		return nil
	})
}

// Apply stores the writes together; a nil value deletes its key. It returns
// when they are on disk.
func (d *Device) Apply(ctx context.Context, writes map[string][]byte) error {
	if d.err != nil {
		return d.err
	}
	c := d.s.Change()
	c.putDevice(d.prefix, writes)
	_, err := d.s.Commit(ctx, c)
	return err
}

func (d *Device) full(key []byte) []byte {
	return append(bytes.Clone(d.prefix), key...)
}

// PutDevice stores key material of the instance's session, as [Device.Apply]
// does, together with what else the change holds; a nil value deletes its key.
// The values may be changed once it has returned.
func (c *Change) PutDevice(instance, session string, writes map[string][]byte) {
	c.putDevice(append(c.key(instance, session), 0), writes)
}

func (c *Change) putDevice(prefix []byte, writes map[string][]byte) {
	for _, key := range sortedKeys(writes) {
		value := writes[key]
		full := append(bytes.Clone(prefix), key...)
		if value == nil {
			c.delete(bucketDevice, full)
			continue
		}
		c.putEncoded(bucketDevice, full, value, nil)
	}
}
