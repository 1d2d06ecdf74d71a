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

// faulty lets what a store does to its disk fail, in turn: what is not named succeeds.
type faulty struct {
	mu      sync.Mutex
	commits []func(*bbolt.Tx) error // of the file
	writes  []func(*os.File, []byte, int64) (int, error)
	syncs   []func(*os.File) error
}

// pop takes the first, or what is there without faults.
func pop[T any](f *faulty, faults *[]T, without T) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(*faults) == 0 {
		return without
	}
	fault := (*faults)[0]
	*faults = (*faults)[1:]
	return fault
}

func (f *faulty) commit(tx *bbolt.Tx) error { return pop(f, &f.commits, (*bbolt.Tx).Commit)(tx) }

func (f *faulty) write(file *os.File, b []byte, at int64) (int, error) {
	return pop(f, &f.writes, (*os.File).WriteAt)(file, b, at)
}

func (f *faulty) sync(file *os.File) error { return pop(f, &f.syncs, store.SyncData)(file) }

// next lets the next commits of the file fail.
func (f *faulty) next(faults ...func(*bbolt.Tx) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits = faults
}

// The ways a journal fails.
var (
	notWritten  = func(*os.File, []byte, int64) (int, error) { return 0, errDisk }
	halfWritten = func(f *os.File, b []byte, at int64) (int, error) {
		n, _ := f.WriteAt(b[:len(b)/2+100], at)
		return n, errDisk
	}
	written      = (*os.File).WriteAt
	notSynced    = func(*os.File) error { return errDisk }
	syncedNoSure = func(f *os.File) error { return errors.Join(f.Sync(), errDisk) }
)

// nextWrites lets the next writes of the journal fail, making room included.
func (f *faulty) nextWrites(faults ...func(*os.File, []byte, int64) (int, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes = faults
}

// nextSyncs lets the next syncs of the journal fail. Two in a row leave a batch in doubt.
func (f *faulty) nextSyncs(faults ...func(*os.File) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.syncs = faults
}

// doubt leaves the next batch in doubt.
func (f *faulty) doubt() { f.nextSyncs(syncedNoSure, notSynced) }

func repeat[T any](fault T, n int) []T { return slices.Repeat([]T{fault}, n) }

func faultyStore(t *testing.T, path string) (*store.Store, *faulty) {
	t.Helper()
	s, f := open(t, path), new(faulty)
	s.SetCommit(f.commit)
	s.SetJournal(f.write, f.sync)
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

// TestFailedCommits: whatever became of a batch in the journal before it failed, the
// answer is that it is not stored, it never is, and the next commit works.
func TestFailedCommits(t *testing.T) {
	for name, fail := range map[string]func(*faulty){
		"no write":                 func(f *faulty) { f.nextWrites(notWritten) },
		"half a write":             func(f *faulty) { f.nextWrites(halfWritten) },
		"no sync":                  func(f *faulty) { f.nextSyncs(notSynced) },
		"no sync, undone unsynced": func(f *faulty) { f.nextSyncs(repeat(notSynced, 2)...) },
		"no sync, not undone":      func(f *faulty) { f.nextSyncs(notSynced); f.nextWrites(written, notWritten) },
		"a sync that says it failed, not undone": func(f *faulty) {
			f.nextSyncs(syncedNoSure)
			f.nextWrites(written, notWritten)
		},
		"in doubt, and the file fails too": func(f *faulty) { f.doubt(); f.next(nothingWritten) },
		"in doubt, and the file panics":    func(f *faulty) { f.doubt(); f.next(panics) },
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			synctest.Test(t, func(t *testing.T) {
				s, f := faultyStore(t, path)
				stop := run(t, s)
				if _, err := put(t, s, "first"); err != nil {
					t.Fatal(err)
				}
				fail(f)
				began := time.Now()
				if events, err := put(t, s, "doubtful"); !errors.Is(err, store.ErrUnavailable) || events != nil {
					t.Errorf("answered %v, %v", ids(events), err)
				}
				// Where it took until the next try, that has found the disk well by itself.
				if s.Health() == nil && time.Since(began) == 0 || s.Head("a") != 1 {
					t.Errorf("health: %v, head %d", s.Health(), s.Head("a"))
				}
				crashed := crash(t, path)
				events, err := put(t, s, "last")
				if err != nil || events[0].ID() != "a/1/2" || s.Health() != nil {
					t.Errorf("afterwards: %v, %v, health %v", ids(events), err, s.Health())
				}
				if got := streamIDs(t, s, "a"); !slices.Equal(got, numbered("a", 1, 2)) {
					t.Errorf("memory holds %v", got)
				}
				holds(t, crash(t, path), "first", "last")
				holds(t, crashed, "first")
				stop()
			})
			holds(t, path, "first", "last")
		})
	}
}

// TestFailedCheckpoints: whatever a commit of the file did before it failed, what was
// answered is stored, and can be read all along.
func TestFailedCheckpoints(t *testing.T) {
	always := func(fault func(*bbolt.Tx) error) func(string) func(*bbolt.Tx) error {
		return func(string) func(*bbolt.Tx) error { return fault }
	}
	for name, fault := range map[string]func(path string) func(*bbolt.Tx) error{
		"before the write":  always(nothingWritten),
		"in the data sync":  metaKept,
		"in the meta write": metaTorn,
		"in the meta sync":  always(allWritten),
		"panics":            always(panics),
		"panics late":       always(panicsLate),
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			synctest.Test(t, func(t *testing.T) {
				s, f := faultyStore(t, path)
				stop := run(t, s)
				f.next(repeat(fault(path), 4)...) // by itself, at once, after a second, for a caller
				if _, err := put(t, s, "first"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2500 * time.Millisecond)
				if s.Health() == nil {
					t.Error("healthy while the file takes nothing")
				}
				if got := streamIDs(t, s, "a"); !slices.Equal(got, numbered("a", 1, 1)) {
					t.Errorf("memory holds %v", got)
				}
				holds(t, crash(t, path), "first")
				if _, err := put(t, s, "refused"); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("another change got %v", err)
				}
				if events, err := put(t, s, "second"); err != nil || events[0].ID() != "a/1/2" || s.Health() != nil {
					t.Errorf("afterwards: %v, %v, health %v", ids(events), err, s.Health())
				}
				holds(t, crash(t, path), "first", "second")
				stop()
			})
			holds(t, path, "first", "second")
		})
	}
}

// TestHealthHealsByItself: nobody needs to write for health to turn green.
func TestHealthHealsByItself(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		stop := run(t, s)
		f.nextWrites(repeat(notWritten, 3)...)
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

// TestAnswerWaitsForTheOutcome: the journal may hold the batch, and the file cannot be
// made sure of for a while. Its caller waits, others are refused at once.
func TestAnswerWaitsForTheOutcome(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		stop := run(t, s)
		f.doubt()
		f.next(allWritten, nothingWritten, panics)
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
		if list, err := s.Instances(); err != nil || len(list) != 0 {
			t.Errorf("reading meanwhile: %v, %v", list, err)
		}
		if err := <-answered; !errors.Is(err, store.ErrUnavailable) || time.Since(start) != 3*time.Second {
			t.Errorf("answered %v after %v", err, time.Since(start))
		}
		holds(t, crash(t, path))
		if _, err := put(t, s, "next"); err != nil || s.Head("a") != 1 || s.Health() != nil {
			t.Errorf("next: %v, head %d, health %v", err, s.Head("a"), s.Health())
		}
		stop()
	})
	holds(t, path, "next")
}

// TestFailuresUnderLoad lets the disk fail at random while a crowd writes: the
// log holds exactly what was answered as stored.
func TestFailuresUnderLoad(t *testing.T) {
	path := newPath(t)
	var mu sync.Mutex
	var stored []string
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		n, syncs, writes := 0, 0, 0
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
		s.SetJournal(func(f *os.File, b []byte, at int64) (int, error) {
			writes++
			switch {
			case writes%11 == 5:
				return notWritten(f, b, at)
			case writes%17 == 6:
				return halfWritten(f, b, at)
			}
			return written(f, b, at)
		}, func(f *os.File) error {
			syncs++
			switch {
			case syncs%5 == 3 || syncs%15 == 4: // two in a row
				return syncedNoSure(f)
			case syncs%13 == 6:
				return notSynced(f)
			}
			return store.SyncData(f)
		})
		stop := run(t, s)
		var wg sync.WaitGroup
		for w := range 12 {
			wg.Go(func() {
				for i := range 25 {
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
		holds(t, crash(t, path), stored...)
		stop()
		if n < 20 {
			t.Errorf("the file was written %d times only", n)
		}
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
	if err != nil || len(seen) != 300 || len(stored) != 300 {
		t.Errorf("%d in the log, %d answered: %v", len(seen), len(stored), err)
	}
}

// TestTornHeader: a failed write left a part of the first page of a file of the journal.
// What it held before is in the database, so that this is no damage.
func TestTornHeader(t *testing.T) {
	for _, n := range []int{1, 30, 4095, 4096, 4100} {
		path := newPath(t)
		synctest.Test(t, func(t *testing.T) {
			s, f := faultyStore(t, path)
			stop := run(t, s)
			names := []string{"first", "second", "third"}
			for _, name := range names { // both files have held something
				if _, err := put(t, s, name); err != nil {
					t.Fatal(err)
				}
				time.Sleep(1500 * time.Millisecond)
			}
			f.nextWrites(func(f *os.File, b []byte, at int64) (int, error) {
				n, err := f.WriteAt(b[:n], at)
				return n, errors.Join(err, errDisk)
			})
			if _, err := put(t, s, "refused"); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%d bytes: answered %v", n, err)
			}
			holds(t, crash(t, path), names...)
			if _, err := put(t, s, "last"); err != nil || s.Health() != nil {
				t.Errorf("%d bytes: then %v, health %v", n, err, s.Health())
			}
			holds(t, crash(t, path), append(names, "last")...)
			stop()
		})
		holds(t, path, "first", "second", "third", "last")
	}
}
