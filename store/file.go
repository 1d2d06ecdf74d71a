package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

func openFile(path string, opts Options) (db *bbolt.DB, err error) {
	defer func() {
		// bbolt panics over damage that inspect has missed. The lock it took
		// stays with this process.
		if p := recover(); p != nil {
			db, err = nil, &CorruptError{path, fmt.Errorf("bbolt panicked: %v", p)}
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         opts.LockTimeout,
		NoFreelistSync:  true, // a checkpoint stays small after a backlog has gone
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: initialMmap,
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("open %s: %w", path, ErrLocked)
	case isNoDatabase(err):
		return nil, &CorruptError{path, err}
	case err != nil:
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

// initialMmap is address space, not memory: growing the map would wait for
// every open read.
var initialMmap = func() int {
	if runtime.GOOS == "windows" || ^uint(0)>>32 == 0 {
		return 0 // there it would grow the file, or there is no room
	}
	return 1 << 30
}()

func isNoDatabase(err error) bool {
	return errors.Is(err, bolterrors.ErrInvalid) || errors.Is(err, bolterrors.ErrChecksum) ||
		errors.Is(err, bolterrors.ErrVersionMismatch) || errors.Is(err, bolterrors.ErrInvalidMapping)
}

// inspect looks at the file without changing it, and reports whether there is
// one that is worth opening. bbolt trusts what it maps, so every page is looked
// at before.
func inspect(path string, opts Options) (exists bool, err error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("open %s: %w", path, err)
	case !st.Mode().IsRegular():
		return false, &CorruptError{path, errors.New("it is no file")}
	case st.Size() == 0:
		return false, nil // created, never written: bbolt makes a database of it
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: opts.LockTimeout, ReadOnly: true})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return false, fmt.Errorf("open %s: %w", path, ErrLocked)
	case err != nil && errors.Is(err, fs.ErrPermission):
		return false, fmt.Errorf("open %s: %w: give the file, and the journal beside it, to the user the daemon runs as", path, err)
	case err != nil:
		return false, unreadable(path, err)
	}
	defer func() { _ = db.Close() }() // read only: nothing to lose
	if err := verifyPages(path, db.Info().PageSize); err != nil {
		return false, unreadable(path, err)
	}
	return true, db.View(func(tx *bbolt.Tx) error { return checkMeta(tx, path, opts.Network) })
}

// unreadable tells a system that cannot read now from a file that is damaged.
func unreadable(path string, err error) error {
	if _, system := errors.AsType[syscall.Errno](err); system {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return &CorruptError{path, err}
}
