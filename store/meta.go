package store

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	metaSize    = 64
	minPageSize = 512
	noFreelist  = ^uint64(0)
)

// boltMeta is where bbolt's tree begins.
type boltMeta struct {
	pageSize uint32
	root     uint64
	freelist uint64 // noFreelist: not stored
	high     uint64 // the first page number not in use
	txid     uint64
}

// readMeta answers the newer of the two valid meta pages, as bbolt chooses.
func readMeta(r io.ReaderAt, pageSize int) (boltMeta, error) {
	m, err := metaAt(r, 0)
	second, err2 := metaAt(r, int64(pageSize))
	switch {
	case err != nil && err2 != nil:
		return m, fmt.Errorf("neither meta page is valid: %w", errors.Join(err, err2))
	case err != nil || err2 == nil && second.txid > m.txid:
		m = second
	}
	if pageSize < minPageSize || m.pageSize != uint32(pageSize) {
		return m, fmt.Errorf("%w: pages of %d bytes are %d bytes apart", errPage, m.pageSize, pageSize)
	}
	return m, nil
}

func metaAt(r io.ReaderAt, at int64) (boltMeta, error) {
	var b [pageHeader + metaSize]byte
	if _, err := r.ReadAt(b[:], at); err != nil {
		return boltMeta{}, err
	}
	p := b[pageHeader:]
	if le.Uint32(p) != boltMagic || le.Uint32(p[4:]) != boltVersion || le.Uint64(p[metaSize-8:]) != metaSum(p) {
		return boltMeta{}, errPage
	}
	return boltMeta{
		pageSize: le.Uint32(p[8:]), root: le.Uint64(p[16:]), freelist: le.Uint64(p[32:]),
		high: le.Uint64(p[40:]), txid: le.Uint64(p[48:]),
	}, nil
}

// metaSum is the checksum a meta page must carry.
func metaSum(meta []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(meta[:metaSize-8])
	return h.Sum64()
}

// freelist checks the list of free pages, if the file holds one: bbolt's own
// tools write it, this package does not.
func (w *walker) freelist(n uint64) error {
	if n == noFreelist {
		return nil
	}
	buf, err := w.load(n, 0)
	if err != nil {
		return err
	}
	count, ids := uint64(le.Uint16(buf[10:])), buf[pageHeader:]
	if count == 0xFFFF { // too many for the field: the first entry says how many
		count, ids = le.Uint64(ids), ids[8:]
	}
	if le.Uint16(buf[8:]) != flagFreelist || count > uint64(len(ids))/8 {
		return fmt.Errorf("%w: the list of free pages", errPage)
	}
	for i := range count {
		id := le.Uint64(ids[i*8:])
		if id < 2 || id >= w.high || w.used[id/64]&(1<<(id%64)) != 0 {
			return fmt.Errorf("%w: page %d is not free", errPage, id)
		}
		w.used[id/64] |= 1 << (id % 64)
	}
	return nil
}
