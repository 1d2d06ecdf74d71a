package store_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

var later = moment.Add(time.Second)

func at(stream string, when time.Time) record.Event {
	return record.Event{Stream: stream, Kind: "test", At: when}
}

func upTo(seq uint64) func(string) uint64 { return func(string) uint64 { return seq } }

func appendAll(t testing.TB, s *store.Store, events ...record.Event) {
	t.Helper()
	commit(t, s, func(c *store.Change) {
		for _, e := range events {
			c.Append(e)
		}
	})
}

func TestPrune(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	old, young := moment, moment.Add(time.Hour)
	appendAll(t, s,
		at("a", old), at("b", old), at("a", old), at("c", old), at("b", old),
		at("a", young), at("c", old), at("b", young))

	if n, err := s.Prune(t.Context(), old, upTo(math.MaxUint64)); n != 0 || err != nil {
		t.Errorf("nothing is older than the oldest: %d, %v", n, err)
	}
	if n, err := s.Prune(t.Context(), young, upTo(0)); n != 0 || err != nil {
		t.Errorf("nobody has passed anything: %d, %v", n, err)
	}
	asked := make(map[string]int)
	passed := map[string]uint64{"a": 2, "b": 1, "c": 9}
	n, err := s.Prune(t.Context(), young, func(stream string) uint64 {
		asked[stream]++
		return passed[stream]
	})
	if n != 4 || err != nil || asked["a"] != 1 || asked["b"] != 1 || asked["c"] != 1 {
		t.Errorf("pruned %d, %v; asked %v", n, err, asked)
	}
	want := map[string][]string{"a": {"a/1/3"}, "b": {"b/1/2", "b/1/3"}, "c": {"c/1/2"}}
	check := func(s *store.Store) {
		t.Helper()
		for stream, left := range want {
			if got := streamIDs(t, s, stream); !slices.Equal(got, left) {
				t.Errorf("%s has %v, want %v", stream, got, left)
			}
		}
		// a/1/3 is young, so that c/1/2 behind it waits: the log is read in order.
		if events, _, err := s.Next(0, 99); err != nil || len(events) != 4 {
			t.Errorf("the log holds %v, %v", ids(events), err)
		}
		if _, ok := s.Locate("a", 1, 2); ok {
			t.Error("a/1/2 is gone and was found")
		}
		if s.Head("a") != 3 || s.Head("c") != 2 {
			t.Errorf("heads %d, %d", s.Head("a"), s.Head("c"))
		}
	}
	check(s)
	stop()
	s, _ = started(t, path)
	check(s)
	if got := commit(t, s, func(c *store.Change) { c.Append(at("a", young)) }); got[0].ID() != "a/1/4" {
		t.Errorf("the next event is %s", got[0].ID())
	}
}

// TestPruneKeepsOrderWhileReadersMove asks for a limit that grows while the
// pruning goes on. An event that was held must hold all that follow it, or the
// stream has a hole.
func TestPruneKeepsOrderWhileReadersMove(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	const many = 2500 // several batches
	events := make([]record.Event, many)
	for i := range events {
		events[i] = at("a", moment)
	}
	appendAll(t, s, events...)
	limit := uint64(500)
	n, err := s.Prune(t.Context(), later, func(string) uint64 {
		defer func() { limit += 1000 }()
		return limit
	})
	if n != 500 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	want := numbered("a", 501, many)
	if got := streamIDs(t, s, "a"); !slices.Equal(got, want) {
		t.Errorf("%d events are left, from %s", len(got), got[0])
	}
	stop()
	s, _ = started(t, path)
	if got := streamIDs(t, s, "a"); !slices.Equal(got, want) {
		t.Errorf("after reopen %d events are left, from %s", len(got), got[0])
	}
	if n, err := s.Prune(t.Context(), later, upTo(math.MaxUint64)); n != many-500 || err != nil || len(s.Streams()) != 0 {
		t.Errorf("pruned the rest: %d, %v, %v", n, err, s.Streams())
	}
}

// TestPruneMayAskTheStore: a reader that is asked how far it has come may look
// into the store to answer.
func TestPruneMayAskTheStore(t *testing.T) {
	s, _, _ := logged(t, 4)
	n, err := s.Prune(t.Context(), later, func(stream string) uint64 {
		if _, err := s.Lanes(); err != nil {
			t.Error(err)
		}
		if _, err := s.Commit(t.Context(), appendTo(s, stream)); err != nil {
			t.Error(err)
		}
		return s.SeqAt(stream, 2)
	})
	if n != 2 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
}

func TestPruneStops(t *testing.T) {
	s, stop, _ := logged(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Prune(ctx, later, upTo(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop()
	if _, err := s.Prune(t.Context(), later, upTo(9)); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestReadersBesideThePruner reads a stream while it is pruned: what is read is
// in order and without a gap.
func TestReadersBesideThePruner(t *testing.T) {
	s, _, _ := logged(t, 6000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for seq := uint64(100); seq <= 3000; seq += 100 {
			if _, err := s.Prune(t.Context(), later, upTo(seq)); err != nil {
				t.Error(err)
			}
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		events, err := s.Events("a", 0, 300)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(events); i++ {
			if events[i].Seq != events[i-1].Seq+1 {
				t.Fatalf("%s follows %s", events[i].ID(), events[i-1].ID())
			}
		}
	}
	if len(s.Streams()) != 0 {
		t.Errorf("left: %v", s.Streams())
	}
}

func TestEraseStream(t *testing.T) {
	s, stop, path := logged(t, 5000)
	if err := s.EraseStream(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.EraseStream(t.Context(), "nobody"); err != nil {
		t.Fatal(err)
	}
	stop()
	s, _ = started(t, path)
	if got := s.Streams(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("streams %v", got)
	}
	if got := streamIDs(t, s, "b"); !slices.Equal(got, numbered("b", 1, 2500)) {
		t.Errorf("b has %d events", len(got))
	}
	if got := commit(t, s, func(c *store.Change) { c.Append(at("a", moment)) }); got[0].ID() != "a/1/2501" {
		t.Errorf("an id was given out again: %s", got[0].ID())
	}
}
