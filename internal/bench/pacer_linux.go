package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// nap sleeps on the thread: Go's own timers are up to a millisecond late when
// nothing else runs.
func nap(d time.Duration) {
	if d > 0 {
		t := unix.NsecToTimespec(int64(d))
		_ = unix.Nanosleep(&t, nil) // the caller looks at the clock again
	}
}

// syncData writes a file's data to the disk, as the store does.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// settleDisks has the system write what it holds for the disks, so that it does not do so
// while something is measured.
func settleDisks() { unix.Sync() }
