package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32
	maxKeys      = 1 << 14 // keyed hashes kept; far more than there are endpoints
)

// NewSecret makes a signing secret: whsec_ and 32 random bytes in base64.
func NewSecret() string {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(b)
}

// signer makes Standard Webhooks v1 signatures. It keeps the hash of each
// secret keyed, so that a signature costs the hashing of its text. The zero
// value is ready.
type signer struct {
	keys  sync.Map // secret -> *keyed
	count atomic.Int64
}

// keyed is the key of one secret and its hashes that nobody uses right now.
type keyed struct {
	key  []byte
	idle sync.Pool // of *mac
}

func (k *keyed) take() *mac {
	if m, ok := k.idle.Get().(*mac); ok {
		m.Reset()
		return m
	}
	return &mac{Hash: hmac.New(sha256.New, k.key)}
}

// mac is a keyed hash with room for the head of the signed text and the sum.
type mac struct {
	hash.Hash
	head []byte
	sum  []byte
}

// sign signs id.timestamp.body with every secret, for the webhook-signature
// header.
func (s *signer) sign(secrets []string, id, timestamp string, body []byte) (string, error) {
	const each = len("v1,") + (sha256.Size+2)/3*4 + len(" ")
	out := make([]byte, 0, len(secrets)*each)
	for i, secret := range secrets {
		k, err := s.keyed(secret)
		if err != nil {
			return "", fmt.Errorf("secret %d: %w", i+1, err)
		}
		m := k.take()
		m.head = append(append(append(append(m.head[:0], id...), '.'), timestamp...), '.')
		m.Write(m.head)
		m.Write(body)
		m.sum = m.Sum(m.sum[:0])
		if i > 0 {
			out = append(out, ' ')
		}
		out = append(out, "v1,"...)
		out = base64.StdEncoding.AppendEncode(out, m.sum)
		k.idle.Put(m)
	}
	return string(out), nil
}

func (s *signer) keyed(secret string) (*keyed, error) {
	v, _ := s.keys.Load(secret)
	if k, ok := v.(*keyed); ok {
		return k, nil
	}
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) == 0 {
		return nil, errors.New("not whsec_ and base64")
	}
	if s.count.Add(1) > maxKeys { // secrets that were rotated away pile up
		s.keys.Clear()
		s.count.Store(1)
	}
	k := &keyed{key: key}
	s.keys.Store(secret, k)
	return k, nil
}
