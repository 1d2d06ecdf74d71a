package sandbox

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A ref is the server's part of a pairing code: sixteen random bytes and a
// signature. By the signature the server knows a code it has shown from one it
// has not, after the connection has gone and after a restart, and remembers
// none.
const (
	refPrefix    = "2@"
	refRandom    = 16
	refSignature = 16
)

func newRef(secret key) string {
	raw := make([]byte, refRandom, refRandom+refSignature)
	rand.Read(raw)
	return refPrefix + base64.RawURLEncoding.EncodeToString(append(raw, signRef(secret, raw)...))
}

// ownRef says whether a ref was made with this secret.
func ownRef(secret key, ref string) bool {
	body, found := strings.CutPrefix(ref, refPrefix)
	if !found {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(raw) != refRandom+refSignature {
		return false
	}
	return hmac.Equal(raw[refRandom:], signRef(secret, raw[:refRandom]))
}

func signRef(secret key, random []byte) []byte {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write(random)
	return mac.Sum(nil)[:refSignature]
}
