package main

import (
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
