//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// TestFileGoesAwayAndComesBack: it cannot even be asked for what it holds.
func TestFileGoesAwayAndComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		fault  func(f *faulty, away func() error)
		stored []string
	}{
		"with a batch in doubt": {func(f *faulty, away func() error) {
			f.nextSyncs(syncedNoSure, func(*os.File) error { return errors.Join(away(), errDisk) })
		}, []string{"before"}},
		"in a checkpoint, which was made": {func(f *faulty, away func() error) {
			f.next(func(tx *bbolt.Tx) error { return errors.Join(allWritten(tx), away()) })
		}, []string{"before", "doubtful"}},
		"in a checkpoint, which was not made": {func(f *faulty, away func() error) {
			f.next(func(tx *bbolt.Tx) error { return errors.Join(nothingWritten(tx), away()) })
		}, []string{"before", "doubtful"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			synctest.Test(t, func(t *testing.T) {
				s, f := faultyStore(t, path)
				stop := run(t, s)
				if _, err := put(t, s, "before"); err != nil {
					t.Fatal(err)
				}
				c.fault(f, func() error { return os.Rename(path, path+".away") })
				answered := make(chan error, 1)
				go func() {
					_, err := put(t, s, "doubtful")
					answered <- err
				}()
				time.Sleep(10 * time.Second)
				if _, err := put(t, s, "other"); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("another change got %v", err)
				}
				if _, err := s.Instances(); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("reading got %v", err)
				}
				if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("an empty file was made in its place: %v", err)
				}
				if err := os.Rename(path+".away", path); err != nil {
					t.Fatal(err)
				}
				if err := <-answered; (err == nil) != (len(c.stored) == 2) {
					t.Errorf("answered %v", err)
				}
				time.Sleep(1500 * time.Millisecond)
				if s.Health() != nil || s.Head("a") != uint64(len(c.stored)) {
					t.Errorf("health %v, head %d", s.Health(), s.Head("a"))
				}
				if _, err := put(t, s, "last"); err != nil {
					t.Error(err)
				}
				stop()
			})
			holds(t, path, append(c.stored, "last")...)
		})
	}
}

// TestStopWhileTheOutcomeIsUnknown: everybody is answered and Run ends.
func TestStopWhileTheOutcomeIsUnknown(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		f.nextSyncs(syncedNoSure)
		f.nextWrites(append(repeat(written, 2), func(*os.File, []byte, int64) (int, error) { // room, the batch, undoing it
			return 0, errors.Join(errDisk, os.Rename(path, path+".away"))
		})...)
		ctx, cancel := context.WithTimeout(t.Context(), 5500*time.Millisecond)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		if _, err := put(t, s, "doubtful"); !errors.Is(err, store.ErrClosed) {
			t.Errorf("answered %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := put(t, s, "late"); !errors.Is(err, store.ErrClosed) {
			t.Errorf("late: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "doubtful")
}

// TestAnotherProcessWroteTheFile: what memory says of the file is worth nothing
// any more, so Run gives up and writes nothing.
func TestAnotherProcessWroteTheFile(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
		f.nextSyncs(syncedNoSure, func(*os.File) error {
			return errors.Join(errDisk, os.Rename(path, path+".away"))
		})
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		answered := make(chan error, 1)
		go func() {
			_, err := put(t, s, "doubtful")
			answered <- err
		}()
		time.Sleep(1500 * time.Millisecond)
		other, stop := started(t, path+".away")
		for _, name := range []string{"theirs", "too", "three"} {
			if _, err := put(t, other, name); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; !errors.Is(err, store.ErrClosed) {
			t.Errorf("answered %v", err)
		}
		ends(t, s, ended)
	})
	holds(t, path, "theirs", "too", "three")
}

// TestAnotherProcessWroteLittle: it wrote fewer transactions than lie over the file, which
// is no reason to write these over them.
func TestAnotherProcessWroteLittle(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		f.next(func(tx *bbolt.Tx) error {
			return errors.Join(nothingWritten(tx), os.Rename(path, path+".away"))
		})
		for i := range 20 {
			if _, err := put(t, s, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(1500 * time.Millisecond) // a checkpoint fails, and there is no file
		other, stop := started(t, path+".away")
		if _, err := put(t, other, "theirs"); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		ends(t, s, ended)
	})
	for _, part := range []string{".journal1", ".journal2"} {
		if err := os.Remove(path + part); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
	holds(t, path, "theirs")
}

// lostFile begins a store that commits one batch, cannot bring it into the file, and then
// has no file any more until back is called.
func lostFile(t *testing.T, path string) (s *store.Store, ended chan error, back func()) {
	t.Helper()
	s, f := faultyStore(t, path)
	ended = make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	f.next(func(tx *bbolt.Tx) error { return errors.Join(nothingWritten(tx), os.Rename(path, path+".away")) })
	if _, err := put(t, s, "before"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	return s, ended, func() {
		t.Helper()
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
	}
}

// ends proves that a store gives up, and what it answers then.
func ends(t *testing.T, s *store.Store, ended chan error) {
	t.Helper()
	if err := <-ended; err == nil {
		t.Error("Run ended as if nothing had happened")
	}
	if _, err := put(t, s, "late"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("late: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestAnotherProcessOnlyOpened: it brought the journal into the file and removed it, so
// nothing may be written to what is left of it here.
func TestAnotherProcessOnlyOpened(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, ended, back := lostFile(t, path)
		back()
		other, stop := started(t, path)
		if got := streamIDs(t, other, "a"); len(got) != 1 {
			t.Errorf("the other found %v", got)
		}
		stop()
		ends(t, s, ended)
	})
	holds(t, path, "before")
}

// TestAnotherProcessWasKilled: what it committed is in its journal only.
func TestAnotherProcessWasKilled(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, ended, back := lostFile(t, path)
		back()
		other := open(t, path)
		stop := run(t, other)
		if _, err := put(t, other, "theirs"); err != nil {
			t.Fatal(err)
		}
		if err := other.Close(); err != nil { // as if it were killed: its lock is free, and nothing was brought into the file
			t.Fatal(err)
		}
		ends(t, s, ended)
		holds(t, crash(t, path), "before", "theirs")
		stop()
	})
}

// TestStopBesideAnotherProcess: what was stopped leaves the other's journal alone.
func TestStopBesideAnotherProcess(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, f := faultyStore(t, path)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		f.next(func(tx *bbolt.Tx) error { return errors.Join(nothingWritten(tx), os.Rename(path, path+".away")) })
		if _, err := put(t, s, "before"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		other, stop := started(t, path)
		want := []string{"before"}
		for range 3 { // both files come into use
			want = append(want, fmt.Sprint(len(want)))
			if _, err := put(t, other, want[len(want)-1]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1500 * time.Millisecond)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		holds(t, crash(t, path), want...)
		want = append(want, "last")
		if _, err := put(t, other, "last"); err != nil {
			t.Fatal(err)
		}
		holds(t, crash(t, path), want...)
		stop()
		holds(t, path, want...)
	})
}
