package devicestore

import "context"

// PutIdentity remembers the identity key of a Signal address. The key it has
// already costs nothing; whatsmeow puts it for every message.
func (k *keyring) PutIdentity(ctx context.Context, address string, identity [32]byte) error {
	return k.update(ctx, "put identity", func(v *view) error {
		return v.put(newKey(tagIdentity).address(address), newValue().raw(identity[:]))
	})
}

// DeleteIdentity forgets the identity key of one address.
func (k *keyring) DeleteIdentity(ctx context.Context, address string) error {
	return k.update(ctx, "delete identity", func(v *view) error {
		return v.remove(newKey(tagIdentity).address(address))
	})
}

// DeleteAllIdentities forgets the identity keys of every address phone:device.
func (k *keyring) DeleteAllIdentities(ctx context.Context, phone string) error {
	return k.update(ctx, "delete identities", func(v *view) error {
		return v.removeDevices(tagIdentity, phone)
	})
}

// IsTrustedIdentity reports whether the address has this identity key, or none
// yet: the first one is trusted.
func (k *keyring) IsTrustedIdentity(ctx context.Context, address string, identity [32]byte) (bool, error) {
	trusted := true
	err := k.read(ctx, "check identity", func(v *view) error {
		stored, err := v.get(newKey(tagIdentity).address(address))
		if err != nil || stored == nil {
			return err
		}
		r := read(stored)
		known := r.take(32)
		trusted = string(known) == string(identity[:])
		return r.done("identity")
	})
	return trusted && err == nil, err
}

// devices lists what is stored under tag for the addresses user:device, one
// entry for each device (for sender keys: and group).
func (v *view) devices(tag byte, user string) ([]entry, error) {
	prefix := newKey(tag).part(user)
	all, err := v.list(prefix)
	if err != nil {
		return nil, err
	}
	devices := all[:0]
	for _, e := range all {
		if rest, _, ok := cutPart(e.key[len(prefix):]); ok && rest != "" {
			devices = append(devices, e)
		}
	}
	return devices, nil
}

// removeDevices deletes what is stored under tag for the addresses user:device.
func (v *view) removeDevices(tag byte, user string) error {
	devices, err := v.devices(tag, user)
	for _, e := range devices {
		v.writes[e.key] = nil
	}
	return err
}
