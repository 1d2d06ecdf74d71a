package devicestore

import (
	"context"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// errNotAPair: the JIDs of a mapping are not a LID and a phone number.
var errNotAPair = errors.New("not a LID and a phone number")

func pnKey(lid string) key     { return newKey(tagPNByLID).part(lid) }
func lidKey(pn string) key     { return newKey(tagLIDByPN).part(pn) }
func isPN(jid types.JID) bool  { return jid.Server == types.DefaultUserServer }
func isLID(jid types.JID) bool { return jid.Server == types.HiddenUserServer }

// user returns the other half of a mapping, "" if there is none.
func (v *view) user(at key) (string, error) {
	stored, err := v.get(at)
	if err != nil || stored == nil {
		return "", err
	}
	r := read(stored)
	user := string(r.raw())
	return user, r.done("LID mapping")
}

// pair maps a LID and a phone number to each other and drops what either was
// mapped to before.
func (v *view) pair(lid, pn string) error {
	oldPN, err := v.user(pnKey(lid))
	if err != nil {
		return err
	}
	oldLID, err := v.user(lidKey(pn))
	if err != nil {
		return err
	}
	if oldPN != "" && oldPN != pn {
		if err := v.remove(lidKey(oldPN)); err != nil {
			return err
		}
	}
	if oldLID != "" && oldLID != lid {
		if err := v.remove(pnKey(oldLID)); err != nil {
			return err
		}
	}
	if err := v.put(pnKey(lid), newValue().raw([]byte(pn))); err != nil {
		return err
	}
	return v.put(lidKey(pn), newValue().raw([]byte(lid)))
}

// alternative returns the same user's JID of the other kind, without agent and
// with the device; empty if it is not known or jid is of neither kind.
func (v *view) alternative(jid types.JID) (types.JID, error) {
	var at key
	var server string
	switch {
	case isPN(jid):
		at, server = lidKey(jid.User), types.HiddenUserServer
	case isLID(jid):
		at, server = pnKey(jid.User), types.DefaultUserServer
	default:
		return types.EmptyJID, nil
	}
	user, err := v.user(at)
	if err != nil || user == "" {
		return types.EmptyJID, err
	}
	return types.JID{User: user, Device: jid.Device, Server: server}, nil
}

// PutLIDMapping maps a LID and a phone number to each other, whatever their
// devices. A mapping that is known costs nothing.
func (k *keyring) PutLIDMapping(ctx context.Context, lid, pn types.JID) error {
	return k.update(ctx, "put LID mapping", func(v *view) error {
		if !isLID(lid) || !isPN(pn) {
			return errNotAPair
		}
		return v.pair(lid.User, pn.User)
	})
}

// PutManyLIDMappings puts several mappings, with one Apply for a thousand writes
// at most; pairs that are not a LID and a phone number are left out.
func (k *keyring) PutManyLIDMappings(ctx context.Context, mappings []store.LIDMapping) error {
	return k.updateEach(ctx, "put LID mappings", len(mappings), 4, func(v *view, i int) error {
		m := mappings[i]
		if !isLID(m.LID) || !isPN(m.PN) {
			return nil
		}
		return v.pair(m.LID.User, m.PN.User)
	})
}

// GetPNForLID returns the phone number JID of a LID, with its device; empty if it
// is not known.
func (k *keyring) GetPNForLID(ctx context.Context, lid types.JID) (types.JID, error) {
	if !isLID(lid) {
		return types.EmptyJID, fmt.Errorf("get phone number: %w", errNotAPair)
	}
	return k.alternative(ctx, lid)
}

// GetLIDForPN returns the LID of a phone number JID, with its device; empty if it
// is not known. An error of the backend ends the connection, as with
// MigratePNToLID.
func (k *keyring) GetLIDForPN(ctx context.Context, pn types.JID) (types.JID, error) {
	if !isPN(pn) {
		return types.EmptyJID, fmt.Errorf("get LID: %w", errNotAPair)
	}
	lid, err := k.alternative(ctx, pn)
	return lid, k.life.unacknowledged(err)
}

func (k *keyring) alternative(ctx context.Context, jid types.JID) (out types.JID, err error) {
	err = k.read(ctx, "get LID mapping", func(v *view) error {
		out, err = v.alternative(jid)
		return err
	})
	return out, err
}

// GetManyLIDsForPNs returns the LIDs that are known, by the phone number JID that
// was asked for and with its device.
func (k *keyring) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	if len(pns) == 0 {
		return nil, nil
	}
	lids := make(map[types.JID]types.JID, len(pns))
	err := k.read(ctx, "get LID mappings", func(v *view) error {
		for _, pn := range pns {
			if !isPN(pn) {
				continue
			}
			lid, err := v.alternative(pn)
			if err != nil {
				return err
			}
			if !lid.IsEmpty() {
				lids[pn] = lid
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lids, nil
}
