package files

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"github.com/switchhook/switchhook/record"
)

// stride is how much is written between two looks at the free disk.
const stride = 8 << 20

// Write stores a file of about so many bytes in a folder, over one that has the
// name, and answers where it is. fill writes the content; what it fails with is
// returned, and nothing is kept. [ErrFull] is wrapped when there is no room, and
// fill is not called when the announced bytes alone are too many; [ErrUnwritable]
// when the disk fails otherwise. The name is cleaned.
func (o *Owner) Write(folder, name string, bytes int64, fill func(io.Writer) error) (record.File, error) {
	i, err := o.folder(folder)
	if err != nil {
		return record.File{}, err
	}
	w := &writing{o: o}
	defer w.end()
	if err := w.grow(max(bytes, 0)); err != nil {
		return record.File{}, err
	}
	if err := o.makeFolder(folder); err != nil {
		return record.File{}, w.explain(err)
	}
	if err := w.open(o.path(folder, tempName()), os.O_WRONLY); err != nil {
		return record.File{}, w.explain(err)
	}
	err = fill(w)
	if w.err != nil {
		return record.File{}, w.explain(w.err) // however fill has wrapped it, or passed it over
	}
	if err != nil {
		return record.File{}, fmt.Errorf("store a file: %w", err)
	}
	err = w.file.Sync()
	if err == nil {
		err = w.file.Close()
	}
	name = Clean(name)
	if err == nil {
		err = o.adopt(i, w, name)
	}
	if err != nil {
		return record.File{}, w.explain(err)
	}
	return o.file(folder, name, w.size), nil
}

// makeFolder makes the folder where it is not there yet.
func (o *Owner) makeFolder(folder string) error {
	o.disk.Lock()
	defer o.disk.Unlock()
	if o.erased {
		return fs.ErrNotExist
	}
	return o.files.root.MkdirAll(o.path(folder), 0o700)
}

// adopt gives a written file its name, in the place of one that had it.
func (o *Owner) adopt(i int, w *writing, name string) error {
	o.disk.Lock()
	defer o.disk.Unlock()
	if o.erased {
		return fs.ErrNotExist
	}
	target := o.path(folders[i], name)
	var before int64
	files := 1
	switch st, err := o.files.root.Lstat(target); {
	case err == nil:
		before, files = st.Size(), 0
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := o.files.root.Rename(w.name, target); err != nil {
		return err
	}
	w.adopted = true
	o.add(i, w.size-before, files)
	if err := o.syncFolder(folders[i]); err != nil {
		if o.files.root.Remove(target) == nil {
			o.add(i, -w.size, -1)
		}
		return err
	}
	return nil
}

// syncFolder makes a folder's names outlast a power cut.
func (o *Owner) syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil // it cannot, and need not
	}
	dir, err := o.files.root.Open(o.path(folder))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func tempName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return tempPrefix + hex.EncodeToString(b[:])
}

// writing is a file that is not stored yet. It belongs to one goroutine.
type writing struct {
	o        *Owner
	name     string // its temporary path
	file     *os.File
	size     int64
	reserved int64
	looked   int64 // size at which the disk is looked at again
	adopted  bool  // it has its name
	err      error // why it cannot go on
}

func (w *writing) open(name string, access int) (err error) {
	w.name = name
	w.file, err = w.o.files.root.OpenFile(name, access|os.O_CREATE|os.O_EXCL, 0o600)
	return err
}

// Write implements [io.Writer].
func (w *writing) Write(p []byte) (int, error) {
	if w.err == nil {
		w.err = w.grow(w.size + int64(len(p)))
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.file.Write(p)
	w.size += int64(n)
	w.err = err
	return n, err
}

// grow reserves room for a file of that size.
func (w *writing) grow(size int64) error {
	o, f := w.o, w.o.files
	if size >= w.looked || w.looked == 0 {
		if left, err := f.opts.Free(f.dir); err == nil && left-(size-w.size) < keepFree {
			return fmt.Errorf("%w: the disk has %s left, and %s of it are kept for the event log: free space on it", ErrFull, Bytes(left), Bytes(keepFree))
		}
		w.looked = size + stride
	}
	more := size - w.reserved
	if more <= 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	own := o.writing
	for _, u := range o.usage {
		own += u.bytes
	}
	if limit := f.opts.PerInstance; limit > 0 && more > limit-own {
		return fmt.Errorf("%w: it needs %s, and the instance has stored %s of %s: clear it, or raise files.per_instance", ErrFull, Bytes(size), Bytes(own-w.reserved), Bytes(limit))
	}
	if limit := f.opts.Total; limit > 0 && more > limit-f.used {
		return fmt.Errorf("%w: it needs %s, and all instances have stored %s of %s: clear some, or raise files.total", ErrFull, Bytes(size), Bytes(f.used-w.reserved), Bytes(limit))
	}
	w.reserved = size
	o.writing += more
	f.used += more
	return nil
}

// end removes a file that did not get its name, also when fill panicked, and gives
// the reserved room back: the file is counted by now, or is gone.
func (w *writing) end() {
	if w.file != nil && !w.adopted {
		w.file.Close()
		_ = w.o.files.root.Remove(w.name) // what stays is removed at the next start
	}
	w.o.files.mu.Lock()
	defer w.o.files.mu.Unlock()
	w.o.writing -= w.reserved
	w.o.files.used -= w.reserved
}

// explain tells the ways in which the disk fails apart: a full one is one of the
// ways to have no room.
func (w *writing) explain(err error) error {
	switch {
	case errors.Is(err, ErrFull):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: the disk of %s is full after %s: free space on it: %w", ErrFull, w.o.files.dir, Bytes(w.size), err)
	}
	return fmt.Errorf("%w: %w: give %s to the user the daemon runs as, or mend its disk", ErrUnwritable, err, w.o.files.dir)
}
