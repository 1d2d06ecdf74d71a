package sandbox

import (
	"context"
	"errors"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/state/record"
)

var signalFormat = serialize.NewProtoBufSerializer()

var errUnused = errors.New("not used by a phone")

// signalStore is what libsignal sees of a phone during one encryption or
// decryption with one companion. It works on copies, because libsignal moves a
// ratchet before it knows whether a message is genuine; the party takes over what
// has changed when all went well.
type signalStore struct {
	party   *party
	remote  deviceID
	trusted key // the companion's identity

	session []byte // nil: none yet
	used    []uint32
}

func (s *signalStore) address() *protocol.SignalAddress {
	return protocol.NewSignalAddress(s.remote.Phone, uint32(s.remote.Number))
}

// GetIdentityKeyPair implements libsignal's store.
func (s *signalStore) GetIdentityKeyPair() *identity.KeyPair {
	pair := s.party.identity
	return identity.NewKeyPair(identity.NewKey(ecc.NewDjbECPublicKey(pair.public)), ecc.NewDjbECPrivateKey(pair.private))
}

// GetLocalRegistrationID implements libsignal's store.
func (s *signalStore) GetLocalRegistrationID() uint32 { return s.party.keys.RegistrationID }

// SaveIdentity implements libsignal's store. The ledger knows every companion's
// identity already.
func (s *signalStore) SaveIdentity(context.Context, *protocol.SignalAddress, *identity.Key) error {
	return nil
}

// IsTrustedIdentity implements libsignal's store.
func (s *signalStore) IsTrustedIdentity(_ context.Context, _ *protocol.SignalAddress, k *identity.Key) (bool, error) {
	return k.PublicKey().PublicKey() == s.trusted, nil
}

// LoadSession implements libsignal's store.
func (s *signalStore) LoadSession(context.Context, *protocol.SignalAddress) (*record.Session, error) {
	if s.session == nil {
		return record.NewSession(signalFormat.Session, signalFormat.State), nil
	}
	return record.NewSessionFromBytes(s.session, signalFormat.Session, signalFormat.State)
}

// StoreSession implements libsignal's store.
func (s *signalStore) StoreSession(_ context.Context, _ *protocol.SignalAddress, r *record.Session) error {
	s.session = r.Serialize()
	return nil
}

// ContainsSession implements libsignal's store.
func (s *signalStore) ContainsSession(context.Context, *protocol.SignalAddress) (bool, error) {
	return s.session != nil, nil
}

// GetSubDeviceSessions implements libsignal's store.
func (s *signalStore) GetSubDeviceSessions(context.Context, string) ([]uint32, error) {
	return nil, errUnused
}

// DeleteSession implements libsignal's store.
func (s *signalStore) DeleteSession(context.Context, *protocol.SignalAddress) error { return errUnused }

// DeleteAllSessions implements libsignal's store.
func (s *signalStore) DeleteAllSessions(context.Context) error { return errUnused }

// LoadPreKey implements libsignal's store.
func (s *signalStore) LoadPreKey(_ context.Context, id uint32) (*record.PreKey, error) {
	private, known := s.party.oneTime[id]
	if !known {
		return nil, nil
	}
	return record.NewPreKey(id, keyPairOf(private).signal(), nil), nil
}

// RemovePreKey implements libsignal's store.
func (s *signalStore) RemovePreKey(_ context.Context, id uint32) error {
	s.used = append(s.used, id)
	return nil
}

// StorePreKey implements libsignal's store.
func (s *signalStore) StorePreKey(context.Context, uint32, *record.PreKey) error { return errUnused }

// ContainsPreKey implements libsignal's store.
func (s *signalStore) ContainsPreKey(context.Context, uint32) (bool, error) { return false, errUnused }

// LoadSignedPreKey implements libsignal's store.
func (s *signalStore) LoadSignedPreKey(_ context.Context, id uint32) (*record.SignedPreKey, error) {
	k := s.party.keys
	if id != k.SignedID || len(k.Signature) != 64 {
		return nil, nil
	}
	return record.NewSignedPreKey(id, 0, keyPairOf(k.Signed).signal(), [64]byte(k.Signature), nil), nil
}

// LoadSignedPreKeys implements libsignal's store.
func (s *signalStore) LoadSignedPreKeys(context.Context) ([]*record.SignedPreKey, error) {
	return nil, errUnused
}

// StoreSignedPreKey implements libsignal's store.
func (s *signalStore) StoreSignedPreKey(context.Context, uint32, *record.SignedPreKey) error {
	return errUnused
}

// ContainsSignedPreKey implements libsignal's store.
func (s *signalStore) ContainsSignedPreKey(context.Context, uint32) (bool, error) {
	return false, errUnused
}

// RemoveSignedPreKey implements libsignal's store.
func (s *signalStore) RemoveSignedPreKey(context.Context, uint32) error { return errUnused }

// signal is the pair as libsignal has it.
func (p keyPair) signal() *ecc.ECKeyPair {
	return ecc.NewECKeyPair(ecc.NewDjbECPublicKey(p.public), ecc.NewDjbECPrivateKey(p.private))
}
