package sandbox

import (
	"crypto/sha256"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waCert"
	"google.golang.org/protobuf/proto"
)

// rootSeed makes the root key pair. It is published on purpose: a daemon can be
// told to trust the sandbox before any sandbox has run.
const rootSeed = "switchhook sandbox certificate root 1"

// The serials of the chain. 0 is what whatsmeow expects of the root
// (WACertIssuerSerial); the other is ours to choose.
const (
	rootSerial         = 0
	intermediateSerial = 1
)

func rootPair() keyPair { return keyPairOf(sha256.Sum256([]byte(rootSeed))) }

// RootKey is the public key of the sandbox's certificate root, the same in every
// sandbox ever built. A whatsmeow client connects after its package variable
// WACertPubKey has been set to it, once, before the first connection.
//
// The private half is no secret, so a client that trusts this key can be fooled
// by anybody. Never set it in a process that also talks to WhatsApp.
func RootKey() [32]byte { return rootPair().public }

// serverKeys are the keys of one network. They are made with the state file and
// live as long as it does; clients refuse a server whose keys have changed.
type serverKeys struct {
	intermediate keyPair // signed by the root
	static       keyPair // signed by the intermediate, and used in the handshake
	ref          key     // signs the refs in codes, see refs.go
}

func newServerKeys() serverKeys {
	return serverKeys{intermediate: newKeyPair(), static: newKeyPair(), ref: newKeyPair().private}
}

// certificates returns the chain from a root to the static key, as it goes into
// the handshake. Its certificates name no period: whatsmeow looks at none.
func (s serverKeys) certificates(root keyPair) ([]byte, error) {
	intermediate, err := certify(root, rootSerial, s.intermediate.public, intermediateSerial)
	if err != nil {
		return nil, err
	}
	leaf, err := certify(s.intermediate, intermediateSerial, s.static.public, intermediateSerial+1)
	if err != nil {
		return nil, err
	}
	chain, err := proto.Marshal(&waCert.CertChain{Intermediate: intermediate, Leaf: leaf})
	if err != nil {
		return nil, fmt.Errorf("encode certificates: %w", err)
	}
	return chain, nil
}

// certify makes the certificate by which an issuer vouches for a public key.
func certify(issuer keyPair, issuerSerial uint32, subject key, serial uint32) (*waCert.CertChain_NoiseCertificate, error) {
	details, err := proto.Marshal(&waCert.CertChain_NoiseCertificate_Details{
		Serial:       &serial,
		IssuerSerial: &issuerSerial,
		Key:          subject[:],
	})
	if err != nil {
		return nil, fmt.Errorf("encode certificate: %w", err)
	}
	return &waCert.CertChain_NoiseCertificate{Details: details, Signature: issuer.sign(details)}, nil
}
