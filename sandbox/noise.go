package sandbox

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"google.golang.org/protobuf/proto"
)

// noiseName starts the transcript. It is exactly as long as a hash, so it is
// used as it is, padded, and not hashed.
const noiseName = "Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"

// symmetric is the running state of a Noise handshake: the transcript's hash, the
// chaining key, and the cipher of the moment.
type symmetric struct {
	hash  [sha256.Size]byte
	chain []byte
	box   box
}

// newSymmetric starts a transcript with the preamble the client has sent.
func newSymmetric(preamble []byte) *symmetric {
	s := &symmetric{hash: [sha256.Size]byte([]byte(noiseName)), chain: []byte(noiseName)}
	s.mixHash(preamble)
	return s
}

func (s *symmetric) mixHash(data []byte) {
	s.hash = sha256.Sum256(append(s.hash[:], data...))
}

// mixSecret stirs the secret of two keys into the state: a new chaining key, a new
// cipher, its counter at nought.
func (s *symmetric) mixSecret(own keyPair, theirs key) error {
	secret, err := own.secretWith(theirs)
	if err != nil {
		return fmt.Errorf("agree on secret: %w", err)
	}
	var boxKey []byte
	s.chain, boxKey = s.derive(secret)
	s.box = newBox(boxKey)
	return nil
}

// derive returns the two keys that a secret and the chaining key make.
func (s *symmetric) derive(secret []byte) (first, second []byte) {
	out, err := hkdf.Key(sha256.New, secret, s.chain, "", 2*sha256.Size)
	if err != nil {
		panic(err) // only for lengths that are no constants
	}
	return out[:sha256.Size], out[sha256.Size:]
}

func (s *symmetric) seal(plain []byte) []byte {
	sealed := s.box.seal(plain, s.hash[:])
	s.mixHash(sealed)
	return sealed
}

func (s *symmetric) open(sealed []byte) ([]byte, error) {
	plain, err := s.box.open(sealed, s.hash[:])
	if err != nil {
		return nil, err
	}
	s.mixHash(sealed)
	return plain, nil
}

// box is AES-256-GCM with a counter for its nonce. The zero box opens nothing.
type box struct {
	aead    cipher.AEAD
	counter uint64
}

func newBox(boxKey []byte) box {
	block, err := aes.NewCipher(boxKey)
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return box{aead: aead}
}

func (b *box) nonce() []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[4:], b.counter)
	b.counter++
	return nonce
}

func (b *box) seal(plain, extra []byte) []byte {
	return b.aead.Seal(nil, b.nonce(), plain, extra)
}

// open opens the next box of the sequence. The counter moves on even when this
// one does not open.
func (b *box) open(sealed, extra []byte) ([]byte, error) {
	return b.aead.Open(nil, b.nonce(), sealed, extra)
}

// handshake is the server's side of Noise_XX as WhatsApp speaks it. Standard but
// for one thing: the first message carries no payload, not even an empty one, so
// nothing is hashed for it, and a Noise library that hashes the empty payload is
// refused by the client.
//
// It is two steps and no I/O: answer, then finish.
type handshake struct {
	state     *symmetric
	static    keyPair
	ephemeral keyPair
}

func newHandshake(static keyPair) *handshake {
	return &handshake{state: newSymmetric(preamble), static: static, ephemeral: newKeyPair()}
}

// answer reads the client's hello and returns the server's, which carries the
// certificates.
func (h *handshake) answer(hello, certificates []byte) ([]byte, error) {
	var message waWa6.HandshakeMessage
	if err := proto.Unmarshal(hello, &message); err != nil {
		return nil, fmt.Errorf("read client hello: %w", err)
	}
	client, err := keyFrom(message.GetClientHello().GetEphemeral())
	if err != nil {
		return nil, fmt.Errorf("read client hello: %w", err)
	}

	h.state.mixHash(client[:])
	h.state.mixHash(h.ephemeral.public[:])
	if err := h.state.mixSecret(h.ephemeral, client); err != nil {
		return nil, err
	}
	static := h.state.seal(h.static.public[:])
	if err := h.state.mixSecret(h.static, client); err != nil {
		return nil, err
	}
	answer, err := proto.Marshal(&waWa6.HandshakeMessage{ServerHello: &waWa6.HandshakeMessage_ServerHello{
		Ephemeral: h.ephemeral.public[:],
		Static:    static,
		Payload:   h.state.seal(certificates),
	}})
	if err != nil {
		return nil, fmt.Errorf("encode server hello: %w", err)
	}
	return answer, nil
}

// peer is what a finished handshake leaves: who the other side is, what it asks
// for, and the ciphers of the two directions.
type peer struct {
	noise             key
	payload           *waWa6.ClientPayload
	inbound, outbound box
}

// finish reads the client's last message of the handshake. It follows a
// successful answer.
func (h *handshake) finish(message []byte) (peer, error) {
	if h.state.box.aead == nil {
		return peer{}, errors.New("finish before hello")
	}
	var outer waWa6.HandshakeMessage
	if err := proto.Unmarshal(message, &outer); err != nil {
		return peer{}, fmt.Errorf("read client finish: %w", err)
	}
	last := outer.GetClientFinish()
	static, err := h.state.open(last.GetStatic())
	if err != nil {
		return peer{}, fmt.Errorf("open client key: %w", err)
	}
	noise, err := keyFrom(static)
	if err != nil {
		return peer{}, fmt.Errorf("read client key: %w", err)
	}
	if err := h.state.mixSecret(h.ephemeral, noise); err != nil {
		return peer{}, err
	}
	plain, err := h.state.open(last.GetPayload())
	if err != nil {
		return peer{}, fmt.Errorf("open client payload: %w", err)
	}
	payload := &waWa6.ClientPayload{}
	if err := proto.Unmarshal(plain, payload); err != nil {
		return peer{}, fmt.Errorf("read client payload: %w", err)
	}
	inbound, outbound := h.state.derive(nil)
	return peer{noise: noise, payload: payload, inbound: newBox(inbound), outbound: newBox(outbound)}, nil
}
