package store_test

import (
	"math"
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// logged makes a store whose log holds a, b, a, b, a, b, … up to n events.
func logged(t testing.TB, n int) (*store.Store, func(), string) {
	t.Helper()
	path := newPath(t)
	s, stop := started(t, path)
	c := s.Change()
	for i := range n {
		c.Append(at([]string{"a", "b"}[i%2], moment))
	}
	if _, err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return s, stop, path
}

func TestEvents(t *testing.T) {
	s, _, _ := logged(t, 10)
	for _, c := range []struct {
		stream   string
		after    uint64
		max      int
		from, to int // nothing when from is above to
	}{
		{"a", 0, 10, 1, 5},
		{"a", 0, 5, 1, 5},
		{"a", 0, 2, 1, 2},
		{"a", 2, 2, 3, 4},
		{"a", 4, 9, 5, 5},
		{"a", 0, math.MaxInt, 1, 5},
		{"a", 3, math.MaxInt, 4, 5},
		{"a", 5, 10, 1, 0},
		{"a", 6, 10, 1, 0},
		{"a", math.MaxUint64, 10, 1, 0},
		{"a", math.MaxUint64 - 1, math.MaxInt, 1, 0},
		{"a", 0, 0, 1, 0},
		{"a", 2, -1, 1, 0},
		{"a", 2, math.MinInt, 1, 0},
		{"nobody", 0, 10, 1, 0},
		{"", 0, 10, 1, 0},
	} {
		events, err := s.Events(c.stream, c.after, c.max)
		if err != nil || !slices.Equal(ids(events), numbered(c.stream, c.from, c.to)) {
			t.Errorf("Events(%q, %d, %d) = %v, %v", c.stream, c.after, c.max, ids(events), err)
		}
	}
}

func TestNext(t *testing.T) {
	s, _, _ := logged(t, 5)
	for _, c := range []struct {
		after uint64
		max   int
		want  []string
		last  uint64
	}{
		{0, 10, []string{"a/1/1", "b/1/1", "a/1/2", "b/1/2", "a/1/3"}, 5},
		{0, 2, []string{"a/1/1", "b/1/1"}, 2},
		{3, 1, []string{"b/1/2"}, 4},
		{4, math.MaxInt, []string{"a/1/3"}, 5},
		{5, 10, []string{}, 5},
		{99, 10, []string{}, 99},
		{math.MaxUint64, 10, []string{}, math.MaxUint64},
		{math.MaxUint64 - 1, 10, []string{}, math.MaxUint64 - 1},
		{2, 0, []string{}, 2},
		{2, -5, []string{}, 2},
	} {
		events, last, err := s.Next(c.after, c.max)
		if err != nil || last != c.last || !slices.Equal(ids(events), c.want) {
			t.Errorf("Next(%d, %d) = %v, %d, %v", c.after, c.max, ids(events), last, err)
		}
	}
	if s.Last() != 5 {
		t.Errorf("the last position is %d", s.Last())
	}
}

// TestLocate holds that the position is the event's very own: an event of
// another epoch is another event, though it has the same seq.
func TestLocate(t *testing.T) {
	s, stop, path := logged(t, 6)
	for _, c := range []struct {
		stream string
		epoch  uint32
		seq    uint64
		pos    uint64
	}{
		{"a", 1, 1, 1},
		{"b", 1, 1, 2},
		{"a", 1, 3, 5},
		{"b", 1, 3, 6},
		{"a", 1, 0, 0},
		{"a", 1, 4, 0},
		{"a", 0, 1, 0},
		{"a", 2, 1, 0},
		{"a", 1, math.MaxUint64, 0},
		{"nobody", 1, 1, 0},
	} {
		if pos, ok := s.Locate(c.stream, c.epoch, c.seq); pos != c.pos || ok != (c.pos > 0) {
			t.Errorf("Locate(%s, %d, %d) = %d, %t, want %d", c.stream, c.epoch, c.seq, pos, ok, c.pos)
		}
	}
	stop()
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("heads")).Put([]byte("a"), head(2, 3)) })

	s, _ = started(t, path)
	events, err := s.Commit(t.Context(), appendTo(s, "a"))
	if err != nil || events[0].ID() != "a/2/4" {
		t.Fatalf("the first event of epoch 2 is %v, %v", ids(events), err)
	}
	if pos, ok := s.Locate("a", 1, 3); !ok || pos != 5 {
		t.Errorf("a/1/3 stands at %d, %t", pos, ok)
	}
	if pos, ok := s.Locate("a", 1, 4); ok || pos != 0 {
		t.Errorf("a/1/4 never was and stands at %d", pos)
	}
	if pos, ok := s.Locate("a", 2, 4); !ok || pos != 7 {
		t.Errorf("a/2/4 stands at %d, %t", pos, ok)
	}
}

func TestSeqAt(t *testing.T) {
	s, _, _ := logged(t, 6)
	for pos, want := range []uint64{0, 1, 1, 2, 2, 3, 3, 3} {
		if got := s.SeqAt("a", uint64(pos)); got != want {
			t.Errorf("at %d: %d, want %d", pos, got, want)
		}
	}
	if got := s.SeqAt("a", math.MaxUint64); got != 3 {
		t.Errorf("at the end of time: %d", got)
	}
	if got := s.SeqAt("nobody", 5); got != 0 {
		t.Errorf("nobody: %d", got)
	}
	if n, err := s.Prune(t.Context(), later, upTo(2)); n != 4 || err != nil {
		t.Fatalf("pruned %d, %v", n, err)
	}
	for pos, want := range []uint64{2, 2, 2, 2, 2, 3} { // what is gone counts as read
		if got := s.SeqAt("a", uint64(pos)); got != want {
			t.Errorf("pruned, at %d: %d, want %d", pos, got, want)
		}
	}
	if err := s.EraseStream(t.Context(), "a"); err != nil || s.SeqAt("a", 0) != 3 {
		t.Errorf("erased: %d, %v", s.SeqAt("a", 0), err)
	}
}

func TestStreams(t *testing.T) {
	s, _, _ := logged(t, 3)
	got := s.Streams()
	slices.Sort(got)
	if !slices.Equal(got, []string{"a", "b"}) || s.Head("a") != 2 || s.Head("b") != 1 || s.Head("c") != 0 {
		t.Errorf("streams %v, heads %d %d %d", got, s.Head("a"), s.Head("b"), s.Head("c"))
	}
}
