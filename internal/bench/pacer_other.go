//go:build !linux

package main

import (
	"os"
	"time"
)

// nap sleeps, to the millisecond or so.
func nap(d time.Duration) { <-time.After(d) }

// alarm wakes a goroutine, to the millisecond or so.
type alarm struct{}

func newAlarm() (*alarm, error) { return &alarm{}, nil }

// wait returns after d.
func (*alarm) wait(d time.Duration) error { nap(d); return nil }

func (*alarm) close() error { return nil }

// syncData writes a file's data to the disk.
func syncData(f *os.File) error { return f.Sync() }

// settleDisks does nothing here.
func settleDisks() {}
