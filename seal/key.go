package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// KeySize is the length of every key here, in bytes.
const KeySize = 32

// Key is an operator's key. It prints as "[redacted]"; [Key.Text] alone gives it
// away.
type Key struct{ b [KeySize]byte }

// NewKey makes a random key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k.b[:]) // never fails
	return k
}

// ErrKeyText is what a text that is no key is refused with.
var ErrKeyText = errors.New("it must hold 32 random bytes in base64 or hex, and nothing else: switchhook key new makes one")

// ParseKey reads a key as it stands in a file: 32 bytes in hex or in base64,
// padded or not, of either alphabet; white space around it does not count.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	if len(text) == hex.EncodedLen(KeySize) {
		if b, err := hex.DecodeString(text); err == nil {
			return keyOf(b)
		}
	}
	plain := strings.TrimRight(text, "=")
	if len(plain) != base64.RawStdEncoding.EncodedLen(KeySize) || len(text) > len(plain)+1 {
		return Key{}, ErrKeyText
	}
	plain = strings.NewReplacer("-", "+", "_", "/").Replace(plain)
	b, err := base64.RawStdEncoding.Strict().DecodeString(plain)
	if err != nil {
		return Key{}, ErrKeyText // err would show a part of the key
	}
	return keyOf(b)
}

func keyOf(b []byte) (k Key, err error) {
	if len(b) != KeySize || weak(b) {
		return Key{}, ErrKeyText
	}
	copy(k.b[:], b)
	return k, nil
}

// weak finds what no random source makes: every byte the same.
func weak(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

// Text is the key as a file holds it: base64 and a newline. It is a secret.
func (k Key) Text() string { return base64.StdEncoding.EncodeToString(k.b[:]) + "\n" }

// ID names the key without telling it: it may be logged and shown.
func (k Key) ID() string {
	h := hmac.New(sha256.New, k.b[:])
	h.Write([]byte("switchhook key id"))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// String hides the key.
func (k Key) String() string { return "[redacted]" }

// Format hides the key from every verb of fmt.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText hides the key from JSON and slog.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
