//go:build !linux

package main

import (
	"os"
	"time"
)

// nap sleeps, to the millisecond or so.
func nap(d time.Duration) { <-time.After(d) }

// syncData writes a file's data to the disk.
func syncData(f *os.File) error { return f.Sync() }

// settleDisks does nothing here.
func settleDisks() {}
