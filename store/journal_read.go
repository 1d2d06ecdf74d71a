package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// readJournals answers the batches of both files, in order.
func readJournals(path string) (batches []journaled, err error) {
	for _, name := range journalPaths(path) {
		image, err := readJournal(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var found []journaled
		if err == nil {
			found, err = parseJournal(image)
		}
		if err != nil {
			return nil, unreadableJournal(path, name, err)
		}
		batches = append(batches, found...)
	}
	slices.SortFunc(batches, func(a, b journaled) int {
		switch {
		case a.number < b.number:
			return -1
		case a.number > b.number:
			return 1
		default:
			return 0
		}
	})
	return batches, nil
}

// unreadableJournal tells a system that cannot read now from a journal that is damaged:
// the advice to move it away would lose what was committed.
func unreadableJournal(path, name string, err error) error {
	_, system := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open %s: %w: give the database and its journal to the user the daemon runs as", name, err)
	case system:
		return fmt.Errorf("open %s: %w", name, err)
	default:
		return &JournalError{path, fmt.Errorf("%s: %w", name, err)}
	}
}

// readJournal reads one file. It waits for nobody, as it would at a pipe.
func readJournal(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

// parseJournal reads what one file holds: every entry that fits its sum, in order. One
// that was being written when the machine stopped does not, and was answered to nobody.
// So does not the first of a file that was to be begun anew, where it came before its new
// first page: what follows it then is in the database. Whether one is missing that is
// not, [replay] sees.
func parseJournal(image []byte) (batches []journaled, err error) {
	salt, first, owner, err := parseJournalHeader(image)
	if err != nil || owner == (journalOwner{}) {
		return nil, err
	}
	for at := journalPage; at < len(image); {
		number, writes, size := parseEntry(image, at, salt)
		last := len(batches) - 1
		if size == 0 || number < first || last >= 0 && number <= batches[last].number {
			at += journalPage
			continue
		}
		batches = append(batches, journaled{number, owner, writes})
		at += size
	}
	return batches, nil
}

// parseJournalHeader reads the first page. A file that was never begun has none, and no
// owner.
func parseJournalHeader(image []byte) (salt [saltBytes]byte, first uint64, owner journalOwner, err error) {
	page := image[:min(len(image), journalPage)]
	if len(bytes.TrimLeft(page, "\x00")) == 0 {
		return salt, 0, owner, nil
	}
	broken := errors.New("its first page is damaged")
	if len(page) < journalHeader || string(page[:8]) != journalMagic {
		return salt, 0, owner, broken
	}
	if v := binary.BigEndian.Uint32(page[8:]); v > journalVersion {
		return salt, 0, owner, fmt.Errorf("a newer switchhook wrote it: run that version; journals of version %d are not known here", v)
	}
	end := journalHeader + int(page[journalHeader-1])
	if len(page) < end+4 || crc32.Checksum(page[:end], castagnoli) != binary.BigEndian.Uint32(page[end:]) {
		return salt, 0, owner, broken
	}
	copy(salt[:], page[12:])
	return salt, binary.BigEndian.Uint64(page[12+saltBytes:]), parseOwner(string(page[journalHeader:end])), nil
}

// parseEntry reads the entry at an offset, and answers how many bytes its pages have: 0
// if there is none.
func parseEntry(image []byte, at int, salt [saltBytes]byte) (number uint64, writes []byte, size int) {
	if at < 0 || len(image)-at < entryHeader {
		return 0, nil, 0
	}
	b := image[at:]
	length := uint64(binary.BigEndian.Uint32(b[8:]))
	if length > uint64(len(b)-entryHeader) {
		return 0, nil, 0
	}
	writes = b[entryHeader : entryHeader+int(length)]
	if entrySum(salt, b[:12], writes) != binary.BigEndian.Uint32(b[12:]) {
		return 0, nil, 0
	}
	size = (entryHeader + int(length) + journalPage - 1) / journalPage * journalPage
	return binary.BigEndian.Uint64(b), writes, size
}

var errWrites = errors.New("its writes cannot be read")

// eachWrite is the inverse of [appendWrite].
func eachWrite(b []byte, do func(bucket, key, value []byte) error) error {
	field := func(less uint64) (out []byte, ok bool) {
		n, used := binary.Uvarint(b)
		if used <= 0 {
			return nil, false
		}
		b = b[used:]
		if n < less {
			return nil, true
		}
		if n -= less; n > uint64(len(b)) {
			return nil, false
		}
		out, b = b[:n:n], b[n:]
		return out, true
	}
	for len(b) > 0 {
		bucket, ok := field(0)
		if !ok {
			return errWrites
		}
		key, ok := field(0)
		if !ok {
			return errWrites
		}
		value, ok := field(1)
		if !ok {
			return errWrites
		}
		if err := do(bucket, key, value); err != nil {
			return err
		}
	}
	return nil
}
