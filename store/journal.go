package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The journal is what makes a commit cheap: a batch is one write into one of two files
// beside the database and one sync, where bbolt takes two syncs and a write for each
// page. While one file takes batches, what the other holds goes into the database
// ([committer.checkpoint]); then they change places. A file is written over and over from
// its beginning, as overwriting changes nothing but data: a sync then writes nothing else.
//
// A file begins with a page that says whose it is:
//
//	magic "switchhk", version uint32, salt [16]byte, first uint64, owner uint8 and its name, sum uint32
//
// and entries follow, each at the beginning of a page, so that writing one touches no page
// of another:
//
//	number uint64, length uint32, sum uint32, length bytes
//
// Sums are CRC-32C over what is before them and what follows in the entry, and those of
// entries begin with the salt, which is new each time the file is begun: what is left of
// former times does not fit. Numbers are big endian. The bytes of an entry are the writes
// of one batch; see [appendWrite].
const (
	journalMagic   = "switchhk"
	journalVersion = 1
	journalPage    = 4096
	journalHeader  = 8 + 4 + saltBytes + 8 + 1
	entryHeader    = 8 + 4 + 4
	saltBytes      = 16

	journalStep   = 256 << 10 // by how much at least a file grows
	journalKeep   = 16 << 20  // what it may keep of it
	journalBuffer = 1 << 20   // what may be kept of the memory that an entry is put together in
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journalOwner says whose a journal is: the name of the database's log, and of the run that
// wrote it.
type journalOwner struct{ log, run string }

func (o journalOwner) name() string { return o.log + "/" + o.run }

func parseOwner(name string) journalOwner {
	log, run, _ := strings.Cut(name, "/")
	return journalOwner{log, run}
}

// journal is the pair of files, as the committer writes them.
type journal struct {
	owner journalOwner
	files [2]*os.File
	sizes [2]int64
	now   int   // the file that takes entries
	end   int64 // where its next entry goes; 0 before it is begun
	salt  [saltBytes]byte
	buf   []byte

	write func(f *os.File, b []byte, at int64) (int, error) // (*os.File).WriteAt, but for tests of its failures
	sync  func(f *os.File) error                            // syncData, but for them
}

// doubtError says that nobody knows whether the journal holds a batch.
type doubtError struct{ err error }

func (e *doubtError) Error() string { return e.err.Error() }
func (e *doubtError) Unwrap() error { return e.err }

// journalPaths are the files of a database's journal.
func journalPaths(path string) [2]string { return [2]string{path + ".journal1", path + ".journal2"} }

// openJournal makes the journal of an open database an empty one.
func openJournal(path string, owner journalOwner) (*journal, error) {
	j := &journal{owner: owner, write: (*os.File).WriteAt, sync: syncData}
	for i, name := range journalPaths(path) {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the journal: %w", err), j.close(true))
		}
		j.files[i] = f
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, errors.Join(err, j.close(true))
	}
	return j, nil
}

// append makes a batch durable. After an error the journal does not hold it, unless it is
// a [*doubtError].
func (j *journal) append(number uint64, batch *layer) error {
	b := slices.Grow(j.buf[:0], 2*journalPage+batch.bytes)
	if j.end == 0 {
		_, _ = rand.Read(j.salt[:]) // it never fails
		b = appendJournalHeader(b, j.salt, number, j.owner)
	}
	start := len(b)
	b = append(b, make([]byte, entryHeader)...)
	batch.tree.Scan(func(p string, value []byte) bool {
		b = appendWrite(b, p, value)
		return true
	})
	length := len(b) - start - entryHeader
	if uint64(length) > 1<<32-1 {
		return fmt.Errorf("a batch has %d bytes", length)
	}
	binary.BigEndian.PutUint64(b[start:], number)
	binary.BigEndian.PutUint32(b[start+8:], uint32(length))
	binary.BigEndian.PutUint32(b[start+12:], entrySum(j.salt, b[start:start+12], b[start+entryHeader:]))
	b = padPage(b)
	if err := j.grow(j.end + int64(len(b))); err != nil {
		return err
	}
	if j.buf = b; cap(b) > journalBuffer {
		j.buf = nil
	}
	if err := j.put(b); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.end += int64(len(b))
	return nil
}

// put writes an entry, and before the first of a file the page that begins it. Where that
// fails, what was written is undone: half a first page would look like damage, and without
// it the file holds nothing.
func (j *journal) put(b []byte) error {
	f := j.files[j.now]
	n, err := j.write(f, b, j.end)
	if err == nil {
		err = j.sync(f)
	}
	if err == nil || n == 0 {
		return err
	}
	_, undo := j.write(f, make([]byte, journalPage), j.end)
	if undo == nil {
		undo = j.sync(f)
	}
	if undo != nil {
		return &doubtError{err}
	}
	return err
}

// grow gives the file room that is written already.
func (j *journal) grow(need int64) error {
	size := &j.sizes[j.now]
	if need <= *size {
		return nil
	}
	more := max(journalStep, min(*size, journalKeep/4), need-*size)
	zeros := make([]byte, journalStep)
	for more > 0 {
		n, err := j.write(j.files[j.now], zeros[:min(more, journalStep)], *size)
		*size += int64(n)
		more -= int64(n)
		if err != nil {
			return fmt.Errorf("make room in the journal: %w", err)
		}
	}
	return nil
}

// turn lets the other file take what comes: what it holds is in the database.
func (j *journal) turn() {
	j.now, j.end = 1-j.now, 0
	j.shrink(j.now)
}

// shrink takes from a file what it may not keep. What it holds is in the database.
func (j *journal) shrink(file int) {
	if j.sizes[file] > journalKeep && j.files[file].Truncate(journalKeep) == nil {
		j.sizes[file] = journalKeep
	}
}

// empty forgets everything: it is in the database.
func (j *journal) empty() error {
	for i, f := range j.files {
		if err := f.Truncate(0); err != nil {
			return fmt.Errorf("empty the journal: %w", err)
		}
		j.sizes[i] = 0
	}
	j.end = 0
	return nil
}

// close releases the files, and removes them where they hold nothing. Who does not hold
// the database removes nothing: they may be another process's by now.
func (j *journal) close(holding bool) (err error) {
	for _, f := range j.files {
		if f == nil {
			continue
		}
		ours, statErr := f.Stat()
		err = errors.Join(err, f.Close())
		if !holding || statErr != nil || ours.Size() > 0 {
			continue
		}
		if there, gone := os.Stat(f.Name()); gone == nil && os.SameFile(ours, there) {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}
	return err
}

func appendJournalHeader(b []byte, salt [saltBytes]byte, first uint64, owner journalOwner) []byte {
	b = append(b, journalMagic...)
	b = binary.BigEndian.AppendUint32(b, journalVersion)
	b = append(b, salt[:]...)
	b = binary.BigEndian.AppendUint64(b, first)
	b = append(b, byte(len(owner.name())))
	b = append(b, owner.name()...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return padPage(b)
}

func entrySum(salt [saltBytes]byte, head, body []byte) uint32 {
	sum := crc32.Checksum(salt[:], castagnoli)
	return crc32.Update(crc32.Update(sum, castagnoli, head), castagnoli, body)
}

func padPage(b []byte) []byte {
	if over := len(b) % journalPage; over > 0 {
		b = append(b, make([]byte, journalPage-over)...)
	}
	return b
}

// appendWrite encodes one write: the lengths of the bucket's name, of the key and, one
// more than it is, of the value (0: there is to be none), each before its bytes.
func appendWrite(b []byte, p string, value []byte) []byte {
	bucket, key := placed(p)
	b = binary.AppendUvarint(b, uint64(len(bucket)))
	b = append(b, bucket...)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	if value == nil {
		return binary.AppendUvarint(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(value))+1)
	return append(b, value...)
}
