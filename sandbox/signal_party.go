package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
)

// maxOneTime bounds the one-time keys that a phone has given out and that nobody
// has used. The oldest go first.
const maxOneTime = 1000

// maxKeyID is the last id a prekey can have: it travels as three bytes.
const maxKeyID = 1<<24 - 1

var errCiphertext = errors.New("not decryptable")

// signalKeys are what a phone needs, besides its identity, to be written to.
type signalKeys struct {
	RegistrationID uint32 `json:"registration_id"`
	SignedID       uint32 `json:"signed_id"`
	Signed         key    `json:"signed"` // private
	Signature      []byte `json:"signature"`
	NextOneTime    uint32 `json:"next_one_time"`
}

// party is a phone's end of its Signal sessions: device 0 of its account. Any
// goroutine may call it; what it does for one caller it does at once, so that
// what it encrypts first is also on its way first.
type party struct {
	digits   string
	identity keyPair
	journal  *journal

	mu       sync.Mutex
	keys     signalKeys // below: guarded by mu
	oneTime  map[uint32]key
	sessions map[deviceID][]byte
}

// newParty makes the keys that a phone does not have yet.
func newParty(p phone, j *journal) *party {
	t := emptyParty(p, j)
	var id [4]byte
	rand.Read(id[:])
	signed := newKeyPair()
	t.keys = signalKeys{
		RegistrationID: binary.BigEndian.Uint32(id[:])%16380 + 1,
		SignedID:       1,
		Signed:         signed.private,
		Signature:      t.identity.sign([]byte{ecc.DjbType}, signed.public[:]),
		NextOneTime:    1,
	}
	j.write(t.keysChange())
	return t
}

func emptyParty(p phone, j *journal) *party {
	return &party{
		digits: p.Digits, identity: keyPairOf(p.Identity), journal: j,
		oneTime: make(map[uint32]key), sessions: make(map[deviceID][]byte),
	}
}

func (t *party) keysChange() change {
	raw, err := json.Marshal(t.keys)
	if err != nil {
		panic(err) // numbers and bytes
	}
	return change{signalBucket, t.digits, raw}
}

func (t *party) oneTimeName(id uint32) string { return fmt.Sprintf("%s|%d", t.digits, id) }

// bundle gives out the keys by which a companion may begin a session, one of them
// for this once.
func (t *party) bundle() bundle {
	t.mu.Lock()
	defer t.mu.Unlock()
	id, pair := t.keys.NextOneTime, newKeyPair()
	t.oneTime[id] = pair.private
	t.keys.NextOneTime = id%maxKeyID + 1
	changes := []change{{oneTimeBucket, t.oneTimeName(id), pair.private[:]}, t.keysChange()}
	if len(t.oneTime) > maxOneTime {
		if oldest := id - maxOneTime; id > maxOneTime {
			delete(t.oneTime, oldest)
			changes = append(changes, change{oneTimeBucket, t.oneTimeName(oldest), nil})
		}
	}
	t.journal.write(changes...)
	signed := keyPairOf(t.keys.Signed)
	return bundle{
		registrationID: t.keys.RegistrationID,
		identity:       t.identity.public,
		signed:         signedKey{ID: t.keys.SignedID, Public: signed.public, Signature: t.keys.Signature},
		oneTime:        &oneTimeKey{id: id, public: pair.public},
	}
}

// sealed is a message encrypted for one companion.
type sealed struct {
	kind  string // pkmsg or msg
	body  []byte
	saved <-chan struct{} // closed when the ratchet's step is on disk; nil: nothing to wait for
}

// encrypt encrypts for a companion and hands the result on before anything else is
// encrypted. A session is begun with the keys that begin returns when there is
// none, or when anew is set.
func (t *party) encrypt(to device, plain []byte, anew bool, begin func() (bundle, error), post func(sealed)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.store(to)
	builder := session.NewBuilder(s, s, s, s, s.address(), signalFormat)
	if s.session == nil || anew {
		keys, err := begin()
		if err != nil {
			return err
		}
		if err := builder.ProcessBundle(context.Background(), keys.signal(to.ID.Number)); err != nil {
			return fmt.Errorf("begin session: %w", err)
		}
	}
	message, err := session.NewCipher(builder, s.address()).Encrypt(context.Background(), padded(plain))
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	out := sealed{kind: "msg", body: message.Serialize(), saved: t.adopt(s)}
	if message.Type() == protocol.PREKEY_TYPE {
		out.kind = "pkmsg"
	}
	post(out)
	return nil
}

// decrypt opens what a companion has written. Anything may be in there; it
// returns an error wrapping errCiphertext for what does not open, and then
// nothing has changed.
func (t *party) decrypt(from device, kind string, body []byte) (plain []byte, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// libsignal reads beyond the end of what is too short (v0.2.1).
	defer func() {
		if what := recover(); what != nil {
			plain, err = nil, fmt.Errorf("%w: %v", errCiphertext, what)
		}
	}()
	s := t.store(from)
	builder := session.NewBuilder(s, s, s, s, s.address(), signalFormat)
	cipher := session.NewCipher(builder, s.address())
	switch kind {
	case "pkmsg":
		message, parse := protocol.NewPreKeySignalMessageFromBytes(body, signalFormat.PreKeySignalMessage, signalFormat.SignalMessage)
		if err = parse; err == nil {
			plain, err = cipher.DecryptMessage(context.Background(), message)
		}
	case "msg":
		message, parse := protocol.NewSignalMessageFromBytes(body, signalFormat.SignalMessage)
		if err = parse; err == nil {
			plain, err = cipher.Decrypt(context.Background(), message)
		}
	default:
		err = errors.New("unknown type")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCiphertext, err)
	}
	t.adopt(s)
	return unpadded(plain)
}

func (t *party) store(remote device) *signalStore {
	return &signalStore{
		party: t, remote: remote.ID, trusted: remote.Registration.Identity, session: t.sessions[remote.ID],
	}
}

// adopt takes over what a store has changed.
func (t *party) adopt(s *signalStore) <-chan struct{} {
	t.sessions[s.remote] = s.session
	changes := []change{{sessionsBucket, t.digits + "|" + s.remote.String(), s.session}}
	for _, id := range s.used {
		delete(t.oneTime, id)
		changes = append(changes, change{oneTimeBucket, t.oneTimeName(id), nil})
	}
	return t.journal.write(changes...)
}

// forget drops the session with a companion that is no more.
func (t *party) forget(id deviceID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.sessions[id]; known {
		delete(t.sessions, id)
		t.journal.write(change{sessionsBucket, t.digits + "|" + id.String(), nil})
	}
}

// padded hides how long a message is: 1 to 15 bytes follow it, each of which says
// how many.
func padded(plain []byte) []byte {
	var n [1]byte
	rand.Read(n[:])
	size := n[0]%15 + 1
	out := make([]byte, 0, len(plain)+int(size))
	out = append(out, plain...)
	for range size {
		out = append(out, size)
	}
	return out
}

// unpadded undoes padded.
func unpadded(plain []byte) ([]byte, error) {
	if len(plain) == 0 {
		return nil, fmt.Errorf("%w: empty", errCiphertext)
	}
	size := int(plain[len(plain)-1])
	if size < 1 || size > 15 || size > len(plain) {
		return nil, fmt.Errorf("%w: wrong padding", errCiphertext)
	}
	for _, b := range plain[len(plain)-size:] {
		if int(b) != size {
			return nil, fmt.Errorf("%w: wrong padding", errCiphertext)
		}
	}
	return plain[:len(plain)-size], nil
}
