package store

import (
	"os"

	"go.etcd.io/bbolt"
)

// What tests of the package need from behind its doors.
var (
	VerifyPages = verifyPages
	MetaSum     = metaSum
)

// SetCommit replaces how transactions are committed. Call it before Run.
func (s *Store) SetCommit(fn func(*bbolt.Tx) error) { s.commitTx = fn }

// Break makes the change one that bbolt refuses.
func (c *Change) Break() {
	c.ops = append(c.ops, op{bucket: bucketDevice, key: make([]byte, bbolt.MaxKeySize+1), value: []byte{}})
}

// ParseHeader answers the header's fields, or an error.
func ParseHeader(v []byte) (stream string, epoch uint32, seq uint64, nanos int64, body []byte, err error) {
	h, body, err := parseHeader(v)
	return h.stream, h.epoch, h.seq, h.at.UnixNano(), body, err
}

// AppendHeader is the inverse of ParseHeader.
var AppendHeader = appendHeader

// UsedBytes answers how much of the file at path bbolt uses.
func UsedBytes(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	m, err := readMeta(f, os.Getpagesize())
	return int64(m.high) * int64(os.Getpagesize()), err
}
