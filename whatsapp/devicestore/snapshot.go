package devicestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/record"
)

var (
	// ErrNoJID means a device or session without a JID: never paired, or logged out.
	ErrNoJID = errors.New("device has no JID")
	// ErrIncomplete means a device or session that lacks key material or the
	// account's signature, or has some of the wrong length.
	ErrIncomplete = errors.New("device is incomplete")
)

// SessionFrom takes the identity-level snapshot of a paired device. It shares no
// memory with it. [Container.Load] is the inverse.
func SessionFrom(d *store.Device, id string, at time.Time) (*record.Session, error) {
	if d == nil {
		return nil, fmt.Errorf("%w: nil", ErrIncomplete)
	}
	jid := d.ID // read once: a concurrent Delete sets it to nil
	switch {
	case jid == nil || jid.User == "":
		return nil, ErrNoJID
	case !whole(d.NoiseKey):
		return nil, fmt.Errorf("%w: no noise key", ErrIncomplete)
	case !whole(d.IdentityKey):
		return nil, fmt.Errorf("%w: no identity key", ErrIncomplete)
	case d.SignedPreKey == nil || !whole(&d.SignedPreKey.KeyPair) || d.SignedPreKey.Signature == nil:
		return nil, fmt.Errorf("%w: no signed prekey", ErrIncomplete)
	case d.Account == nil:
		return nil, fmt.Errorf("%w: no account signature", ErrIncomplete)
	}
	account, err := proto.MarshalOptions{Deterministic: true}.Marshal(d.Account)
	if err != nil {
		return nil, fmt.Errorf("marshal account: %w", err)
	}
	s := &record.Session{
		ID:             id,
		SavedAt:        at,
		JID:            jid.String(),
		Platform:       d.Platform,
		BusinessName:   d.BusinessName,
		PushName:       d.PushName,
		RegistrationID: d.RegistrationID,
		NoiseKey:       bytes.Clone(d.NoiseKey.Priv[:]),
		IdentityKey:    bytes.Clone(d.IdentityKey.Priv[:]),
		SignedPreKeyID: d.SignedPreKey.KeyID,
		SignedPreKey:   bytes.Clone(d.SignedPreKey.Priv[:]),
		SignedPreSig:   bytes.Clone(d.SignedPreKey.Signature[:]),
		AdvSecret:      bytes.Clone(d.AdvSecretKey),
		Account:        account,
		LIDMigratedAt:  d.LIDMigrationTimestamp,
		PublicKeys:     slices.Concat(d.NoiseKey.Pub[:], d.IdentityKey.Pub[:], d.SignedPreKey.Pub[:]),
	}
	if !d.LID.IsEmpty() {
		s.LID = d.LID.String()
	}
	if d.FacebookUUID != uuid.Nil {
		s.FacebookUUID = bytes.Clone(d.FacebookUUID[:])
	}
	return s, nil
}

func whole(pair *keys.KeyPair) bool { return pair != nil && pair.Pub != nil && pair.Priv != nil }

// deviceFrom is the inverse of [SessionFrom]; the stores are left empty.
func deviceFrom(s *record.Session) (*store.Device, error) {
	if s == nil || s.JID == "" {
		return nil, ErrNoJID
	}
	jid, err := types.ParseJID(s.JID)
	if err != nil || jid.User == "" {
		return nil, ErrNoJID // the parser's error holds the number
	}
	var lid types.JID
	if s.LID != "" {
		if lid, err = types.ParseJID(s.LID); err != nil {
			return nil, fmt.Errorf("%w: unreadable LID", ErrIncomplete)
		}
	}
	switch {
	case s.ID == "":
		return nil, fmt.Errorf("%w: no id", ErrIncomplete)
	case len(s.NoiseKey) != 32 || len(s.IdentityKey) != 32 || len(s.SignedPreKey) != 32:
		return nil, fmt.Errorf("%w: a private key is not 32 bytes", ErrIncomplete)
	case len(s.SignedPreSig) != 64:
		return nil, fmt.Errorf("%w: a signature is not 64 bytes", ErrIncomplete)
	case len(s.Account) == 0:
		return nil, fmt.Errorf("%w: no account signature", ErrIncomplete)
	}
	account := &waAdv.ADVSignedDeviceIdentity{}
	if err := proto.Unmarshal(s.Account, account); err != nil {
		return nil, fmt.Errorf("%w: unmarshal account: %w", ErrIncomplete, err)
	}
	d := &store.Device{
		NoiseKey:    keyPair(s.NoiseKey, s.PublicKeys, 0),
		IdentityKey: keyPair(s.IdentityKey, s.PublicKeys, 1),
		SignedPreKey: &keys.PreKey{
			KeyPair:   *keyPair(s.SignedPreKey, s.PublicKeys, 2),
			KeyID:     s.SignedPreKeyID,
			Signature: (*[64]byte)(bytes.Clone(s.SignedPreSig)),
		},
		RegistrationID:        s.RegistrationID,
		AdvSecretKey:          bytes.Clone(s.AdvSecret),
		ID:                    &jid,
		LID:                   lid,
		Account:               account,
		Platform:              s.Platform,
		BusinessName:          s.BusinessName,
		PushName:              s.PushName,
		LIDMigrationTimestamp: s.LIDMigratedAt,
	}
	if len(s.FacebookUUID) > 0 {
		if d.FacebookUUID, err = uuid.FromBytes(s.FacebookUUID); err != nil {
			return nil, fmt.Errorf("%w: unreadable UUID", ErrIncomplete)
		}
	}
	return d, nil
}

// fingerprint tells snapshots apart, whenever they were taken.
func fingerprint(s *record.Session) ([sha256.Size]byte, error) {
	timeless := *s
	timeless.SavedAt = time.Time{}
	raw, err := json.Marshal(timeless)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("encode session: %w", err)
	}
	return sha256.Sum256(raw), nil
}

// keyPair makes the nth pair of a session, of its public key if that is there.
func keyPair(private, public []byte, n int) *keys.KeyPair {
	if len(public) != 3*32 {
		return keys.NewKeyPairFromPrivateKey([32]byte(private))
	}
	pub, priv := [32]byte(public[n*32:]), [32]byte(private)
	return &keys.KeyPair{Pub: &pub, Priv: &priv}
}
