package devicestore

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func contactKey(user types.JID) key { return newKey(tagContact).jid(user) }

func readContact(stored []byte) (types.ContactInfo, error) {
	r := read(stored)
	info := types.ContactInfo{
		Found:         true,
		FirstName:     string(r.bytes()),
		FullName:      string(r.bytes()),
		PushName:      string(r.bytes()),
		BusinessName:  string(r.bytes()),
		RedactedPhone: string(r.bytes()),
	}
	return info, r.done("contact")
}

func (v *view) contact(user types.JID) (types.ContactInfo, error) {
	stored, err := v.get(contactKey(user))
	if err != nil || stored == nil {
		return types.ContactInfo{}, err
	}
	return readContact(stored)
}

func (v *view) putContact(user types.JID, info types.ContactInfo) error {
	return v.put(contactKey(user), newValue().
		bytes([]byte(info.FirstName)).
		bytes([]byte(info.FullName)).
		bytes([]byte(info.PushName)).
		bytes([]byte(info.BusinessName)).
		bytes([]byte(info.RedactedPhone)))
}

// rename sets one name of a contact, the one that field points at.
func (k *keyring) rename(
	ctx context.Context, op string, user types.JID, name string, field func(*types.ContactInfo) *string,
) (changed bool, previous string, err error) {
	err = k.update(ctx, op, func(v *view) error {
		info, err := v.contact(user)
		if err != nil {
			return err
		}
		if at := field(&info); *at != name {
			changed, previous, *at = true, *at, name
			return v.putContact(user, info)
		}
		return nil
	})
	if err != nil {
		return false, "", err
	}
	return changed, previous, nil
}

// PutPushName sets the name that a user has chosen. It reports whether that is a
// change, and only then what the name was before.
func (k *keyring) PutPushName(ctx context.Context, user types.JID, pushName string) (bool, string, error) {
	return k.rename(ctx, "put push name", user, pushName, func(c *types.ContactInfo) *string { return &c.PushName })
}

// PutBusinessName is PutPushName for the verified name of a business.
func (k *keyring) PutBusinessName(ctx context.Context, user types.JID, businessName string) (bool, string, error) {
	return k.rename(ctx, "put business name", user, businessName, func(c *types.ContactInfo) *string { return &c.BusinessName })
}

// PutContactName sets the names from the phone's address book. The interface
// calls its arguments fullName, firstName; its one caller and its SQL
// implementation have them the other way round, as here (read in
// v0.0.0-20251217143725).
func (k *keyring) PutContactName(ctx context.Context, user types.JID, firstName, fullName string) error {
	return k.update(ctx, "put contact name", func(v *view) error {
		info, err := v.contact(user)
		if err != nil || (info.FirstName == firstName && info.FullName == fullName) {
			return err
		}
		info.FirstName, info.FullName = firstName, fullName
		return v.putContact(user, info)
	})
}

// PutAllContactNames sets the names of a whole address book with one Apply. Of
// several entries for one user the last one counts.
func (k *keyring) PutAllContactNames(ctx context.Context, contacts []store.ContactEntry) error {
	return k.update(ctx, "put contact names", func(v *view) error {
		for _, c := range contacts {
			info, err := v.contact(c.JID)
			if err != nil {
				return err
			}
			info.FirstName, info.FullName = c.FirstName, c.FullName
			if err := v.putContact(c.JID, info); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutManyRedactedPhones sets the masked phone numbers of users who are known by
// their LID only, with one Apply.
func (k *keyring) PutManyRedactedPhones(ctx context.Context, entries []store.RedactedPhoneEntry) error {
	return k.update(ctx, "put redacted phones", func(v *view) error {
		for _, e := range entries {
			info, err := v.contact(e.JID)
			if err != nil {
				return err
			}
			info.RedactedPhone = e.RedactedPhone
			if err := v.putContact(e.JID, info); err != nil {
				return err
			}
		}
		return nil
	})
}

// GetContact returns what is known of a user; Found is false if nothing is.
func (k *keyring) GetContact(ctx context.Context, user types.JID) (info types.ContactInfo, err error) {
	err = k.read(ctx, "get contact", func(v *view) error {
		info, err = v.contact(user)
		return err
	})
	return info, err
}

// GetAllContacts returns every user of whom something is known.
func (k *keyring) GetAllContacts(ctx context.Context) (map[types.JID]types.ContactInfo, error) {
	contacts := map[types.JID]types.ContactInfo{}
	err := k.read(ctx, "get contacts", func(v *view) error {
		return v.scan(newKey(tagContact), func(key string, stored []byte) error {
			jid, _, ok := cutJID(key[1:])
			if !ok {
				return fmt.Errorf("contact: %w", ErrCorrupt)
			}
			info, err := readContact(stored)
			contacts[jid] = info
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return contacts, nil
}
