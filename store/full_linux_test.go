package store_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/internal/filelimit"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// fullDisk names the file a child process is to fill up.
const fullDisk = "STORE_TEST_FULL_DISK"

// TestDiskFullAndFreed runs a store in a process of its own, whose files may not
// grow beyond a limit: writes then fail as on a full disk (EFBIG for ENOSPC).
// The limit is raised, and everything heals. What the child was told is stored
// must then be exactly what the file holds.
func TestDiskFullAndFreed(t *testing.T) {
	if path := os.Getenv(fullDisk); path != "" {
		fillDisk(t, path)
		return
	}
	path := newPath(t)
	child := exec.Command(os.Args[0], "-test.run=^TestDiskFullAndFreed$", "-test.timeout=60s")
	child.Env = append(os.Environ(), fullDisk+"="+path)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var told []string
	for line := range strings.Lines(string(out)) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "stored "); ok {
			told = append(told, id)
		}
	}
	s := open(t, path)
	var held []string
	for _, stream := range s.Streams() {
		events, err := s.Events(stream, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			held = append(held, e.ID()+" "+e.Name)
		}
	}
	slices.Sort(told)
	slices.Sort(held)
	if len(told) < 13 || !slices.Equal(told, held) {
		t.Errorf("%d events were answered as stored, the file holds %d\n%v\n%v", len(told), len(held), told, held)
	}
}

// fillDisk is the child. It prints what it was told is stored.
func fillDisk(t *testing.T, path string) {
	s, stop := started(t, path)
	var mu sync.Mutex
	write := func(stream, name string, size int) error {
		c := s.Change()
		c.Append(record.Event{Stream: stream, Name: name, At: moment, Data: fmt.Appendf(nil, "%q", strings.Repeat("x", size))})
		events, err := s.Commit(t.Context(), c)
		if err == nil {
			mu.Lock()
			_, _ = fmt.Fprintf(os.Stdout, "stored %s %s\n", events[0].ID(), name)
			mu.Unlock()
		}
		return err
	}
	for i := range 10 {
		if err := write("a", fmt.Sprintf("before-%d", i), 100); err != nil {
			t.Fatal(err)
		}
	}
	used, err := store.UsedBytes(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{used + 1<<20, 12 << 10, 1} {
		filelimit.Set(t, limit)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range 16 { // more than fits into the file and its journal
					name := fmt.Sprintf("full-%d-%d-%d", limit, w, i)
					err := write(fmt.Sprintf("s%d", w%3), name, 512<<10)
					if err != nil && !errors.Is(err, store.ErrUnavailable) {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
		wg.Wait()
		if s.Health() == nil {
			t.Errorf("limit %d: the store says that it is well", limit)
		}
		if _, err := s.Events("a", 0, 100); err != nil {
			t.Errorf("limit %d: reading: %v", limit, err)
		}
		filelimit.Set(t, filelimit.None)
		if err := write("a", fmt.Sprintf("after-%d", limit), 100); err != nil {
			t.Fatal(err)
		}
		if s.Health() != nil {
			t.Errorf("limit %d: the disk is free, the store says %v", limit, s.Health())
		}
	}
	stop()
}
