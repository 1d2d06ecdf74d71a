package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// logBytes counts what LogSize promises, from a closed file.
func logBytes(t testing.TB, path string) (n int64) {
	t.Helper()
	look(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("log")).ForEach(func(k, v []byte) error {
			n += int64(16 + len(k) + len(v))
			return nil
		})
	})
	return n
}

// TestLogSize follows the size through everything that changes it.
func TestLogSize(t *testing.T) {
	path := newPath(t)
	var ring *seal.Ring
	key := seal.NewKey()
	s, stop := started(t, path)
	for step, do := range []func(){
		func() {},
		func() {
			for range 30 {
				appendAll(t, s, at("a", moment), at("b", moment), at("a", later))
			}
		},
		func() { // refused ones count nothing
			bad := appendTo(s, "a")
			bad.Break()
			if _, err := s.Commit(t.Context(), bad); err == nil {
				t.Error("it was not refused")
			}
		},
		func() {
			if n, err := s.Prune(t.Context(), later, upTo(7)); n == 0 || err != nil {
				t.Error(n, err)
			}
		},
		func() {
			if n, err := s.PruneOver(t.Context(), s.LogSize()-100); n == 0 || err != nil {
				t.Error(n, err)
			}
		},
		func() { // from here on the values are sealed
			stop()
			s, stop = started(t, path, ringed(key, &ring))
			reseal(t, s, ring)
		},
		func() {
			if err := s.EraseStream(t.Context(), "b"); err != nil {
				t.Error(err)
			}
		},
		func() {
			if err := errors.Join(s.EraseStream(t.Context(), "a"), s.EraseStream(t.Context(), "a")); err != nil || s.LogSize() != 0 {
				t.Error(err, s.LogSize())
			}
		},
	} {
		do()
		size := s.LogSize()
		stop()
		if want := logBytes(t, path); size != want {
			t.Errorf("step %d: %d bytes, want %d", step, size, want)
		}
		more := []func(*store.Options){}
		if ring != nil {
			more = append(more, ringed(key, &ring))
		}
		s, stop = started(t, path, more...)
		if again := s.LogSize(); again != size {
			t.Errorf("step %d: %d bytes after the next start, %d before", step, again, size)
		}
	}
}

// TestPruneOver: the oldest events of all streams go, as few as are needed, and
// nobody is asked.
func TestPruneOver(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	one := int64(0)
	for i, stream := range []string{"a", "b", "a", "c", "b", "a"} {
		appendAll(t, s, at(stream, moment))
		if i == 0 {
			one = s.LogSize()
		}
	}
	all := 6 * one
	for _, step := range []struct {
		most int64
		gone int
		left []string
	}{
		{all, 0, []string{"a/1/1", "b/1/1", "a/1/2", "c/1/1", "b/1/2", "a/1/3"}},
		{all - 1, 1, []string{"b/1/1", "a/1/2", "c/1/1", "b/1/2", "a/1/3"}},
		{5 * one, 0, []string{"b/1/1", "a/1/2", "c/1/1", "b/1/2", "a/1/3"}},
		{3*one - 1, 3, []string{"b/1/2", "a/1/3"}},
		{0, 2, nil},
		{0, 0, nil},
	} {
		if n, err := s.PruneOver(t.Context(), step.most); n != step.gone || err != nil {
			t.Errorf("to %d bytes %d events went, %v; want %d", step.most, n, err, step.gone)
		}
		events, _, err := s.Next(0, 99)
		if got := ids(events); err != nil || !slices.Equal(got, step.left) && len(got)+len(step.left) > 0 {
			t.Errorf("at %d bytes %v are left, %v; want %v", step.most, got, err, step.left)
		}
	}
	if s.Head("a") != 3 || s.LogSize() != 0 {
		t.Errorf("head %d, %d bytes", s.Head("a"), s.LogSize())
	}
	stop()
	s, _ = started(t, path)
	if got := commit(t, s, func(c *store.Change) { c.Append(at("a", moment)) }); got[0].ID() != "a/1/4" {
		t.Errorf("the next event is %s", got[0].ID())
	}
}

func TestPruneOverStops(t *testing.T) {
	s, stop, _ := logged(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.PruneOver(ctx, 0); err == nil {
		t.Error("cancelled, and no error")
	}
	stop()
	if _, err := s.PruneOver(t.Context(), -1); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestPruneOverBesideWriters: what is committed meanwhile is in order and without
// a gap, and in the end the log fits.
func TestPruneOverBesideWriters(t *testing.T) {
	s, _, _ := logged(t, 4000)
	most := s.LogSize() / 4
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			if _, err := s.Commit(t.Context(), appendTo(s, "a", "b")); err != nil {
				t.Error(err)
			}
		}
	}()
	for writing := true; writing; {
		select {
		case <-done:
			writing = false
		default:
		}
		if _, err := s.PruneOver(t.Context(), most); err != nil {
			t.Fatal(err)
		}
	}
	if s.LogSize() > most {
		t.Errorf("%d bytes, at most %d", s.LogSize(), most)
	}
	for _, stream := range []string{"a", "b"} {
		events, err := s.Events(stream, 0, 1<<20)
		if err != nil || len(events) == 0 || events[len(events)-1].Seq != s.Head(stream) {
			t.Fatalf("%s ends early: %d events, %v", stream, len(events), err)
		}
		for i := 1; i < len(events); i++ {
			if events[i].Seq != events[i-1].Seq+1 {
				t.Fatalf("%s follows %s", events[i].ID(), events[i-1].ID())
			}
		}
	}
}

func TestSeqAtTime(t *testing.T) {
	s, _ := started(t, newPath(t))
	hour := func(n int) time.Time { return moment.Add(time.Duration(n) * time.Hour) }
	for n := range 50 { // a: an event an hour, 1 at hour 0; two at hour 20
		appendAll(t, s, at("a", hour(n)), at("b", hour(0)))
		if n == 20 {
			appendAll(t, s, at("a", hour(n)))
		}
	}
	check := func(first uint64) {
		t.Helper()
		for n := -2; n < 55; n++ {
			want := uint64(max(0, min(n, 50)))
			if n > 20 {
				want++
			}
			want = max(want, first-1)
			if got, err := s.SeqAtTime("a", hour(n)); got != want || err != nil {
				t.Errorf("hour %d: %d, %v; want %d", n, got, err, want)
			}
			if got, err := s.SeqAtTime("a", hour(n-1).Add(1)); got != want || err != nil {
				t.Errorf("just after hour %d: %d, %v; want %d", n-1, got, err, want)
			}
		}
	}
	check(1)
	if _, err := s.Prune(t.Context(), hour(30), upTo(10)); err != nil {
		t.Fatal(err)
	}
	check(11)
	for stream, want := range map[string]uint64{"nobody": 0, "b": 50} {
		if got, err := s.SeqAtTime(stream, hour(60)); got != want || err != nil {
			t.Errorf("%s: %d, %v", stream, got, err)
		}
	}
	if err := s.EraseStream(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.SeqAtTime("a", hour(-5)); got != 51 || err != nil {
		t.Errorf("all has left: %d, %v", got, err)
	}
}

// TestStreamsThatEndAreForgotten: a stream of which everything is pruned is not
// listed, and listed again with its next event.
func TestStreamsThatEndAreForgotten(t *testing.T) {
	s, _, _ := logged(t, 3)
	if _, err := s.PruneOver(t.Context(), 0); err != nil || len(s.Streams()) != 0 {
		t.Errorf("%v, %v", s.Streams(), err)
	}
	commit(t, s, func(c *store.Change) { c.Append(record.Event{Stream: "a", Kind: "test", At: moment}) })
	if got := s.Streams(); !slices.Equal(got, []string{"a"}) || s.Head("a") < 2 {
		t.Errorf("%v, head %d", got, s.Head("a"))
	}
}
