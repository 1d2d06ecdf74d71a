package devicestore

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func secretKey(shelf uint32, chat, sender types.JID, id types.MessageID) key {
	return newKey(tagMessageSecret).uint32(shelf).jid(chat.ToNonAD()).jid(sender.ToNonAD()).part(id)
}

// secret returns the stored secret of a message, nil if there is none.
func (v *view) secret(chat, sender types.JID, id types.MessageID) ([]byte, error) {
	for _, shelf := range onShelves(time.Now(), secretsKept) {
		stored, err := v.get(secretKey(shelf, chat, sender, id))
		if err != nil || stored != nil {
			return stored, err
		}
	}
	return nil, nil
}

// putSecret keeps the first secret of a message.
func (v *view) putSecret(chat, sender types.JID, id types.MessageID, secret []byte) error {
	stored, err := v.secret(chat, sender, id)
	if err != nil || stored != nil {
		return err
	}
	return v.put(secretKey(shelf(time.Now(), secretsKept), chat, sender, id), newValue().raw(secret))
}

// PutMessageSecret keeps the secret of a message, under the users of chat and
// sender whatever their devices, for 90 days. The first one stays. It is held
// together with the message that it came in; one that goes out is durable before
// the message is sent, because a send writes a session first.
func (k *keyring) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	return k.join(ctx, "put message secret", func(v *view) error {
		return v.putSecret(chat, sender, id, secret)
	})
}

// PutMessageSecrets keeps several secrets, with one Apply for each thousand.
func (k *keyring) PutMessageSecrets(ctx context.Context, inserts []store.MessageSecretInsert) error {
	return k.updateEach(ctx, "put message secrets", len(inserts), 1, func(v *view, i int) error {
		s := inserts[i]
		return v.putSecret(s.Chat, s.Sender, s.ID, s.Secret)
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
				stored, err := v.secret(c, s, id)
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
