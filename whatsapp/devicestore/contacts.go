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

func pushName(c *types.ContactInfo) *string     { return &c.PushName }
func businessName(c *types.ContactInfo) *string { return &c.BusinessName }

// rename sets one name of a contact, the one that field points at.
func (v *view) rename(
	user types.JID, name string, field func(*types.ContactInfo) *string,
) (changed bool, previous string, err error) {
	info, err := v.contact(user)
	if err != nil {
		return false, "", err
	}
	at := field(&info)
	if *at == name {
		return false, "", nil
	}
	previous, *at = *at, name
	return true, previous, v.putContact(user, info)
}

func (k *keyring) rename(
	ctx context.Context, op string, user types.JID, name string, field func(*types.ContactInfo) *string,
) (changed bool, previous string, err error) {
	err = k.update(ctx, op, func(v *view) error {
		changed, previous, err = v.rename(user, name, field)
		return err
	})
	if err != nil {
		return false, "", err
	}
	return changed, previous, nil
}

// PutPushName sets the name that a user has chosen. It reports whether that is a
// change, and only then what the name was before.
func (k *keyring) PutPushName(ctx context.Context, user types.JID, name string) (bool, string, error) {
	return k.rename(ctx, "put push name", user, name, pushName)
}

// PutBusinessName is PutPushName for the verified name of a business.
func (k *keyring) PutBusinessName(ctx context.Context, user types.JID, name string) (bool, string, error) {
	return k.rename(ctx, "put business name", user, name, businessName)
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

// PutAllContactNames sets the names of a whole address book, with one Apply for
// each thousand. Of several entries for one user the last one counts.
func (k *keyring) PutAllContactNames(ctx context.Context, contacts []store.ContactEntry) error {
	return k.updateEach(ctx, "put contact names", len(contacts), 1, func(v *view, i int) error {
		c := contacts[i]
		info, err := v.contact(c.JID)
		if err != nil {
			return err
		}
		info.FirstName, info.FullName = c.FirstName, c.FullName
		return v.putContact(c.JID, info)
	})
}

// PutManyRedactedPhones sets the masked phone numbers of users who are known by
// their LID only, with one Apply for each thousand.
func (k *keyring) PutManyRedactedPhones(ctx context.Context, entries []store.RedactedPhoneEntry) error {
	return k.updateEach(ctx, "put redacted phones", len(entries), 1, func(v *view, i int) error {
		info, err := v.contact(entries[i].JID)
		if err != nil {
			return err
		}
		info.RedactedPhone = entries[i].RedactedPhone
		return v.putContact(entries[i].JID, info)
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
