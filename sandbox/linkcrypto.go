package sandbox

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// typedCode is what a person types to link a companion: eight characters.
type typedCode string

// typedAlphabet are the characters of a typed code. Those that look alike are not
// among them.
const typedAlphabet = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"

const (
	typedLength = 8
	maxTyped    = 64 // bytes of what is looked at
)

// parseTyped reads a code as a person types it: in either case, with hyphens and
// spaces anywhere. It returns an error wrapping [ErrBadCode] that does not repeat
// the code.
func parseTyped(typed string) (typedCode, error) {
	if len(typed) > maxTyped {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrBadCode, maxTyped)
	}
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
	if len(code) != typedLength {
		return "", fmt.Errorf("%w: not %d characters", ErrBadCode, typedLength)
	}
	for _, c := range []byte(code) {
		if strings.IndexByte(typedAlphabet, c) < 0 {
			return "", fmt.Errorf("%w: a character that codes do not have", ErrBadCode)
		}
	}
	return typedCode(code), nil
}

// The parts of a wrapped key: salt, initial vector, and the key under the code.
const (
	wrapSalt    = 32
	wrapVector  = aes.BlockSize
	wrappedSize = wrapSalt + wrapVector + len(key{})
	wrapRounds  = 2 << 16
)

// wrappedKey is an ephemeral public key under a typed code. Nothing in it says
// whether a code is the right one: the wrong one unwraps another key.
type wrappedKey [wrappedSize]byte

// crypt wraps or unwraps, which is the same.
func (c typedCode) crypt(salt, from []byte, in key) (out key, err error) {
	codeKey, err := pbkdf2.Key(sha256.New, string(c), salt, wrapRounds, 32)
	if err != nil {
		return key{}, fmt.Errorf("derive key of code: %w", err)
	}
	block, err := aes.NewCipher(codeKey)
	if err != nil {
		return key{}, fmt.Errorf("derive key of code: %w", err)
	}
	// A copy, because gosec's G407 follows the slice to all its callers' callers and
	// does not come back.
	var vector [wrapVector]byte
	copy(vector[:], from)
	cipher.NewCTR(block, vector[:]).XORKeyStream(out[:], in[:])
	return out, nil
}

func (c typedCode) wrap(public key) (w wrappedKey, err error) {
	rand.Read(w[:wrapSalt+wrapVector])
	hidden, err := c.crypt(w[:wrapSalt], w[wrapSalt:wrapSalt+wrapVector], public)
	copy(w[wrapSalt+wrapVector:], hidden[:])
	return w, err
}

func (c typedCode) unwrap(w wrappedKey) (key, error) {
	return c.crypt(w[:wrapSalt], w[wrapSalt:wrapSalt+wrapVector], key(w[wrapSalt+wrapVector:]))
}

// A key bundle: salt, nonce, and a box with the companion's identity, the phone's,
// and the companion's share of the secret.
const (
	bundleSalt  = 32
	bundleNonce = 12
	bundlePlain = 3 * len(key{})
	bundleTag   = 16
	bundleSize  = bundleSalt + bundleNonce + bundlePlain + bundleTag
)

// phoneLink is the phone's side of linking by a typed code, between its notice to
// the companion and the answer.
type phoneLink struct {
	identity  keyPair // the phone's
	ephemeral keyPair
	companion key // its ephemeral key, if the code was the right one
}

// newPhoneLink unwraps the companion's key with what was typed.
func newPhoneLink(identity keyPair, code typedCode, companion wrappedKey) (phoneLink, wrappedKey, error) {
	l := phoneLink{identity: identity, ephemeral: newKeyPair()}
	var err error
	if l.companion, err = code.unwrap(companion); err != nil {
		return phoneLink{}, wrappedKey{}, err
	}
	own, err := code.wrap(l.ephemeral.public)
	return l, own, err
}

// open reads the companion's bundle and returns the secret that both now have. It
// returns an error wrapping [ErrWrongCode] when the two have not used the same
// code, and one wrapping [ErrKeyMismatch] when the bundle is about other keys.
func (l phoneLink) open(bundle []byte, companion key) (secret key, err error) {
	if len(bundle) != bundleSize {
		return key{}, fmt.Errorf("%w: bundle of %d bytes", ErrPairingRefused, len(bundle))
	}
	salt, nonce, sealed := bundle[:bundleSalt], bundle[bundleSalt:bundleSalt+bundleNonce], bundle[bundleSalt+bundleNonce:]
	shared, err := l.ephemeral.secretWith(l.companion)
	if err != nil {
		return key{}, fmt.Errorf("%w: %w", ErrWrongCode, err)
	}
	bundleKey, err := hkdf.Key(sha256.New, shared, salt, "link_code_pairing_key_bundle_encryption_key", 32)
	if err != nil {
		return key{}, fmt.Errorf("derive key of bundle: %w", err)
	}
	opening := newBox(bundleKey)
	plain, err := opening.aead.Open(nil, nonce, sealed, nil)
	if err != nil {
		return key{}, ErrWrongCode
	}
	theirs, ours, share := plain[:32], plain[32:64], plain[64:]
	if !bytes.Equal(theirs, companion[:]) || !bytes.Equal(ours, l.identity.public[:]) {
		return key{}, ErrKeyMismatch
	}
	lasting, err := l.identity.secretWith(companion)
	if err != nil {
		return key{}, fmt.Errorf("%w: %w", ErrPairingRefused, err)
	}
	raw, err := hkdf.Key(sha256.New, slices.Concat(shared, lasting, share), nil, "adv_secret", len(secret))
	if err != nil {
		return key{}, fmt.Errorf("derive secret: %w", err)
	}
	return key(raw), nil
}
