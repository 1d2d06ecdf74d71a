package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"
)

// The first byte of a value says how it was sealed.
const (
	inTheClear byte = 0 // by a version that knew no keys
	byDataKey  byte = 1 // two bytes of key number, nonce, text
)

const prefixSize = 3

// Overhead is how many bytes longer a sealed value is than the plain one.
const Overhead = prefixSize + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

var (
	// ErrValue says that the value was changed, moved from another place, or sealed by a
	// key that is gone.
	ErrValue = errors.New("the sealed value does not open: it was damaged, changed or moved")
	// ErrClear says that a value lies in the clear where everything is sealed:
	// somebody put it there.
	ErrClear = errors.New("the value is not sealed, in a file where all are: somebody changed the file")
)

// Ring seals and opens the values of one store's file. Its methods may be called
// from any goroutine. Changes of the keys are made in two steps: a method such
// as [Ring.AddDataKey] answers the record to store, and what to call once it is
// stored. One change is made at a time.
type Ring struct{ keys atomic.Pointer[keys] }

// keys is what a record holds, opened. It never changes.
type keys struct {
	slots  []slot
	master [KeySize]byte
	box
	aeads map[uint16]cipher.AEAD
	from  string // the id of the operator's key that opened it
}

// Seal seals plain for the place that context names, and appends it to dst.
func (r *Ring) Seal(dst, context, plain []byte) ([]byte, error) {
	k := r.keys.Load()
	at := len(dst)
	dst = slices.Grow(dst, Overhead+len(plain))
	dst = binary.BigEndian.AppendUint16(append(dst, byDataKey), k.Current)
	to := bind(dst[at:], context)
	defer bindings.Put(to)
	return lock(k.aeads[k.Current], dst, plain, *to), nil
}

// Open is the inverse of Seal. Until everything in the file is sealed it takes
// values in the clear, too; the answer then aliases sealed.
func (r *Ring) Open(context, sealed []byte) ([]byte, error) {
	k := r.keys.Load()
	switch {
	case len(sealed) == 0:
		return nil, ErrValue
	case sealed[0] == inTheClear && k.Oldest == 0:
		return sealed[1:], nil
	case sealed[0] == inTheClear:
		return nil, ErrClear
	case sealed[0] != byDataKey || len(sealed) < Overhead:
		return nil, ErrValue
	}
	a := k.aeads[binary.BigEndian.Uint16(sealed[1:])]
	if a == nil {
		return nil, ErrValue
	}
	to := bind(sealed[:prefixSize], context)
	defer bindings.Put(to)
	plain, err := unlock(a, sealed[prefixSize:], *to)
	if err != nil {
		return nil, ErrValue
	}
	return plain, nil
}

// bindings are buffers for what bind makes: it is needed for a moment, thousands of
// times a second.
var bindings = sync.Pool{New: func() any { return new([]byte) }}

// bind is what is authenticated with a value: how it was sealed, and where it
// belongs. It goes back to bindings.
func bind(prefix, context []byte) *[]byte {
	to := bindings.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	*to = append(append((*to)[:0], prefix[:prefixSize]...), context...)
	return to
}

// Stale reports whether a value is not sealed by the current data key.
func (r *Ring) Stale(sealed []byte) bool {
	return len(sealed) < prefixSize || sealed[0] != byDataKey ||
		binary.BigEndian.Uint16(sealed[1:]) != r.keys.Load().Current
}

// Settled reports whether every value in the file is known to be sealed by the
// current data key. Otherwise stale ones have to be sealed anew, and then
// [Ring.Settle] says so.
func (r *Ring) Settled() bool {
	k := r.keys.Load()
	return k.Oldest == k.Current
}
