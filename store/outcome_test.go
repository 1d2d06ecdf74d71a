//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

var errDisk = errors.New("input/output error")

// The ways a commit fails.
var (
	nothingWritten = func(tx *bbolt.Tx) error { return errors.Join(errDisk, tx.Rollback()) }
	allWritten     = func(tx *bbolt.Tx) error { return errors.Join(tx.Commit(), errDisk) }
	panics         = func(*bbolt.Tx) error { panic("page 7: assertion failed") }
	panicsLate     = func(tx *bbolt.Tx) error { _ = tx.Commit(); panic("after the commit") }
)

// metaKept commits, then undoes what became of the meta pages: as if the sync of
// the data pages had failed, before any meta page was written.
func metaKept(path string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		size := 2 * tx.DB().Info().PageSize
		return onFile(path, func(f *os.File) error {
			before := make([]byte, size)
			_, err := f.ReadAt(before, 0)
			err = errors.Join(err, tx.Commit())
			_, undo := f.WriteAt(before, 0)
			return errors.Join(err, undo, errDisk)
		})
	}
}

// metaTorn commits, then tears the meta page that was written: as if its write
// or its sync had broken off half way.
func metaTorn(path string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		size := tx.DB().Info().PageSize
		return onFile(path, func(f *os.File) error {
			before, after := make([]byte, 2*size), make([]byte, 2*size)
			_, err := f.ReadAt(before, 0)
			err = errors.Join(err, tx.Commit())
			_, read := f.ReadAt(after, 0)
			for at := range after {
				if before[at] != after[at] { // in the meta page that was written
					half := at/size*size + 16 + 48
					_, tear := f.WriteAt(before[half:half+32], int64(half))
					return errors.Join(err, read, tear, errDisk)
				}
			}
			return errors.New("no meta page was written")
		})
	}
}

func onFile(path string, fn func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(fn(f), f.Close())
}

// faulty lets the commits of a store fail in turn; what is not named succeeds.
type faulty struct {
	mu     sync.Mutex
	faults []func(*bbolt.Tx) error
}

func (f *faulty) commit(tx *bbolt.Tx) error {
	f.mu.Lock()
	fault := (*bbolt.Tx).Commit
	if len(f.faults) > 0 {
		fault, f.faults = f.faults[0], f.faults[1:]
	}
	f.mu.Unlock()
	return fault(tx)
}

func (f *faulty) next(faults ...func(*bbolt.Tx) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

func repeat(fault func(*bbolt.Tx) error, n int) []func(*bbolt.Tx) error {
	return slices.Repeat([]func(*bbolt.Tx) error{fault}, n)
}

func faultyStore(t *testing.T, path string) (*store.Store, *faulty) {
	t.Helper()
	s, f := open(t, path), new(faulty)
	s.SetCommit(f.commit)
	return s, f
}

// put commits one event and one instance named after it.
func put(t *testing.T, s *store.Store, name string) ([]record.Event, error) {
	t.Helper()
	c := appendTo(s, "a")
	c.PutInstance(record.Instance{ID: name})
	return s.Commit(t.Context(), c)
}

// holds proves that a closed file holds these instances and as many events,
// and opens like any other.
func holds(t *testing.T, path string, names ...string) {
	t.Helper()
	s := open(t, path)
	list, err := s.Instances()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, in := range list {
		got = append(got, in.ID)
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("the file holds %v, want %v", got, names)
	}
	if ids := streamIDs(t, s, "a"); !slices.Equal(ids, numbered("a", 1, len(names))) {
		t.Errorf("the log holds %v", ids)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFailedCommits: whatever a commit did before it failed, the answer is what
// the file then holds, and the next commit works.
func TestFailedCommits(t *testing.T) {
	always := func(fault func(*bbolt.Tx) error) func(string) func(*bbolt.Tx) error {
		return func(string) func(*bbolt.Tx) error { return fault }
	}
	for name, c := range map[string]struct {
		fault  func(path string) func(*bbolt.Tx) error
		stored bool
	}{
		"before the write":  {always(nothingWritten), false},
		"in the data sync":  {metaKept, false},
		"in the meta write": {metaTorn, false},
		"in the meta sync":  {always(allWritten), true},
		"panics":            {always(panics), false},
		"panics late":       {always(panicsLate), true},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s, f := faultyStore(t, path)
			stop := run(t, s)
			want := []string{"first", "last"}
			if _, err := put(t, s, "first"); err != nil {
				t.Fatal(err)
			}
			f.next(c.fault(path))
			events, err := put(t, s, "doubtful")
			if c.stored {
				want = append(want, "doubtful")
				if err != nil || len(events) != 1 || events[0].ID() != "a/1/2" {
					t.Errorf("answered %v, %v though it is stored", ids(events), err)
				}
			} else if !errors.Is(err, store.ErrUnavailable) || events != nil {
				t.Errorf("answered %v, %v though it is not stored", ids(events), err)
			}
			if (s.Health() == nil) != c.stored {
				t.Errorf("health: %v", s.Health())
			}
			if got := s.Head("a"); got != uint64(len(want)-1) {
				t.Errorf("head %d", got)
			}
			events, err = put(t, s, "last")
			if err != nil || events[0].ID() != fmt.Sprintf("a/1/%d", len(want)) || s.Health() != nil {
				t.Errorf("afterwards: %v, %v, health %v", ids(events), err, s.Health())
			}
			if got := streamIDs(t, s, "a"); !slices.Equal(got, numbered("a", 1, len(want))) {
				t.Errorf("memory holds %v", got)
			}
			stop()
			holds(t, path, want...)
		})
	}
}

// TestHealthHealsByItself: nobody needs to write for health to turn green.
func TestHealthHealsByItself(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		stop := run(t, s)
		f.next(repeat(nothingWritten, 3)...)
		if _, err := put(t, s, "a"); !errors.Is(err, errDisk) || !errors.Is(s.Health(), errDisk) {
			t.Errorf("%v, health %v", err, s.Health())
		}
		time.Sleep(2500 * time.Millisecond)
		if s.Health() == nil {
			t.Error("healthy after two failed probes")
		}
		time.Sleep(time.Second)
		if s.Health() != nil {
			t.Errorf("the disk takes writes, health: %v", s.Health())
		}
		stop()
	})
	holds(t, path)
}

// TestAnswerWaitsForTheOutcome: the write is visible, but cannot be made sure
// of for a while. Its caller waits, others are refused at once.
func TestAnswerWaitsForTheOutcome(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		stop := run(t, s)
		f.next(append(repeat(allWritten, 2), nothingWritten, panics)...)
		start := time.Now()
		answered := make(chan error, 1)
		go func() {
			_, err := put(t, s, "doubtful")
			answered <- err
		}()
		synctest.Wait()
		if _, err := put(t, s, "other"); !errors.Is(err, store.ErrUnavailable) || time.Since(start) > 0 {
			t.Errorf("another change got %v after %v", err, time.Since(start))
		}
		if s.Health() == nil {
			t.Error("healthy while the outcome is unknown")
		}
		if list, err := s.Instances(); err != nil || len(list) != 1 {
			t.Errorf("reading meanwhile: %v, %v", list, err)
		}
		if err := <-answered; err != nil || time.Since(start) != 3*time.Second || s.Health() != nil {
			t.Errorf("answered %v after %v, health %v", err, time.Since(start), s.Health())
		}
		if _, err := put(t, s, "next"); err != nil || s.Head("a") != 2 {
			t.Errorf("next: %v, head %d", err, s.Head("a"))
		}
		stop()
	})
	holds(t, path, "doubtful", "next")
}

// TestFailuresUnderLoad lets commits fail at random while a crowd writes: the
// log holds exactly what was answered as stored.
func TestFailuresUnderLoad(t *testing.T) {
	path := newPath(t)
	var mu sync.Mutex
	var stored []string
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		n := 0
		s.SetCommit(func(tx *bbolt.Tx) error {
			n++
			switch {
			case n%7 == 3:
				return nothingWritten(tx)
			case n%7 == 5:
				return allWritten(tx)
			case n%13 == 6:
				return metaKept(path)(tx)
			case n%17 == 9:
				return metaTorn(path)(tx)
			case n%11 == 4:
				panic("now and then")
			default:
				return tx.Commit()
			}
		})
		stop := run(t, s)
		var wg sync.WaitGroup
		for w := range 12 {
			wg.Go(func() {
				for i := range 10 {
					name := fmt.Sprintf("w%d-%d", w, i)
					c := s.Change()
					c.PutInstance(record.Instance{ID: name})
					c.Append(record.Event{Stream: "a", Name: name, At: moment})
					for {
						_, err := s.Commit(t.Context(), c)
						if err == nil {
							break
						}
						if !errors.Is(err, store.ErrUnavailable) {
							t.Error(err)
							return
						}
						time.Sleep(100 * time.Millisecond)
					}
					mu.Lock()
					stored = append(stored, name)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		stop()
	})
	holds(t, path, stored...)
	s := open(t, path)
	events, err := s.Events("a", 0, 1<<20)
	seen := make(map[string]bool)
	for _, e := range events {
		if seen[e.Name] {
			t.Errorf("%s is in the log twice", e.Name)
		}
		seen[e.Name] = true
	}
	if err != nil || len(seen) != 120 || len(stored) != 120 {
		t.Errorf("%d in the log, %d answered: %v", len(seen), len(stored), err)
	}
}
