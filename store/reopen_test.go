//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// TestFileGoesAwayAndComesBack: the outcome cannot even be asked for.
func TestFileGoesAwayAndComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		fault  func(*bbolt.Tx) error
		stored []string
	}{
		"written":     {allWritten, []string{"before", "doubtful"}},
		"not written": {nothingWritten, []string{"before"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			synctest.Test(t, func(t *testing.T) {
				s, f := faultyStore(t, path)
				stop := run(t, s)
				if _, err := put(t, s, "before"); err != nil {
					t.Fatal(err)
				}
				f.next(func(tx *bbolt.Tx) error {
					return errors.Join(c.fault(tx), os.Rename(path, path+".away"))
				})
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
				time.Sleep(time.Second)
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
		f.next(func(tx *bbolt.Tx) error {
			return errors.Join(allWritten(tx), os.Rename(path, path+".away"))
		})
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
		f.next(func(tx *bbolt.Tx) error {
			return errors.Join(nothingWritten(tx), os.Rename(path, path+".away"))
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
		if err := <-ended; err == nil {
			t.Error("Run ended as if nothing had happened")
		}
		if _, err := put(t, s, "late"); !errors.Is(err, store.ErrClosed) {
			t.Errorf("late: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	holds(t, path, "theirs", "too", "three")
}
