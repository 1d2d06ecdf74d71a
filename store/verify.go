package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// verifyPages walks every page that the file's tree reaches, reading with
// ReadAt. bbolt maps the file and trusts it: a page number beyond the end or a
// page of the wrong kind ends the whole process there, in a goroutine nobody
// can recover. Here it is an error, as is whatever makes bbolt panic when it
// looks for free pages or writes (tx_check.go and node.go of v1.5.0): a page
// used twice, keys out of order, a branch that names another key than its child
// begins with, data that does not follow one another without a gap.
//
// pageSize is the one bbolt works with. The format is bbolt's, version 2
// (internal/common/page.go, inode.go and meta.go).
func verifyPages(path string, pageSize int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	st, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := readMeta(f, pageSize)
	if err != nil {
		return err
	}
	if pages := uint64(st.Size()) / uint64(pageSize); m.high > pages {
		return fmt.Errorf("the file ends early: %d pages of %d", pages, m.high)
	}
	w := walker{r: f, pageSize: uint64(pageSize), high: m.high, used: make([]uint64, m.high/64+1)}
	if err := w.freelist(m.freelist); err != nil {
		return err
	}
	_, err = w.page(m.root, 0, span{})
	return err
}

const (
	pageHeader   = 16
	elementSize  = 16
	bucketHeader = 16

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10

	leafIsBucket = 0x01
	maxDepth     = 64
)

var le = binary.LittleEndian // bbolt writes the machine's order; every platform we build for has this one

var errPage = errors.New("a page is damaged")

// walker reads the tree. It keeps one page a level in memory.
type walker struct {
	r        io.ReaderAt
	pageSize uint64
	high     uint64   // the first page number not in use
	used     []uint64 // a bit for each page met
	bufs     [maxDepth + 1][]byte
}

// span is where the keys of a subtree must lie: from first, which is its first
// key, up to below high; nil is no bound.
type span struct{ first, high []byte }

// page checks page n and everything below it, and answers the last key.
func (w *walker) page(n uint64, depth int, in span) (last []byte, err error) {
	buf, err := w.load(n, depth)
	if err != nil {
		return nil, err
	}
	if last, err = w.node(buf, depth, in); err != nil {
		return nil, fmt.Errorf("page %d: %w", n, err)
	}
	return last, nil
}

// load reads page n with all that overflows from it. The answer is valid until
// the next page of the same depth is loaded.
func (w *walker) load(n uint64, depth int) ([]byte, error) {
	if n < 2 || n >= w.high || depth > maxDepth {
		return nil, fmt.Errorf("%w: page %d is not where a page can be", errPage, n)
	}
	buf, err := w.read(n, depth, 1)
	if err != nil {
		return nil, err
	}
	if id := le.Uint64(buf); id != n {
		return nil, fmt.Errorf("%w: page %d says it is %d", errPage, n, id)
	}
	count := uint64(le.Uint32(buf[12:])) + 1
	if n+count > w.high {
		return nil, fmt.Errorf("%w: page %d runs past the end", errPage, n)
	}
	for i := n; i < n+count; i++ {
		if w.used[i/64]&(1<<(i%64)) != 0 {
			return nil, fmt.Errorf("%w: page %d is used twice", errPage, i)
		}
		w.used[i/64] |= 1 << (i % 64)
	}
	if count == 1 {
		return buf, nil
	}
	return w.read(n, depth, count)
}

func (w *walker) read(n uint64, depth int, count uint64) ([]byte, error) {
	size := count * w.pageSize
	if uint64(len(w.bufs[depth])) < size {
		w.bufs[depth] = make([]byte, size)
	}
	buf := w.bufs[depth][:size]
	if _, err := w.r.ReadAt(buf, int64(n*w.pageSize)); err != nil {
		return nil, fmt.Errorf("read page %d: %w", n, err)
	}
	return buf, nil
}

// node checks the elements of a branch or leaf, on a page of its own or inline
// in its parent's value, and answers the last key.
func (w *walker) node(buf []byte, depth int, in span) (last []byte, err error) {
	if len(buf) < pageHeader {
		return nil, errPage
	}
	flags, count := le.Uint16(buf[8:]), int(le.Uint16(buf[10:]))
	if pageHeader+count*elementSize > len(buf) {
		return nil, fmt.Errorf("%w: it is too small for %d keys", errPage, count)
	}
	switch flags {
	case flagBranch:
		return w.branch(buf, count, depth, in)
	case flagLeaf:
		return w.leaf(buf, count, depth, in)
	default:
		return nil, fmt.Errorf("%w: kind %#x", errPage, flags)
	}
}

func (w *walker) branch(buf []byte, count, depth int, in span) (last []byte, err error) {
	if count == 0 {
		return nil, fmt.Errorf("%w: a branch without a page", errPage)
	}
	keys := make([][]byte, count)
	data := pageHeader + count*elementSize
	for i := range keys {
		at := pageHeader + i*elementSize
		if keys[i], data, err = cut(buf, at, data, le.Uint32(buf[at:]), le.Uint32(buf[at+4:])); err != nil {
			return nil, err
		}
	}
	for i, key := range keys {
		if err := inOrder(i, key, last, in); err != nil {
			return nil, err
		}
		child := span{key, in.high}
		if i+1 < count {
			child.high = keys[i+1]
		}
		if last, err = w.page(le.Uint64(buf[pageHeader+i*elementSize+8:]), depth+1, child); err != nil {
			return nil, err
		}
	}
	return last, nil
}

func (w *walker) leaf(buf []byte, count, depth int, in span) (last []byte, err error) {
	data := pageHeader + count*elementSize
	for i := range count {
		at := pageHeader + i*elementSize
		flags, pos, keyLen, valueLen := le.Uint32(buf[at:]), le.Uint32(buf[at+4:]), le.Uint32(buf[at+8:]), le.Uint32(buf[at+12:])
		var key, value []byte
		if key, data, err = cut(buf, at, data, pos, keyLen); err == nil {
			value, data, err = cut(buf, at, data, pos+keyLen, valueLen)
		}
		if err == nil {
			err = inOrder(i, key, last, in)
		}
		switch {
		case err != nil:
		case flags == leafIsBucket:
			err = w.bucket(value, depth)
		case flags != 0:
			err = fmt.Errorf("%w: key of kind %#x", errPage, flags)
		}
		if err != nil {
			return nil, err
		}
		last = key
	}
	return last, nil
}

// bucket checks a bucket's value: its root page, or the page inlined behind the
// header, which is always a leaf.
func (w *walker) bucket(v []byte, depth int) error {
	if len(v) < bucketHeader {
		return errPage
	}
	if root := le.Uint64(v); root != 0 {
		_, err := w.page(root, depth+1, span{})
		return err
	}
	inline := v[bucketHeader:]
	if len(inline) < pageHeader || le.Uint64(inline) != 0 || le.Uint16(inline[8:]) != flagLeaf {
		return fmt.Errorf("%w: an inline bucket", errPage)
	}
	_, err := w.node(inline, depth+1, span{})
	return err
}

// cut takes length bytes. They stand pos behind their element, which stands at
// elem, and begin where the data before them ended.
func cut(buf []byte, elem, data int, pos, length uint32) (out []byte, end int, err error) {
	if elem+int(pos) != data || int64(data)+int64(length) > int64(len(buf)) {
		return nil, 0, fmt.Errorf("%w: a key or value is not where it must be", errPage)
	}
	end = data + int(length)
	return buf[data:end:end], end, nil
}

// inOrder checks key i of a page against the one before it and the page's span.
func inOrder(i int, key, before []byte, in span) error {
	good := len(key) > 0 && (in.high == nil || bytes.Compare(key, in.high) < 0)
	if i == 0 {
		good = good && (in.first == nil || bytes.Equal(key, in.first))
	} else {
		good = good && bytes.Compare(before, key) < 0
	}
	if !good {
		return fmt.Errorf("%w: the keys are out of order", errPage)
	}
	return nil
}
