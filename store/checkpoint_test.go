//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// TestCommitsGoOnBesideCheckpoint: the file takes for ever, and nobody waits for it, sees
// less, or loses anything by kill -9.
func TestCommitsGoOnBesideCheckpoint(t *testing.T) {
	path := newPath(t)
	var names []string
	synctest.Test(t, func(t *testing.T) {
		s, g, stop := gated(t, path)
		reopen := g.close()
		defer reopen()
		start := time.Now()
		for i := range 40 {
			name := fmt.Sprintf("%03d", i)
			if _, err := put(t, s, name); err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
			if list, err := s.Instances(); err != nil || len(list) != i+1 || list[i].ID != name {
				t.Fatalf("after %s there are %d instances: %v", name, len(list), err)
			}
			if got := streamIDs(t, s, "a"); !slices.Equal(got, numbered("a", 1, i+1)) {
				t.Fatalf("after %s the log holds %v", name, got)
			}
			if i%5 == 0 {
				time.Sleep(1500 * time.Millisecond) // ticks come and go
			}
		}
		if took := time.Since(start); took != 12*time.Second { // the sleeps
			t.Errorf("it took %v", took)
		}
		if n := len(s.Streams()); n != 1 || s.Health() != nil {
			t.Errorf("%d streams, health %v", n, s.Health())
		}
		holds(t, crash(t, path), names...)
		reopen()
		stop()
	})
	holds(t, path, names...)
}

// big commits so much that a few dozen fill what may lie over the file.
func big(ctx context.Context, s *store.Store, n int) error {
	return s.Device("big", "s").Apply(ctx, map[string][]byte{fmt.Sprintf("%03d", n): bytes.Repeat([]byte{byte(n)}, 1<<20)})
}

// holdsBig proves that the first of them are all there.
func holdsBig(t *testing.T, s *store.Store, most int) {
	t.Helper()
	n := 0
	err := s.Device("big", "s").Scan(nil, func(k, v []byte) error {
		if string(k) != fmt.Sprintf("%03d", n) || len(v) != 1<<20 || v[0] != byte(n) || v[1<<20-1] != byte(n) {
			return fmt.Errorf("the key after %d is %q, of %d bytes", n, k, len(v))
		}
		n++
		return nil
	})
	if err != nil || n != most {
		t.Errorf("there are %d, want %d: %v", n, most, err)
	}
}

// TestCommitsWaitForRoom: when too much lies over a file that takes nothing, commits
// wait until it does. Who does not wait any longer, or tells Run to stop, loses nothing.
func TestCommitsWaitForRoom(t *testing.T) {
	for name, stops := range map[string]bool{"until the file goes on": false, "and Run is told to stop": true} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			answered, stored := 0, 0
			synctest.Test(t, func(t *testing.T) {
				s, g := open(t, path), new(gate)
				s.SetCommit(g.commit)
				stop := run(t, s)
				reopen := g.close()
				defer reopen()
				results := make(chan error, 100)
				go func() {
					defer close(results)
					for n := range 80 {
						err := big(t.Context(), s, n)
						results <- err
						if err != nil {
							return
						}
					}
				}()
				time.Sleep(time.Minute)
				answered = len(results)
				if answered < 30 || answered > 45 {
					t.Errorf("%d were answered while the file took nothing", answered)
				}
				holdsBig(t, s, answered)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if _, err := s.Commit(ctx, appendTo(s, "late")); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("another got %v", err)
				}
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					if stops {
						stop()
					}
				}()
				synctest.Wait()
				reopen()
				for err := range results {
					if err == nil {
						stored++
					} else if !stops || !errors.Is(err, store.ErrClosed) {
						t.Error(err)
					}
				}
				<-stopped
				if !stops && stored != 80 {
					t.Errorf("%d were stored in the end", stored)
				}
				stop()
			})
			s := open(t, path)
			holdsBig(t, s, stored)
			if s.Head("late") != 0 {
				t.Error("what was not waited for is stored")
			}
		})
	}
}

// TestStopWaitsForCheckpoint: Run ends when the file has what was answered, also what
// came beside the checkpoint.
func TestStopWaitsForCheckpoint(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, g, stop := gated(t, path)
		reopen := g.close()
		defer reopen()
		for _, name := range []string{"first", "second"} {
			if _, err := put(t, s, name); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1500 * time.Millisecond) // the first is on its way
		}
		ended := make(chan struct{})
		go func() { defer close(ended); stop() }()
		time.Sleep(time.Minute)
		select {
		case <-ended:
			t.Error("Run has ended while the file took nothing")
		default:
		}
		holds(t, crash(t, path), "first", "second")
		reopen()
		<-ended
	})
	if left, err := filepath.Glob(path + ".journal?"); err != nil || len(left) > 0 {
		t.Errorf("beside the file there is %v, %v", left, err)
	}
	holds(t, path, "first", "second")
}

// TestBackupWaitsForCheckpoint: a copy holds what was committed before it was asked for,
// and is waited for only as long as its caller wants. Nobody else waits.
func TestBackupWaitsForCheckpoint(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, g, _ := gated(t, path)
		reopen := g.close()
		defer reopen()
		for _, name := range []string{"first", "second"} {
			if _, err := put(t, s, name); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1500 * time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		n, err := s.Backup(ctx, new(bytes.Buffer))
		if !errors.Is(err, context.DeadlineExceeded) || n != 0 || time.Since(start) != time.Minute {
			t.Errorf("not waited for any longer: %d bytes, %v, after %v", n, err, time.Since(start))
		}
		copied := filepath.Join(t.TempDir(), "copied.db")
		done := make(chan error, 1)
		go func() {
			f, err := os.Create(copied)
			if err == nil {
				_, err = s.Backup(t.Context(), f)
				err = errors.Join(err, f.Close())
			}
			done <- err
		}()
		synctest.Wait()
		if _, err := put(t, s, "third"); err != nil || time.Since(start) > time.Minute {
			t.Errorf("beside it: %v, after %v", err, time.Since(start))
		}
		reopen()
		if err := <-done; err != nil {
			t.Error(err)
		}
		was := open(t, copied)
		list, err := was.Instances()
		if err != nil || len(list) < 2 || list[0].ID != "first" || list[1].ID != "second" {
			t.Errorf("the copy holds %v: %v", list, err)
		}
		if err := was.Close(); err != nil {
			t.Error(err)
		}
	})
	holds(t, path, "first", "second", "third")
}

// slow writes when it is told to.
type slow struct {
	begun chan struct{}
	goOn  chan struct{}
	bytes.Buffer
}

func (w *slow) Write(p []byte) (int, error) {
	select {
	case w.begun <- struct{}{}:
	default:
	}
	<-w.goOn
	return w.Buffer.Write(p)
}

// TestSlowBackup: commits and checkpoints go on beside a copy that takes for ever, and it
// holds nothing of them.
func TestSlowBackup(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, _, stop := gated(t, path)
		if _, err := put(t, s, "before"); err != nil {
			t.Fatal(err)
		}
		w := &slow{begun: make(chan struct{}, 1), goOn: make(chan struct{})}
		done := make(chan error, 1)
		go func() {
			_, err := s.Backup(t.Context(), w)
			done <- err
		}()
		<-w.begun
		start := time.Now()
		for n := range 40 { // more than may lie over the file
			if err := big(t.Context(), s, n); err != nil {
				t.Fatal(err)
			}
			holdsBig(t, s, n+1)
		}
		if _, err := put(t, s, "beside"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("commits waited %v for a copy", took)
		}
		time.Sleep(10 * time.Second)
		close(w.goOn)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		stop()
		copied := filepath.Join(t.TempDir(), "copied.db")
		if err := os.WriteFile(copied, w.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		holds(t, copied, "before")
	})
	holds(t, path, "before", "beside")
}

// TestSlowBackupOfAFileThatOutgrowsItsMap: the file cannot be mapped anew before the copy
// has ended, and readers wait for that. Commits do not.
func TestSlowBackupOfAFileThatOutgrowsItsMap(t *testing.T) {
	defer func(was int) { *store.InitialMmap = was }(*store.InitialMmap)
	*store.InitialMmap = 0
	path := newPath(t)
	s := open(t, path)
	mapping := make(chan struct{}, 99)
	s.SetCommit(func(tx *bbolt.Tx) error {
		mapping <- struct{}{}
		return tx.Commit()
	})
	stop := run(t, s)
	w := &slow{begun: make(chan struct{}, 1), goOn: make(chan struct{})}
	copied := make(chan error, 1)
	go func() {
		_, err := s.Backup(t.Context(), w)
		copied <- err
	}()
	<-w.begun
	for n := range 5 { // enough for it to go into the file, which has room for none of it
		if err := big(t.Context(), s, n); err != nil {
			t.Fatal(err)
		}
	}
	<-mapping
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.Instances(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range 500 {
		if _, err := put(t, s, fmt.Sprint("i", n)); err != nil {
			t.Fatal(err)
		}
	}
	close(w.goOn)
	if err := <-copied; err != nil {
		t.Error(err)
	}
	cancel()
	readers.Wait()
	holdsBig(t, s, 5)
	if list, err := s.Instances(); err != nil || len(list) != 500 {
		t.Errorf("%d instances: %v", len(list), err)
	}
	stop()
}

// TestBackupOfAFileThatFailsOnce: what healed when it was asked for is no reason to
// refuse a copy.
func TestBackupOfAFileThatFailsOnce(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		stop := run(t, s)
		f.next(nothingWritten)
		if _, err := put(t, s, "first"); err != nil {
			t.Fatal(err)
		}
		var copied bytes.Buffer
		if _, err := s.Backup(t.Context(), &copied); err != nil || s.Health() != nil {
			t.Errorf("%v, health %v", err, s.Health())
		}
		stop()
	})
	holds(t, path, "first")
}

// TestBackupAfterRun: what Run could not bring into the file is not left out of a copy
// without a word.
func TestBackupAfterRun(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		f.next(repeat(nothingWritten, 9)...)
		if _, err := put(t, s, "first"); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := s.Backup(t.Context(), new(bytes.Buffer)); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("answered %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	holds(t, path, "first")
}

// TestTornTurn: the power fails in the first write to a file of the journal that was
// turned to, and the disk has what it likes of it. That write was answered to nobody, and
// what the file held before is in the database: whatever is left of both is no damage.
func TestTornTurn(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, stop := started(t, path)
		for _, name := range []string{"first", "second", "third"} {
			if _, err := put(t, s, name); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(1500 * time.Millisecond)
		if _, err := put(t, s, "fourth"); err != nil { // into the other file
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		name := path + ".journal1"
		before, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := put(t, s, "torn"); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(name)
		if err != nil || bytes.Equal(before[:8192], after[:8192]) {
			t.Fatalf("nothing was written over: %v", err)
		}
		for what, of := range map[string]func(at int) []byte{
			"its header":        func(at int) []byte { return map[bool][]byte{true: after, false: before}[at < 4096] },
			"all but it":        func(at int) []byte { return map[bool][]byte{true: before, false: after}[at < 4096] },
			"half of its batch": func(at int) []byte { return map[bool][]byte{true: after, false: before}[at < 4096+100] },
		} {
			image := make([]byte, len(after))
			for at := range image {
				image[at] = of(at)[at]
			}
			crashed := crash(t, path)
			if err := os.WriteFile(crashed+".journal1", image, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Log("the disk has", what)
			holds(t, crashed, "first", "second", "third", "fourth")
		}
		stop()
	})
}

// TestDoubtBesideCheckpoint: a batch is in doubt while the file takes nothing. Its caller
// waits, others are refused at once.
func TestDoubtBesideCheckpoint(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		g := new(gate)
		s.SetCommit(g.commit)
		stop := run(t, s)
		reopen := g.close()
		defer reopen()
		if _, err := put(t, s, "first"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond) // it is on its way
		if _, err := put(t, s, "second"); err != nil {
			t.Fatal(err)
		}
		f.doubt()
		answered := make(chan error, 1)
		go func() {
			_, err := put(t, s, "doubtful")
			answered <- err
		}()
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.Commit(ctx, appendTo(s, "other")); !errors.Is(err, store.ErrUnavailable) || time.Since(start) > 0 {
			t.Errorf("another change got %v after %v", err, time.Since(start))
		}
		if _, err := s.Backup(ctx, new(bytes.Buffer)); !errors.Is(err, store.ErrUnavailable) || time.Since(start) > 0 {
			t.Errorf("a backup got %v after %v", err, time.Since(start))
		}
		reopen()
		if err := <-answered; !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("answered %v", err)
		}
		if _, err := put(t, s, "last"); err != nil || s.Health() != nil {
			t.Errorf("afterwards: %v, health %v", err, s.Health())
		}
		holds(t, crash(t, path), "first", "second", "last")
		stop()
	})
	holds(t, path, "first", "second", "last")
}
