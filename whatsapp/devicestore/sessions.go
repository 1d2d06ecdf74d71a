package devicestore

import (
	"context"
	"slices"

	"go.mau.fi/whatsmeow/types"
)

func sessionKey(address string) key { return newKey(tagSession).address(address) }

// GetSession returns the Signal session with an address, nil if there is none.
func (k *keyring) GetSession(ctx context.Context, address string) (record []byte, err error) {
	err = k.read(ctx, "get session", func(v *view) error {
		record, err = v.readRatchet(sessionKey(address))
		return err
	})
	return record, err
}

// HasSession reports whether there is a Signal session with an address.
func (k *keyring) HasSession(ctx context.Context, address string) (has bool, err error) {
	err = k.read(ctx, "find session", func(v *view) error {
		stored, err := v.get(sessionKey(address))
		has = stored != nil
		return err
	})
	return has, err
}

// GetManySessions returns the Signal sessions with all the addresses; those
// without one are in the result as nil.
func (k *keyring) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	records := make(map[string][]byte, len(addresses))
	err := k.read(ctx, "get sessions", func(v *view) error {
		for _, address := range addresses {
			if _, twice := records[address]; twice {
				continue
			}
			record, err := v.readRatchet(sessionKey(address))
			if err != nil {
				return err
			}
			records[address] = record
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// PutSession stores the Signal session with an address. Outside a transaction it
// answers [ErrConflict] if the session has changed since it was read.
func (k *keyring) PutSession(ctx context.Context, address string, record []byte) error {
	return k.update(ctx, "put session", func(v *view) error {
		return v.writeRatchet(sessionKey(address), record)
	})
}

// PutManySessions stores several sessions or, after an error, none; see
// PutSession.
func (k *keyring) PutManySessions(ctx context.Context, records map[string][]byte) error {
	return k.update(ctx, "put sessions", func(v *view) error {
		var refused error
		for address, record := range records {
			if err := v.writeRatchet(sessionKey(address), record); err != nil {
				refused = err // go on: every loan of this writer is settled
			}
		}
		return refused
	})
}

// DeleteSession drops the Signal session with one address.
func (k *keyring) DeleteSession(ctx context.Context, address string) error {
	return k.update(ctx, "delete session", func(v *view) error {
		return v.remove(sessionKey(address))
	})
}

// DeleteAllSessions drops the Signal sessions with every address phone:device.
func (k *keyring) DeleteAllSessions(ctx context.Context, phone string) error {
	return k.update(ctx, "delete sessions", func(v *view) error {
		return v.removeDevices(tagSession, phone)
	})
}

// MigratePNToLID moves the sessions, identities and sender keys of all devices
// of a phone number to its LID, where they replace what is there; a session joins
// the one that is there, see merged. With nothing under the number, the normal
// case, it costs three empty scans. An error ends the
// connection: the library would go on, find no session and give the message up.
func (k *keyring) MigratePNToLID(ctx context.Context, pn, lid types.JID) error {
	from, to := pn.SignalAddressUser(), lid.SignalAddressUser()
	if from == to {
		return nil
	}
	var moved int
	err := k.update(ctx, "migrate sessions", func(v *view) error {
		for _, tag := range []byte{tagSession, tagIdentity, tagSenderKey} {
			devices, err := v.devices(tag, from)
			if err != nil {
				return err
			}
			old, fresh := newKey(tag).part(from), newKey(tag).part(to)
			for _, e := range devices {
				at := append(slices.Clone(fresh), e.key[len(old):]...)
				if tag == tagSession {
					there, err := v.get(at)
					if err != nil {
						return err
					}
					e.value = mergedRows(there, e.value)
				}
				v.writes[e.key] = nil
				v.writes[at.String()] = e.value
			}
			moved += len(devices)
		}
		return nil
	})
	switch {
	case err != nil && ctx.Err() != nil: // also sends migrate
		return err
	case err != nil:
		return k.life.unacknowledged(err)
	}
	if moved > 0 {
		k.log.Debugf("Moved %d sessions, identities and sender keys from a phone number to its LID", moved)
	}
	return nil
}
