package devicestore

import "context"

func senderKeyKey(group, address string) key {
	return newKey(tagSenderKey).address(address).part(group)
}

// PutSenderKey stores the sender key of a Signal address in a group. Outside a
// transaction it answers [ErrConflict] if the key has changed since it was read.
// Another's key is held together with the message that it came in; one's own is
// about to be used for sending.
func (k *keyring) PutSenderKey(ctx context.Context, group, user string, record []byte) error {
	put := k.join
	if name, _ := cutAddress(user); k.own.Load().is(name) {
		put = k.update
	}
	return put(ctx, "put sender key", func(v *view) error {
		return v.writeRatchet(senderKeyKey(group, user), record)
	})
}

// GetSenderKey returns the sender key of a Signal address in a group, nil if
// there is none.
func (k *keyring) GetSenderKey(ctx context.Context, group, user string) (record []byte, err error) {
	err = k.read(ctx, "get sender key", func(v *view) error {
		record, err = v.readRatchet(senderKeyKey(group, user))
		return err
	})
	return record, err
}
