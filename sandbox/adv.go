package sandbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waAdv"
	"google.golang.org/protobuf/proto"
)

// What a signature is about comes first in what is signed, so that the one cannot
// be passed off as the other.
var (
	accountSays = []byte{6, 0}
	deviceSays  = []byte{6, 1}
)

// vow is a phone's statement that a companion is its own, and the companion's to
// the phone: pairing is the exchange of the two.
type vow struct {
	details   []byte // the statement, as it was signed
	keyIndex  uint32
	account   key // the phone's identity
	companion key // the companion's identity
	sealed    []byte

	accountSignature []byte
}

// swear makes the phone's half. The code's secret seals it, so that the companion
// knows it comes from a phone that has seen the code and not from the server.
// What is flawed is signed or sealed over something else than what is sent.
func (p phone) swear(number uint8, code pairingCode, now time.Time, flawed flaws) (vow, error) {
	identity := keyPairOf(p.Identity)
	keyIndex := uint32(number)
	details, err := proto.Marshal(&waAdv.ADVDeviceIdentity{
		RawID:       &p.RawID,
		Timestamp:   proto.Uint64(uint64(now.Unix())),
		KeyIndex:    &keyIndex,
		AccountType: waAdv.ADVEncryptionType_E2EE.Enum(),
		DeviceType:  waAdv.ADVEncryptionType_E2EE.Enum(),
	})
	if err != nil {
		return vow{}, fmt.Errorf("encode device identity: %w", err)
	}
	says := accountSays
	if flawed.signature {
		says = deviceSays
	}
	signature := identity.sign(says, details, code.identity[:])
	signed, err := proto.Marshal(&waAdv.ADVSignedDeviceIdentity{
		Details:             details,
		AccountSignatureKey: identity.public[:],
		AccountSignature:    signature,
	})
	if err != nil {
		return vow{}, fmt.Errorf("encode signed device identity: %w", err)
	}
	mac := hmac.New(sha256.New, code.secret[:])
	mac.Write(signed)
	if flawed.hmac {
		mac.Write(signed)
	}
	sealed, err := proto.Marshal(&waAdv.ADVSignedDeviceIdentityHMAC{Details: signed, HMAC: mac.Sum(nil)})
	if err != nil {
		return vow{}, fmt.Errorf("encode sealed device identity: %w", err)
	}
	return vow{
		details:   details,
		keyIndex:  keyIndex,
		account:   identity.public,
		companion: code.identity,
		sealed:    sealed,

		accountSignature: signature,
	}, nil
}

// returned checks the companion's half. It returns an error wrapping
// [ErrBadSignature] when it is not what the companion had to sign.
func (v vow) returned(answer []byte) error {
	var signed waAdv.ADVSignedDeviceIdentity
	if err := proto.Unmarshal(answer, &signed); err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	if !bytes.Equal(signed.GetDetails(), v.details) {
		return fmt.Errorf("%w: it signed something else", ErrBadSignature)
	}
	if !v.companion.signed(signed.GetDeviceSignature(), deviceSays, v.details, v.companion[:], v.account[:]) {
		return fmt.Errorf("%w: not its key", ErrBadSignature)
	}
	return nil
}
