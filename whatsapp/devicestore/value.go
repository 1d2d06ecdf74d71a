package devicestore

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCorrupt means a stored value that does not read as what its key says.
var ErrCorrupt = errors.New("stored value is unreadable")

// valueVersion begins every value. A kind of value that changes gets a second
// one, and its reader accepts both.
const valueVersion = 1

// value builds a stored value field by field. It is never empty.
type value []byte

func newValue() value { return append(make(value, 0, 64), valueVersion) }

// raw appends bytes whose end is the value's end, or whose length is known.
func (v value) raw(b []byte) value { return append(v, b...) }

// bytes appends bytes behind their length.
func (v value) bytes(b []byte) value {
	return append(binary.AppendUvarint(v, uint64(len(b))), b...)
}

func (v value) uint(n uint64) value { return binary.AppendUvarint(v, n) }
func (v value) int(n int64) value   { return binary.AppendVarint(v, n) }

// flags appends up to eight booleans in one byte, the first in the lowest bit.
func (v value) flags(set ...bool) value {
	var b byte
	for i, on := range set {
		if on {
			b |= 1 << i
		}
	}
	return append(v, b)
}

// reader takes a stored value apart, in the order in which it was built. What
// it returns is the caller's own. After the first fault it yields zero values
// and done reports it.
type reader struct {
	left []byte
	bad  bool
}

func read(stored []byte) *reader {
	if len(stored) == 0 || stored[0] != valueVersion {
		return &reader{bad: true}
	}
	return &reader{left: stored[1:]}
}

// take returns the next n bytes, a copy.
func (r *reader) take(n uint64) []byte {
	if r.bad || uint64(len(r.left)) < n {
		r.bad = true
		return nil
	}
	out := append(make([]byte, 0, n), r.left[:n]...)
	r.left = r.left[n:]
	return out
}

func (r *reader) raw() []byte   { return r.take(uint64(len(r.left))) }
func (r *reader) bytes() []byte { return r.take(r.uint()) }

func (r *reader) uint() uint64 {
	n, width := binary.Uvarint(r.left)
	if r.bad || width <= 0 {
		r.bad = true
		return 0
	}
	r.left = r.left[width:]
	return n
}

func (r *reader) int() int64 {
	n, width := binary.Varint(r.left)
	if r.bad || width <= 0 {
		r.bad = true
		return 0
	}
	r.left = r.left[width:]
	return n
}

// flags reads a byte written by flags.
func (r *reader) flags() func(i int) bool {
	var b byte
	if one := r.take(1); len(one) == 1 {
		b = one[0]
	}
	return func(i int) bool { return b&(1<<i) != 0 }
}

// done reports a fault, or bytes that nobody read.
func (r *reader) done(what string) error {
	if r.bad || len(r.left) != 0 {
		return fmt.Errorf("%s: %w", what, ErrCorrupt)
	}
	return nil
}
