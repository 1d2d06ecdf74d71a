package sandbox

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/logger"
)

// key is a Curve25519 key, public or private. It prints as a placeholder, so
// that none reaches a log by accident, and marshals as base64.
type key [32]byte

// String hides the key.
func (key) String() string { return "[key]" }

// MarshalText writes the key in base64.
func (k key) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, k[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *key) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	*k, err = keyFrom(raw)
	return err
}

// keyFrom copies 32 bytes into a key, and refuses any other number of them.
func keyFrom(raw []byte) (key, error) {
	if len(raw) != len(key{}) {
		return key{}, fmt.Errorf("key of %d bytes, not 32", len(raw))
	}
	return key(raw), nil
}

// keyPair is a Curve25519 key pair. It agrees on secrets (X25519) and signs
// (XEdDSA, which is how Signal makes one pair do both).
type keyPair struct {
	private, public key

	agrees *ecdh.PrivateKey // the same, kept because making one costs as much as agreeing
}

// newKeyPair makes a fresh key pair.
func newKeyPair() keyPair {
	var private key
	rand.Read(private[:])
	return keyPairOf(private)
}

// keyPairOf returns the pair that belongs to a private key.
func keyPairOf(private key) keyPair {
	k, err := ecdh.X25519().NewPrivateKey(private[:])
	if err != nil {
		panic(err) // any 32 bytes are a private key
	}
	return keyPair{private: private, public: key(k.PublicKey().Bytes()), agrees: k}
}

// secretWith returns the X25519 secret shared with the owner of a public key. It
// refuses the points of low order, with which there is no secret.
func (p keyPair) secretWith(public key) ([]byte, error) {
	theirs, err := ecdh.X25519().NewPublicKey(public[:])
	if err != nil {
		return nil, err
	}
	return p.agrees.ECDH(theirs)
}

// sign returns a 64 byte signature of the parts, written one after another.
func (p keyPair) sign(parts ...[]byte) []byte {
	signature := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(p.private), joined(parts))
	return signature[:]
}

// signed says whether the owner of a public key has signed the parts.
func (k key) signed(signature []byte, parts ...[]byte) bool {
	if len(signature) != 64 {
		return false
	}
	return ecc.VerifySignature(ecc.NewDjbECPublicKey(k), joined(parts), [64]byte(signature))
}

func joined(parts [][]byte) []byte {
	var whole []byte
	for _, part := range parts {
		whole = append(whole, part...)
	}
	return whole
}

// libsignal makes its default logger at the first signature, without a lock, so
// two first signatures race (v0.2.1). That logger also prints to standard output.
// Both end here, before any goroutine runs, unless somebody set a logger already.
func init() { //nolint:gochecknoinits // later would be too late
	if logger.Logger == nil {
		var quiet logger.Loggable = noLog{}
		logger.Setup(&quiet)
	}
}

// noLog is a libsignal logger that says nothing.
type noLog struct{}

func (noLog) Debug(string, string)   {}
func (noLog) Info(string, string)    {}
func (noLog) Warning(string, string) {}
func (noLog) Error(string, string)   {}
func (noLog) Configure(string)       {}
