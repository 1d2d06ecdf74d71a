package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

var errBox = errors.New("it does not open")

// aead is XChaCha20-Poly1305 under a key.
func aead(key [KeySize]byte) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(err) // the length is right
	}
	return a
}

// lock appends a fresh nonce and the sealed plain text to out.
func lock(a cipher.AEAD, out, plain, context []byte) []byte {
	n := len(out)
	out = append(out, make([]byte, chacha20poly1305.NonceSizeX)...)
	nonce := out[n:]
	_, _ = rand.Read(nonce) // never fails
	return a.Seal(out, nonce, plain, context)
}

// unlock is the inverse of lock.
func unlock(a cipher.AEAD, sealed, context []byte) ([]byte, error) {
	if len(sealed) < chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead {
		return nil, errBox
	}
	nonce, text := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	plain, err := a.Open(nil, nonce, text, context)
	if err != nil {
		return nil, errBox
	}
	return plain, nil
}
