package store_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// TestOneMoment: while a writer replaces everything again and again, and the file takes
// it up beside it, nobody sees a bit of one generation and a bit of another.
func TestOneMoment(t *testing.T) {
	const generations, keys = 60, 40
	s, stop := started(t, newPath(t))
	d := s.Device("i", "s")
	write := func(n int) {
		c := s.Change()
		writes := make(map[string][]byte)
		for k := range keys {
			writes[fmt.Sprintf("%02d", k)] = nil
			if k != n%keys { // one is always missing, so that keys come and go
				writes[fmt.Sprintf("%02d", k)] = fmt.Append(nil, n)
			}
			c.PutInstance(record.Instance{ID: fmt.Sprintf("i%02d", k), Name: strconv.Itoa(n)})
		}
		c.PutDevice("i", "s", writes)
		c.Append(record.Event{Stream: "i", Kind: "test", At: moment, Name: strconv.Itoa(n)})
		if _, err := s.Commit(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
	write(0)
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	for name, look := range map[string]func() (generation, n int, err error){
		"scan":      func() (int, int, error) { return scanned(d) },
		"instances": func() (int, int, error) { return listed(s) },
		"walk":      func() (int, int, error) { return walked(s) },
	} {
		beside.Go(func() {
			for last := 0; ctx.Err() == nil; {
				generation, n, err := look()
				want := keys
				if name != "instances" {
					want--
				}
				if err != nil || n != want || generation < last {
					t.Errorf("%s: %d of generation %d after %d: %v", name, n, generation, last, err)
					return
				}
				last = generation
			}
		})
	}
	beside.Go(func() { // every copy brings what lies over the file into it
		for ctx.Err() == nil {
			if _, err := s.Backup(t.Context(), devNull{}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for n := range generations {
		write(n)
	}
	cancel()
	beside.Wait()
	stop()
}

type devNull struct{}

func (devNull) Write(p []byte) (int, error) { return len(p), nil }

// same notes the generation of one more value.
func same(generation *int, n *int, value string) error {
	g, err := strconv.Atoi(value)
	if err == nil && *n > 0 && g != *generation {
		err = fmt.Errorf("one value is of generation %d, the next of %d", *generation, g)
	}
	*generation = g
	*n++
	return err
}

func scanned(d *store.Device) (generation, n int, err error) {
	err = d.Scan(nil, func(_, v []byte) error { return same(&generation, &n, string(v)) })
	return generation, n, err
}

func listed(s *store.Store) (generation, n int, err error) {
	list, err := s.Instances()
	for _, in := range list {
		if err == nil {
			err = same(&generation, &n, in.Name)
		}
	}
	return generation, n, err
}

// walked looks at the keys backwards, each sought for itself.
func walked(s *store.Store) (generation, n int, err error) {
	failed := s.Walk("device", func(c *store.Cursor) {
		for k := 39; k >= 0 && err == nil; k-- {
			want := fmt.Sprintf("i\x00s\x00%02d", k)
			if key, v := c.Seek([]byte(want)); string(key) == want {
				err = same(&generation, &n, string(v[1:]))
			}
		}
	})
	if err == nil {
		err = failed
	}
	return generation, n, err
}

// TestLogOfOneMoment: beside appending, pruning and erasing, the log is read without a
// gap and never backwards, whatever of it is in the file.
func TestLogOfOneMoment(t *testing.T) {
	const rounds = 40
	large := json.RawMessage(`"` + strings.Repeat("x", 3000) + `"`) // memory keeps none of that size
	path := newPath(t)
	s, stop := started(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	streams := []string{"a", "b", "erased"}
	for _, stream := range streams {
		beside.Go(func() {
			for from := uint64(0); ctx.Err() == nil; {
				events, err := s.Events(stream, 0, 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range events {
					if i > 0 && events[i].Seq != events[i-1].Seq+1 || events[i].Seq < from {
						t.Errorf("%s holds %v, which began at %d before", stream, ids(events), from)
						return
					}
				}
				if len(events) > 0 {
					from = events[0].Seq
				}
			}
		})
	}
	beside.Go(func() {
		for ctx.Err() == nil {
			var last uint64
			err := s.Walk("log", func(c *store.Cursor) {
				for k, v := c.First(); k != nil; k, v = c.Next() {
					if at := binary.BigEndian.Uint64(k); at <= last || len(v) == 0 {
						t.Errorf("position %d follows %d with %d bytes", at, last, len(v))
					} else {
						last = at
					}
				}
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	beside.Go(func() {
		for ctx.Err() == nil {
			if _, err := s.PruneOver(t.Context(), 100_000); err != nil {
				t.Error(err)
			}
			if err := s.EraseStream(t.Context(), "erased"); err != nil {
				t.Error(err)
			}
		}
	})
	beside.Go(func() {
		for ctx.Err() == nil {
			if _, err := s.Backup(t.Context(), devNull{}); err != nil {
				t.Error(err)
			}
		}
	})
	for n := range rounds {
		commit(t, s, func(c *store.Change) {
			for i := range 9 {
				c.Append(record.Event{Stream: streams[(n+i)%3], Kind: "test", At: moment, Data: large})
			}
		})
	}
	cancel()
	beside.Wait()
	size := s.LogSize()
	if err := s.EraseStream(t.Context(), "erased"); err != nil {
		t.Error(err)
	}
	if size < s.LogSize() || slices.Contains(s.Streams(), "erased") {
		t.Errorf("%d bytes after %d, streams %v", s.LogSize(), size, s.Streams())
	}
	size = s.LogSize()
	stop()
	if got := logBytes(t, path); got != size {
		t.Errorf("the log has %d bytes, said it has %d", got, size)
	}
}
