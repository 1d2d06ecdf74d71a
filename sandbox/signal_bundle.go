package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/util/optional"
	waBinary "go.mau.fi/whatsmeow/binary"
)

// bundle is what one must have of a device to write to it for the first time.
type bundle struct {
	registrationID uint32
	identity       key
	signed         signedKey
	oneTime        *oneTimeKey // nil when the device has run out of them
}

type oneTimeKey struct {
	id     uint32
	public key
}

func (b bundle) signal(number uint8) *prekey.Bundle {
	id, public := optional.NewEmptyUint32(), ecc.ECPublicKeyable(nil)
	if b.oneTime != nil {
		id, public = optional.NewOptionalUint32(b.oneTime.id), ecc.NewDjbECPublicKey(b.oneTime.public)
	}
	return prekey.NewBundle(b.registrationID, uint32(number), id, b.signed.ID,
		public, ecc.NewDjbECPublicKey(b.signed.Public), [64]byte(b.signed.Signature),
		identity.NewKey(ecc.NewDjbECPublicKey(b.identity)))
}

// registration is the node that says which installation the keys belong to.
func (b bundle) registration() waBinary.Node {
	return leaf("registration", nil, binary.BigEndian.AppendUint32(nil, b.registrationID))
}

// keys are the nodes of the keys themselves.
func (b bundle) keys() []waBinary.Node {
	nodes := []waBinary.Node{
		leaf("type", nil, []byte{ecc.DjbType}),
		leaf("identity", nil, b.identity[:]),
		element("skey", nil,
			leaf("id", nil, keyIDBytes(b.signed.ID)),
			leaf("value", nil, b.signed.Public[:]),
			leaf("signature", nil, b.signed.Signature)),
	}
	if b.oneTime != nil {
		nodes = append(nodes, element("key", nil,
			leaf("id", nil, keyIDBytes(b.oneTime.id)),
			leaf("value", nil, b.oneTime.public[:])))
	}
	return nodes
}

func keyIDBytes(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id)[1:] }

// readBundle reads the keys that a companion puts into a retry receipt. They must
// be the companion's own.
func readBundle(receipt waBinary.Node, owner key) (bundle, error) {
	keys, _ := child(receipt, "keys")
	registration := content(receipt, "registration")
	if len(registration) != 4 {
		return bundle{}, errors.New("registration id is not 4 bytes")
	}
	if string(content(keys, "identity")) != string(owner[:]) {
		return bundle{}, errors.New("keys of another identity")
	}
	skey, _ := child(keys, "skey")
	signed, err := readSignedKey(owner, content(skey, "id"), content(skey, "value"), content(skey, "signature"))
	if err != nil {
		return bundle{}, err
	}
	b := bundle{registrationID: binary.BigEndian.Uint32(registration), identity: owner, signed: signed}
	if node, given := child(keys, "key"); given {
		one := &oneTimeKey{}
		if one.id, err = keyID(content(node, "id")); err != nil {
			return bundle{}, err
		}
		if one.public, err = keyFrom(content(node, "value")); err != nil {
			return bundle{}, fmt.Errorf("one-time key: %w", err)
		}
		b.oneTime = one
	}
	return b, nil
}
