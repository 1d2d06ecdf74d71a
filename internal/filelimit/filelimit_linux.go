// Package filelimit lets tests have a full disk: a file can grow no further, and writing it
// fails with EFBIG in place of ENOSPC.
package filelimit

import (
	"os/signal"
	"syscall"
	"testing"
)

// None lifts the limit.
const None = -1

// Set bounds the size of the files that this process writes, in bytes. It is for the one
// goroutine of a test that has its process for itself: a child.
func Set(t testing.TB, bytes int64) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // which would end the process
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &r); err != nil {
		t.Fatal(err)
	}
	r.Cur = r.Max
	if bytes >= 0 {
		r.Cur = min(r.Max, uint64(bytes))
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &r); err != nil {
		t.Fatal(err)
	}
}
