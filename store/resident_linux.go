package store

import (
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// release unmaps the file's pages from this process without forgetting them:
// the kernel keeps what it has room for, and a page that is read again is mapped
// again. Opening walks through every page to find the free ones, and each page
// that is read later brings its neighbours along, so without it a file of a
// gigabyte would soon count as a gigabyte of the daemon's memory.
func release(db *bbolt.DB) {
	_ = db.View(func(tx *bbolt.Tx) error { // the map does not move during a View
		// A page that stays mapped costs nothing but the figure.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, db.Info().Data, uintptr(tx.Size()), unix.MADV_DONTNEED)
		return nil
	})
}
