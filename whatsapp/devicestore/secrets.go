package devicestore

import (
	"context"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func secretKey(chat, sender types.JID, id types.MessageID) key {
	return newKey(tagMessageSecret).jid(chat.ToNonAD()).jid(sender.ToNonAD()).part(id)
}

// putSecret keeps the first secret of a message.
func (v *view) putSecret(chat, sender types.JID, id types.MessageID, secret []byte) error {
	at := secretKey(chat, sender, id)
	stored, err := v.get(at)
	if err != nil || stored != nil {
		return err
	}
	return v.put(at, newValue().raw(secret))
}

// PutMessageSecret keeps the secret of a message, under the users of chat and
// sender whatever their devices. The first one stays.
func (k *keyring) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	return k.update(ctx, "put message secret", func(v *view) error {
		return v.putSecret(chat, sender, id, secret)
	})
}

// PutMessageSecrets keeps several secrets with one Apply.
func (k *keyring) PutMessageSecrets(ctx context.Context, inserts []store.MessageSecretInsert) error {
	return k.update(ctx, "put message secrets", func(v *view) error {
		for _, s := range inserts {
			if err := v.putSecret(s.Chat, s.Sender, s.ID, s.Secret); err != nil {
				return err
			}
		}
		return nil
	})
}

// GetMessageSecret returns the secret of a message and the sender it was put
// under, nil if there is none. Chat and sender may each be given as phone number
// or LID, whichever the secret was put under; as given is tried first.
func (k *keyring) GetMessageSecret(
	ctx context.Context, chat, sender types.JID, id types.MessageID,
) (secret []byte, realSender types.JID, err error) {
	err = k.read(ctx, "get message secret", func(v *view) error {
		chats, err := v.spellings(chat)
		if err != nil {
			return err
		}
		senders, err := v.spellings(sender)
		if err != nil {
			return err
		}
		for _, c := range chats {
			for _, s := range senders {
				stored, err := v.get(secretKey(c, s, id))
				if err != nil {
					return err
				}
				if stored != nil {
					r := read(stored)
					secret, realSender = r.raw(), s
					return r.done("message secret")
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, types.EmptyJID, err
	}
	return secret, realSender, nil
}

// spellings returns the JIDs a user may be stored under, without device: as
// given, and the other of phone number and LID if it is known.
func (v *view) spellings(jid types.JID) ([]types.JID, error) {
	jid = jid.ToNonAD()
	other, err := v.alternative(jid)
	if err != nil {
		return nil, err
	}
	if other.IsEmpty() {
		return []types.JID{jid}, nil
	}
	return []types.JID{jid, other}, nil
}
