package main

import (
	"errors"
	"fmt"
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

// alarm wakes a goroutine at a moment, to some ten microseconds, in the way that what
// arrives at a socket does: by the runtime's poller.
type alarm struct{ f *os.File }

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	return &alarm{os.NewFile(uintptr(fd), "timer")}, nil
}

// wait returns after d.
func (a *alarm) wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	raw, err := a.f.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil)
	})
	if err = errors.Join(err, set); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	var expired [8]byte
	_, err = a.f.Read(expired[:])
	return err
}

func (a *alarm) close() error { return a.f.Close() }

// syncData writes a file's data to the disk, as the store does.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// settleDisks has the system write what it holds for the disks, so that it does not do so
// while something is measured.
func settleDisks() { unix.Sync() }
