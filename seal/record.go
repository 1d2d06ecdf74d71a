package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// record is what the store's file keeps of its keys, as JSON.
type record struct {
	Version int    `json:"version"`
	Slots   []slot `json:"slots"`
	Box     []byte `json:"box"` // box as JSON, sealed by the master key
}

// slot is the master key, wrapped by one operator's key.
type slot struct {
	ID  string    `json:"id"` // of the operator's key
	Key []byte    `json:"key"`
	At  time.Time `json:"at"`
}

// box is what only the master key opens. Being sealed, it cannot be changed to
// make values in the clear acceptable again.
type box struct {
	Current uint16 `json:"current"` // seals new values
	// Oldest is the oldest data key that a value in the file may be sealed by; 0
	// while values may lie in the clear.
	Oldest uint16            `json:"oldest"`
	Keys   map[uint16][]byte `json:"keys"`
}

const (
	recordVersion = 1
	maxRecord     = 64 << 10
	maxSlots      = 8
	maxDataKeys   = 64
)

var (
	boxContext  = []byte("switchhook data keys")
	slotContext = "switchhook master key\x00"
)

// ErrRecord says that the keys in the file are damaged.
var ErrRecord = errors.New("the record of its keys is damaged")

// WrongKeyError says that the operator's key is not the one that the file was
// sealed with.
type WrongKeyError struct {
	Wants []string // ids of the keys that open it
	Given string   // id of the one that was given
}

func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("it is sealed with the key %s, and the key that was given is %s", strings.Join(e.Wants, " or "), e.Given)
}

// NewRing makes the keys of a file under an operator's key. sealed says that the
// file is new: no value in it lies in the clear.
func NewRing(key Key, sealed bool) *Ring {
	k := &keys{box: box{Keys: make(map[uint16][]byte)}, from: key.ID()}
	k.add()
	if sealed {
		k.Oldest = k.Current
	}
	k.renew(key)
	r := new(Ring)
	r.keys.Store(k)
	return r
}

// OpenRing opens the record of a file's keys. It fails with a [*WrongKeyError]
// or an error that wraps [ErrRecord].
func OpenRing(b []byte, key Key) (*Ring, error) {
	rec, err := parse(b)
	if err != nil {
		return nil, err
	}
	k := &keys{slots: rec.Slots, from: key.ID()}
	i := slices.IndexFunc(rec.Slots, func(s slot) bool { return s.ID == k.from })
	if i < 0 {
		return nil, &WrongKeyError{k.ids(), k.from}
	}
	master, err := unlock(aead(key.b), rec.Slots[i].Key, []byte(slotContext+k.from))
	if err != nil || len(master) != KeySize {
		return nil, fmt.Errorf("%w: the key %s has the right id and does not open it", ErrRecord, k.from)
	}
	copy(k.master[:], master)
	text, err := unlock(aead(k.master), rec.Box, boxContext)
	if err != nil {
		return nil, fmt.Errorf("%w: its data keys do not open", ErrRecord)
	}
	if err := json.Unmarshal(text, &k.box); err != nil || !k.good() {
		return nil, fmt.Errorf("%w: its data keys are none", ErrRecord)
	}
	k.load()
	r := new(Ring)
	r.keys.Store(k)
	return r, nil
}

func parse(b []byte) (rec record, err error) {
	if len(b) > maxRecord {
		return rec, fmt.Errorf("%w: it has %d bytes", ErrRecord, len(b))
	}
	if err := json.Unmarshal(b, &rec); err != nil {
		return rec, fmt.Errorf("%w: it is no JSON", ErrRecord)
	}
	switch {
	case rec.Version != recordVersion:
		return rec, fmt.Errorf("%w, or a newer switchhook's: version %d", ErrRecord, rec.Version)
	case len(rec.Slots) == 0 || len(rec.Slots) > maxSlots:
		return rec, fmt.Errorf("%w: it has %d slots", ErrRecord, len(rec.Slots))
	}
	return rec, nil
}

// KeyIDs answers the ids of the operator's keys that open a record.
func KeyIDs(b []byte) ([]string, error) {
	rec, err := parse(b)
	return (&keys{slots: rec.Slots}).ids(), err
}

// good reports whether the numbers and keys fit together.
func (b *box) good() bool {
	if len(b.Keys) > maxDataKeys || b.Current == 0 || b.Oldest > b.Current || b.Keys[b.Current] == nil {
		return false
	}
	for _, k := range b.Keys {
		if len(k) != KeySize {
			return false
		}
	}
	return true
}

// Record is what the store has to keep of the ring.
func (r *Ring) Record() []byte { return r.keys.Load().record() }

func (k *keys) record() []byte {
	text, err := json.Marshal(k.box)
	if err != nil {
		panic(err) // numbers and bytes
	}
	out, err := json.Marshal(record{recordVersion, k.slots, lock(aead(k.master), nil, text, boxContext)})
	if err != nil {
		panic(err) // as above
	}
	return out
}

func (k *keys) ids() []string {
	var out []string
	for _, s := range k.slots {
		out = append(out, s.ID)
	}
	return out
}

// add makes a further data key and the current one of it.
func (k *keys) add() {
	k.Current++
	fresh := make([]byte, KeySize)
	_, _ = rand.Read(fresh) // never fails
	k.Keys[k.Current] = fresh
	k.load()
}

// load readies the data keys for use.
func (k *keys) load() {
	k.aeads = make(map[uint16]cipher.AEAD, len(k.Keys))
	for n, raw := range k.Keys {
		k.aeads[n] = aead([KeySize]byte(raw))
	}
}

// wrap adds a slot for an operator's key.
func (k *keys) wrap(key Key) {
	id := key.ID()
	sealed := lock(aead(key.b), nil, k.master[:], []byte(slotContext+id))
	k.slots = append(k.slots, slot{ID: id, Key: sealed, At: time.Now().UTC()})
}

// renew makes a new master key and a slot for one operator's key only.
func (k *keys) renew(key Key) {
	_, _ = rand.Read(k.master[:]) // never fails
	k.slots = nil
	k.wrap(key)
	k.from = key.ID()
}
