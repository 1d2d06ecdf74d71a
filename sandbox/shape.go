package sandbox

import (
	"errors"

	"go.mau.fi/whatsmeow/binary/token"
)

// What a node may be made of. The decoder has no such limits: it makes a list as
// long as the list says it is, as deep as it says, and a few kilobytes can ask it
// for gigabytes.
const (
	maxNodes = 1 << 16
	maxDepth = 32
)

var errShape = errors.New("malformed node")

// checkShape walks over a packed node without decoding it and refuses whatever
// would make the decoder panic or run away: lists longer than their bytes, depth
// without end, things where text must be. What it passes may still be nonsense;
// the decoder says so with an error.
func checkShape(packed []byte) error {
	w := shapeWalker{rest: packed}
	return w.node(0)
}

type shapeWalker struct {
	rest  []byte
	nodes int
}

// take removes n bytes from the front.
func (w *shapeWalker) take(n int) ([]byte, error) {
	if n < 0 || n > len(w.rest) {
		return nil, errShape
	}
	taken := w.rest[:n]
	w.rest = w.rest[n:]
	return taken, nil
}

// number reads n bytes as a big-endian number.
func (w *shapeWalker) number(n int) (int, error) {
	raw, err := w.take(n)
	if err != nil {
		return 0, err
	}
	value := 0
	for _, b := range raw {
		value = value<<8 | int(b)
	}
	return value, nil
}

// listSize reads the size of a list whose first byte has been read.
func (w *shapeWalker) listSize(first int) (int, error) {
	switch first {
	case token.ListEmpty:
		return 0, nil
	case token.List8:
		return w.number(1)
	case token.List16:
		return w.number(2)
	}
	return 0, errShape
}

// node walks a tag, its attributes and its content.
func (w *shapeWalker) node(depth int) error {
	w.nodes++
	if depth > maxDepth || w.nodes > maxNodes {
		return errShape
	}
	first, err := w.number(1)
	if err != nil {
		return err
	}
	size, err := w.listSize(first)
	if err != nil {
		return err
	}
	if size == 0 {
		return errShape
	}
	if err := w.text(); err != nil {
		return err
	}
	for range (size - 1) / 2 {
		if err := w.text(); err != nil {
			return err
		}
		if err := w.value(depth); err != nil {
			return err
		}
	}
	if size%2 == 1 {
		return nil
	}
	return w.value(depth)
}

// value walks what an attribute or a content may be.
func (w *shapeWalker) value(depth int) error {
	first, err := w.number(1)
	if err != nil {
		return err
	}
	switch first {
	case token.ListEmpty:
		return nil
	case token.List8, token.List16:
		size, err := w.listSize(first)
		if err != nil {
			return err
		}
		for range size {
			if err := w.node(depth + 1); err != nil {
				return err
			}
		}
		return nil
	case token.JIDPair:
		if err := w.textOrNothing(); err != nil {
			return err
		}
		return w.text()
	case token.ADJID:
		if _, err := w.take(2); err != nil {
			return err
		}
		return w.text()
	case token.FBJID, token.InteropJID:
		// Addresses of other networks; no companion of ours has business there.
		return errShape
	default:
		return w.textFrom(first)
	}
}

func (w *shapeWalker) text() error {
	first, err := w.number(1)
	if err != nil {
		return err
	}
	return w.textFrom(first)
}

func (w *shapeWalker) textOrNothing() error {
	if len(w.rest) > 0 && w.rest[0] == token.ListEmpty {
		_, err := w.take(1)
		return err
	}
	return w.text()
}

// textFrom walks the rest of a text or a byte string whose first byte has been
// read.
func (w *shapeWalker) textFrom(first int) error {
	var size int
	var err error
	switch first {
	case token.Binary8:
		size, err = w.number(1)
	case token.Binary20:
		size, err = w.number(3)
		size &= 1<<20 - 1
	case token.Binary32:
		size, err = w.number(4)
	case token.Dictionary0, token.Dictionary1, token.Dictionary2, token.Dictionary3:
		size = 1
	case token.Nibble8, token.Hex8:
		size, err = w.number(1)
		if size == 0x80 {
			return errShape // an odd number of characters, and no characters
		}
		size &= 0x7f
	default:
		if first < 1 || first >= len(token.SingleByteTokens) {
			return errShape
		}
	}
	if err != nil {
		return err
	}
	_, err = w.take(size)
	return err
}
