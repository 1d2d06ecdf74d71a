package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"google.golang.org/protobuf/proto"
)

// Companion is a companion that has never been paired and looks as if it had: what
// its device keeps, and the enrolment by which a network knows it. Keys are the
// private halves, 32 bytes each.
type Companion struct {
	JID string // by phone number, with the device number
	LID string // by hidden number, likewise

	RegistrationID        uint32
	NoiseKey              []byte
	IdentityKey           []byte
	SignedPreKeyID        uint32
	SignedPreKey          []byte
	SignedPreKeySignature []byte // 64 bytes
	AdvSecret             []byte
	Account               []byte // ADVSignedDeviceIdentity, marshalled, with both signatures
	AccountIdentity       []byte // public: the Signal identity of the phone, device 0
	Platform              string

	Enrolment Enrolment
}

// claimedPreKeys is how many prekeys a made companion claims to have uploaded:
// enough that no client thinks of uploading more.
const claimedPreKeys = 812

// enrolledPhoneSeed makes the identity of the phone of a made companion, so that
// companions made one by one have the same phone. It is no more secret than the
// certificate root.
const enrolledPhoneSeed = "switchhook sandbox phone 1 "

// NewCompanion makes a companion: the device number of a phone, out of nothing.
// All of its keys are fresh, but the phone's follow from its number. It is a
// stranger to every network until it is enrolled there, and cannot be where
// the phone exists already with another identity. The error is ErrBadPhone or
// wraps ErrBadEnrolment. It takes about half a millisecond.
func NewCompanion(digits string, number int) (Companion, error) {
	switch {
	case !validPhone(digits):
		return Companion{}, ErrBadPhone
	case number < 1 || number > maxDeviceNumber:
		return Companion{}, fmt.Errorf("%w: device number %d is not 1 to %d", ErrBadEnrolment, number, maxDeviceNumber)
	}
	id := deviceID{Phone: digits, Number: uint8(number)}
	p := enrolledPhone(digits)
	noise, identity, signed := newKeyPair(), newKeyPair(), newKeyPair()
	var random [4 + 32]byte
	rand.Read(random[:])
	registrationID := binary.BigEndian.Uint32(random[:4]) & 0x3fff
	signature := identity.sign([]byte{ecc.DjbType}, signed.public[:])
	account, err := p.account(id.Number, identity, time.Now())
	if err != nil {
		return Companion{}, err
	}
	phoneIdentity := keyPairOf(p.Identity).public
	return Companion{
		JID:                   id.jid().String(),
		LID:                   (&device{ID: id, LID: p.LID}).lidJID().String(),
		RegistrationID:        registrationID,
		NoiseKey:              noise.private[:],
		IdentityKey:           identity.private[:],
		SignedPreKeyID:        1,
		SignedPreKey:          signed.private[:],
		SignedPreKeySignature: signature,
		AdvSecret:             random[4:],
		Account:               account,
		AccountIdentity:       phoneIdentity[:],
		Platform:              "android",
		Enrolment: Enrolment{
			Phone: digits, LID: p.LID, Number: number, PhoneIdentity: p.Identity[:],
			RegistrationID: registrationID, Noise: noise.public[:], Identity: identity.public[:],
			SignedPreKeyID: 1, SignedPreKey: signed.public[:], SignedPreKeySignature: signature,
			PreKeys: claimedPreKeys,
		},
	}, nil
}

// enrolledPhone is the phone that made companions of that number have.
func enrolledPhone(digits string) phone {
	sum := sha256.Sum256([]byte(enrolledPhoneSeed + digits))
	return phone{
		Digits:     digits,
		LID:        lidOf(digits, 0),
		Identity:   sum,
		RawID:      binary.BigEndian.Uint32(sum[:4]),
		NextDevice: 1,
	}
}

// account is what pairing leaves with a companion: the phone's vow and its own.
func (p phone) account(number uint8, companion keyPair, now time.Time) ([]byte, error) {
	v, err := p.swear(number, pairingCode{identity: companion.public}, now, flaws{})
	if err != nil {
		return nil, err
	}
	account, err := proto.Marshal(&waAdv.ADVSignedDeviceIdentity{
		Details:             v.details,
		AccountSignatureKey: v.account[:],
		AccountSignature:    v.accountSignature,
		DeviceSignature:     companion.sign(deviceSays, v.details, companion.public[:], v.account[:]),
	})
	if err != nil {
		return nil, fmt.Errorf("encode account: %w", err)
	}
	return account, nil
}
