package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
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

// SetJournal replaces how the journal is written and synced. Call it before Run.
func (s *Store) SetJournal(write func(*os.File, []byte, int64) (int, error), sync func(*os.File) error) {
	s.journal.write, s.journal.sync = write, sync
}

// SyncData is how it is synced.
var SyncData = syncData

// Break makes the change one that cannot be stored.
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

// Write is one of a batch; a nil value deletes.
type Write struct {
	Bucket     string
	Key, Value []byte
}

// Batch is what a journal holds of one.
type Batch struct {
	Number uint64
	Log    string
	Writes []Write
}

// ParseJournal answers what the image of a journal's file holds. The writes of a batch
// end with the first that cannot be read.
func ParseJournal(image []byte) (batches []Batch, err error) {
	found, err := parseJournal(image)
	for _, b := range found {
		out := Batch{Number: b.number, Log: b.owner.log}
		_ = eachWrite(b.writes, func(bucket, key, value []byte) error {
			out.Writes = append(out.Writes, Write{string(bucket), key, value})
			return nil
		})
		batches = append(batches, out)
	}
	return batches, err
}

// AppendJournal answers the image of a file to which batches were appended, the first
// under a number.
func AppendJournal(image []byte, log string, number uint64, batches ...[]Write) ([]byte, error) {
	image = bytes.Clone(image)
	j := &journal{owner: journalOwner{log, "run"}, sizes: [2]int64{int64(len(image))}, sync: func(*os.File) error { return nil }}
	j.write = func(_ *os.File, b []byte, at int64) (int, error) {
		image = append(image, make([]byte, max(0, int(at)+len(b)-len(image)))...)
		return copy(image[at:], b), nil
	}
	for i, writes := range batches {
		batch := new(layer)
		for _, w := range writes {
			if err := batch.set(w.Bucket, w.Key, w.Value); err != nil {
				return nil, err
			}
		}
		if err := j.append(number+uint64(i), batch); err != nil {
			return nil, err
		}
	}
	return image, nil
}

// Buckets are their names, in the order of a batch.
var Buckets = buckets

// RightJournal gives the first page and the entries of an image their sums, wherever
// those could be.
func RightJournal(image []byte) {
	if len(image) < journalPage {
		return
	}
	if end := journalHeader + int(image[journalHeader-1]); end+4 <= journalPage {
		copy(image, journalMagic)
		binary.BigEndian.PutUint32(image[8:], journalVersion)
		binary.BigEndian.PutUint32(image[end:], crc32.Checksum(image[:end], castagnoli))
	}
	salt := [saltBytes]byte(image[12:])
	for at := journalPage; at+entryHeader <= len(image); at += journalPage {
		b := image[at:]
		if length := int(binary.BigEndian.Uint32(b[8:])); length <= len(b)-entryHeader {
			binary.BigEndian.PutUint32(b[12:], entrySum(salt, b[:12], b[entryHeader:entryHeader+length]))
		}
	}
}

// Raw puts a value into a bucket as it is, or with nil deletes its key.
func (c *Change) Raw(bucket string, key, value []byte) {
	c.ops = append(c.ops, op{bucket: bucket, key: key, value: value})
}

// Cursor goes through a bucket.
type Cursor = cursor

// Walk lets fn go through a bucket, in one view.
func (s *Store) Walk(bucket string, fn func(*Cursor)) error {
	return s.view(func(r *reader) error {
		fn(r.cursor(bucket))
		return nil
	})
}

// Value is what one view answers for a key, nil without one.
func (s *Store) Value(bucket string, key []byte) (value []byte, err error) {
	err = s.view(func(r *reader) error {
		if v := r.get(bucket, key); v != nil {
			value = append([]byte{}, v...)
		}
		return nil
	})
	return value, err
}

// InitialMmap is how much of a file is mapped at first.
var InitialMmap = &initialMmap
