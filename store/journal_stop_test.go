//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// lying answers the names of what lies beside a file, with it.
func lying(t testing.TB, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestStopLeavesOneFile: once a store has stopped, its file is all there is, whatever was
// under way.
func TestStopLeavesOneFile(t *testing.T) {
	for name, before := range map[string]func(f *faulty){
		"at once":                         func(*faulty) {},
		"after a checkpoint":              func(*faulty) { time.Sleep(1500 * time.Millisecond) },
		"in a checkpoint":                 func(f *faulty) { f.next(slowly); time.Sleep(1500 * time.Millisecond) },
		"after a checkpoint that failed":  func(f *faulty) { f.next(repeat(nothingWritten, 2)...); time.Sleep(1500 * time.Millisecond) },
		"in a checkpoint that fails":      func(f *faulty) { f.next(slowly, nothingWritten); time.Sleep(1500 * time.Millisecond) },
		"its last checkpoint fails once":  func(f *faulty) { f.next(nothingWritten) },
		"its last checkpoint panics once": func(f *faulty) { f.next(panicsLate) },
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			synctest.Test(t, func(t *testing.T) {
				s, f := faultyStore(t, path)
				stop := run(t, s)
				for _, name := range []string{"first", "second"} {
					if _, err := put(t, s, name); err != nil {
						t.Fatal(err)
					}
					before(f)
				}
				stop()
			})
			if got := lying(t, path); !slices.Equal(got, []string{"switchhook.db"}) {
				t.Errorf("there are %v", got)
			}
			copied := filepath.Join(t.TempDir(), "copied.db")
			image{"": imageOf(t, path)[""]}.lay(t, copied)
			if sum, err := store.Examine(copied); err != nil || sum.Instances != 2 || sum.Events != 2 {
				t.Errorf("the file says %+v, %v", sum, err)
			}
			holds(t, copied, "first", "second")
		})
	}
}

// slowly commits after a while.
func slowly(tx *bbolt.Tx) error {
	time.Sleep(10 * time.Second)
	return tx.Commit()
}

// TestStopWithoutTheFile: the file cannot be written when a store stops. What it lacks
// stays in the journal, nobody takes it for whole, and the next start brings it in.
func TestStopWithoutTheFile(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		stop := run(t, s)
		for _, name := range []string{"first", "second", "third"} {
			if _, err := put(t, s, name); err != nil {
				t.Fatal(err)
			}
			if name == "first" {
				time.Sleep(1500 * time.Millisecond)
			}
			f.next(repeat(nothingWritten, 9)...)
		}
		stop()
	})
	if got := lying(t, path); !slices.Contains(got, "switchhook.db.journal2") || len(got) > 3 {
		t.Errorf("there are %v", got)
	}
	if _, err := store.Examine(path); !errors.Is(err, store.ErrJournal) || !strings.Contains(err.Error(), path) {
		t.Errorf("looking at it: %v", err)
	}
	restored := newPath(t)
	if err := os.MkdirAll(filepath.Dir(restored), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(path, restored, nobody); !errors.Is(err, store.ErrJournal) {
		t.Errorf("restoring it: %v", err)
	}
	if got := lying(t, restored); got != nil {
		t.Errorf("restoring it left %v", got)
	}
	moved := filepath.Join(t.TempDir(), "moved.db")
	imageOf(t, path).lay(t, moved)
	holds(t, moved, "first", "second", "third")
	s, stop := started(t, path)
	if _, err := put(t, s, "fourth"); err != nil {
		t.Error(err)
	}
	stop()
	if got := lying(t, path); !slices.Equal(got, []string{"switchhook.db"}) {
		t.Errorf("after another stop there are %v", got)
	}
	holds(t, path, "first", "second", "third", "fourth")
}

func nobody([]byte) bool { return false }

// TestRestoreBesideAJournal: the journal of a file that was moved away would be taken for
// that of the restored one.
func TestRestoreBesideAJournal(t *testing.T) {
	s, _ := started(t, newPath(t))
	backup := backedUp(t, s)
	for _, part := range imageParts {
		path := newPath(t)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		image{part: []byte("what was left")}.lay(t, path)
		_, err := store.Restore(backup, path, nobody)
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path+part+": ") {
			t.Errorf("beside %q: %v", part, err)
		}
		if got := lying(t, path); !slices.Equal(got, []string{"switchhook.db" + part}) {
			t.Errorf("beside %q there are %v", part, got)
		}
		if b := imageOf(t, path)[part]; string(b) != "what was left" {
			t.Errorf("%q became %q", part, b)
		}
	}
}

// TestExamineBesideAJournal: only a journal that holds what the file does not is in the way.
func TestExamineBesideAJournal(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) { // no second passes, after which the file would hold it
		s, stop := started(t, path)
		if _, err := put(t, s, "one"); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Examine(crash(t, path)); !errors.Is(err, store.ErrJournal) {
			t.Errorf("with a batch in the journal only: %v", err)
		}
		if _, err := s.Backup(t.Context(), io.Discard); err != nil { // the file holds it now, and the journal still
			t.Fatal(err)
		}
		sum, err := store.Examine(crash(t, path))
		if err != nil || sum.Events != 1 {
			t.Errorf("with nothing missing: %+v, %v", sum, err)
		}
		stop()
	})
}
