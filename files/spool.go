package files

import (
	"os"
	"sync"
)

// Spool is a file without a name that counts as the instance's until it is closed,
// and is never stored: something on its way elsewhere that does not fit into
// memory. One goroutine writes it; then any may read and seek. Closing it during a
// read is harmless, and so is closing it twice.
type Spool struct {
	w    *writing
	file *os.File
	once sync.Once
}

// Spool opens a file for about so many bytes. [ErrFull] is wrapped when there is no
// room for them, and [ErrUnwritable] when the disk fails otherwise. The caller
// closes it.
func (o *Owner) Spool(bytes int64) (_ *Spool, err error) {
	w := &writing{o: o}
	s := &Spool{w: w}
	defer func() {
		if err != nil {
			_ = s.Close() // never fails
		}
	}()
	if _, err := o.folder(folders[0]); err != nil {
		return nil, err
	}
	if err := w.grow(max(bytes, 0)); err != nil {
		return nil, err
	}
	if err := o.makeFolder(folders[0]); err != nil {
		return nil, w.explain(err)
	}
	if err := w.open(o.path(folders[0], tempName()), os.O_RDWR); err != nil {
		return nil, w.explain(err)
	}
	// Some systems do not take the name from a file that is open; it goes later.
	_ = o.files.root.Remove(w.name)
	s.file = w.file
	return s, nil
}

// Write implements [io.Writer]. It fails with [ErrFull] or [ErrUnwritable]. What
// was refused for want of room stays refused.
func (s *Spool) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		err = s.w.explain(err)
	}
	return n, err
}

// Read implements [io.Reader].
func (s *Spool) Read(p []byte) (int, error) { return s.file.Read(p) }

// Seek implements [io.Seeker].
func (s *Spool) Seek(offset int64, whence int) (int64, error) { return s.file.Seek(offset, whence) }

// Size is how many bytes were written.
func (s *Spool) Size() int64 { return s.w.size }

// Close lets go of the file and of the room it took.
func (s *Spool) Close() error {
	s.once.Do(s.w.end)
	return nil
}
