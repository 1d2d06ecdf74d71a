package devicestore

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func tokenKey(user types.JID) key { return newKey(tagPrivacyToken).jid(user.ToNonAD()) }

// token returns the privacy token stored under exactly this user, nil if there is
// none.
func (v *view) token(user types.JID) (*store.PrivacyToken, error) {
	stored, err := v.get(tokenKey(user))
	if err != nil || stored == nil {
		return nil, err
	}
	r := read(stored)
	token := &store.PrivacyToken{User: user.ToNonAD(), Timestamp: time.Unix(r.int(), 0)}
	token.Token = r.raw()
	return token, r.done("privacy token")
}

// PutPrivacyTokens keeps each user's token unless a newer one is known, with one
// Apply for each thousand. Timestamps count in seconds.
func (k *keyring) PutPrivacyTokens(ctx context.Context, tokens ...store.PrivacyToken) error {
	return k.updateEach(ctx, "put privacy tokens", len(tokens), 1, func(v *view, i int) error {
		t := tokens[i]
		known, err := v.token(t.User)
		if err != nil || (known != nil && known.Timestamp.Unix() > t.Timestamp.Unix()) {
			return err
		}
		return v.put(tokenKey(t.User), newValue().int(t.Timestamp.Unix()).raw(t.Token))
	})
}

// GetPrivacyToken returns the newest token of a user, whether it was put under
// the phone number or the LID; nil if there is none. User is the one asked for.
func (k *keyring) GetPrivacyToken(ctx context.Context, user types.JID) (newest *store.PrivacyToken, err error) {
	err = k.read(ctx, "get privacy token", func(v *view) error {
		spellings, err := v.spellings(user)
		if err != nil {
			return err
		}
		for _, jid := range spellings {
			token, err := v.token(jid)
			if err != nil {
				return err
			}
			if token != nil && (newest == nil || token.Timestamp.After(newest.Timestamp)) {
				newest = token
			}
		}
		return nil
	})
	if err != nil || newest == nil {
		return nil, err
	}
	newest.User = user.ToNonAD()
	return newest, nil
}
