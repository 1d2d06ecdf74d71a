package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

func lanesOf(t *testing.T, s *store.Store) (out []string) {
	t.Helper()
	lanes, err := s.Lanes()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lanes {
		out = append(out, fmt.Sprintf("%s/%s/%s@%d", l.Endpoint, l.Stream, l.Replay, l.Acked))
	}
	return out
}

func runs(dead []record.DeadLetter) (out []string) {
	for _, d := range dead {
		out = append(out, fmt.Sprintf("%d-%d%s", d.From, d.To, d.Replay))
	}
	return out
}

func putEndpoints(t testing.TB, s *store.Store, ids ...string) {
	t.Helper()
	commit(t, s, func(c *store.Change) {
		for _, id := range ids {
			c.PutEndpoint(record.Endpoint{ID: id, URL: "https://x.example"})
		}
	})
}

// A replay stands beside the live lane, and its end takes with it what it has
// delivered and nothing else.
func TestReplayEnds(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	putEndpoints(t, s, "e", "f")
	live := record.Lane{Endpoint: "e", Stream: "a", Acked: 90}
	replay := record.Lane{Endpoint: "e", Stream: "a", Replay: "r", From: 10, Until: 20, Acked: 9}
	var dead []record.DeadLetter
	for _, d := range []record.DeadLetter{
		{Stream: "a", From: 5, To: 9},
		{Stream: "a", From: 8, To: 12},
		{Stream: "a", From: 10, To: 10},
		{Stream: "a", From: 12, To: 17},
		{Stream: "a", From: 19, To: 20},
		{Stream: "a", From: 20, To: 21},
		{Stream: "a", From: 30, To: 31},
		{Stream: "b", From: 12, To: 13},
		{Endpoint: "f", Stream: "a", From: 12, To: 13},
		{Stream: "ab", From: 12, To: 13},
	} {
		d.Endpoint = cmp.Or(d.Endpoint, "e")
		dead = append(dead, d)
	}
	if err := s.SaveLanes(t.Context(), []record.Lane{live, replay, {Endpoint: "e", Stream: "a", Replay: "r2"}, {Endpoint: "e", Stream: "b", Replay: "r"}}, dead); err != nil {
		t.Fatal(err)
	}
	if got := lanesOf(t, s); !slices.Equal(got, []string{"e/a/@90", "e/a/r@9", "e/a/r2@0", "e/b/r@0"}) {
		t.Errorf("lanes %v", got)
	}
	// It gives one event up on its way, and one with its last breath.
	replay.Acked = 15
	if err := s.SaveLanes(t.Context(), []record.Lane{replay}, []record.DeadLetter{{Endpoint: "e", Stream: "a", From: 15, To: 15, Replay: "r"}}); err != nil {
		t.Fatal(err)
	}
	replay.Acked, replay.Ended, live.Acked = 20, true, 91
	if err := s.SaveLanes(t.Context(), []record.Lane{live, replay}, []record.DeadLetter{{Endpoint: "e", Stream: "a", From: 20, To: 20, Replay: "r"}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := lanesOf(t, s); !slices.Equal(got, []string{"e/a/@91", "e/a/r2@0", "e/b/r@0"}) {
			t.Errorf("lanes %v", got)
		}
		of, err := s.DeadLettersOf("e", "a")
		if got := runs(of); err != nil || !slices.Equal(got, []string{"5-9", "8-12", "15-15r", "20-21", "20-20r", "30-31"}) {
			t.Errorf("dead letters %v, %v", got, err)
		}
		for who, n := range map[[2]string]int{{"e", "b"}: 1, {"f", "a"}: 1, {"e", "ab"}: 1, {"e", ""}: 8, {"", "a"}: 7, {"", ""}: 9, {"x", ""}: 0} {
			if of, err := s.DeadLettersOf(who[0], who[1]); err != nil || len(of) != n {
				t.Errorf("%v has the dead letters %v, %v; want %d", who, runs(of), err, n)
			}
		}
		stop()
		s, stop = started(t, path)
	}
}

// A replay that was stopped is forgotten; it has not delivered what it leaves.
func TestStoppedReplaysLeaveDeadLetters(t *testing.T) {
	s, _ := started(t, newPath(t))
	putEndpoints(t, s, "e")
	replay := record.Lane{Endpoint: "e", Stream: "a", Replay: "r", Acked: 3, From: 1, Until: 9}
	dead := []record.DeadLetter{{Endpoint: "e", Stream: "a", From: 2, To: 2}}
	if err := s.SaveLanes(t.Context(), []record.Lane{replay}, dead); err != nil {
		t.Fatal(err)
	}
	replay.Ended, replay.Stopped = true, true
	if err := s.SaveLanes(t.Context(), []record.Lane{replay}, nil); err != nil {
		t.Fatal(err)
	}
	if of, err := s.DeadLettersOf("e", "a"); err != nil || len(of) != 1 || len(lanesOf(t, s)) != 0 {
		t.Errorf("%v, %v, %v", runs(of), lanesOf(t, s), err)
	}
}

// A live lane has no end to be saved.
func TestLiveLanesStay(t *testing.T) {
	s, _ := started(t, newPath(t))
	putEndpoints(t, s, "e")
	dead := []record.DeadLetter{{Endpoint: "e", Stream: "a", From: 1, To: 2}}
	if err := s.SaveLanes(t.Context(), []record.Lane{{Endpoint: "e", Stream: "a", Acked: 5, Until: 9, Ended: true}}, dead); err != nil {
		t.Fatal(err)
	}
	if of, err := s.DeadLettersOf("e", "a"); err != nil || len(of) != 1 || len(lanesOf(t, s)) != 1 {
		t.Errorf("%v, %v, %v", runs(of), lanesOf(t, s), err)
	}
}

func TestDeadLettersAreBoundedAndByAge(t *testing.T) {
	s, _ := started(t, newPath(t))
	commit(t, s, func(c *store.Change) {
		for i := range store.MaxDeadLetters + 5 {
			c.PutDeadLetter(record.DeadLetter{Endpoint: "e", Stream: "b", From: uint64(i), At: moment})
		}
		c.PutDeadLetter(record.DeadLetter{Endpoint: "e", Stream: "a", From: 7, At: moment.Add(time.Hour)})
	})
	all, err := s.DeadLettersOf("", "")
	if err != nil || len(all) != store.MaxDeadLetters || all[0].From != 0 || all[len(all)-1].Stream != "a" {
		t.Errorf("%d, %v", len(all), err)
	}
	commit(t, s, func(c *store.Change) { c.DeleteDeadLetters("e", "b", 3, 1<<63) })
	if of, err := s.DeadLettersOf("e", "b"); err != nil || len(of) != 3 {
		t.Errorf("%v, %v", runs(of), err)
	}
}

// What a replay gives up stands beside what was given up live, though both begin
// with the same event: a shorter run must not make the rest of a longer one
// disappear.
func TestReplayKeepsTheRunItCameFrom(t *testing.T) {
	s, _ := started(t, newPath(t))
	putEndpoints(t, s, "e")
	for _, d := range []record.DeadLetter{{From: 5, To: 10}, {From: 5, To: 5, Replay: "r"}, {From: 5, To: 6, Replay: "q"}, {From: 5, To: 10}} {
		d.Endpoint, d.Stream = "e", "a"
		if err := s.SaveLanes(t.Context(), nil, []record.DeadLetter{d}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.DeadLettersAfter("e", "a", store.DeadPlace{}, 9)
	if got := runs(all); err != nil || !slices.Equal(got, []string{"5-10", "5-6q", "5-5r"}) {
		t.Fatalf("%v, %v", got, err)
	}
	// The replay ends: what another one has given up in it was delivered now.
	end := record.Lane{Endpoint: "e", Stream: "a", Replay: "r", From: 5, Until: 6, Acked: 6, Ended: true}
	if err := s.SaveLanes(t.Context(), []record.Lane{end}, nil); err != nil {
		t.Fatal(err)
	}
	all, err = s.DeadLettersAfter("e", "a", store.DeadPlace{}, 9)
	if got := runs(all); err != nil || !slices.Equal(got, []string{"5-10", "5-5r"}) {
		t.Errorf("%v, %v", got, err)
	}
}

// All dead letters can be read page by page, whoever is asked for.
func TestDeadLettersByPage(t *testing.T) {
	s, _ := started(t, newPath(t))
	var all []record.DeadLetter
	for _, endpoint := range []string{"e", "ea", "f"} {
		for _, stream := range []string{"a", "ab", "b"} {
			for _, from := range []uint64{1, 2, 0x0100, 1 << 40} {
				for _, replay := range []string{"", "q", "r"} {
					all = append(all, record.DeadLetter{Endpoint: endpoint, Stream: stream, From: from, To: from, Replay: replay})
				}
			}
		}
	}
	commit(t, s, func(c *store.Change) {
		for _, d := range slices.Backward(all) {
			c.PutDeadLetter(d)
		}
	})
	for _, endpoint := range []string{"", "e", "ea", "f", "x"} {
		for _, stream := range []string{"", "a", "ab", "b", "x"} {
			want := slices.DeleteFunc(slices.Clone(all), func(d record.DeadLetter) bool {
				return endpoint != "" && d.Endpoint != endpoint || stream != "" && d.Stream != stream
			})
			for _, size := range []int{1, 5, 1000} {
				var got []record.DeadLetter
				for at := (store.DeadPlace{}); ; {
					page, err := s.DeadLettersAfter(endpoint, stream, at, size)
					if err != nil || len(page) > size {
						t.Fatal(len(page), err)
					}
					if len(page) == 0 {
						break
					}
					got, at = append(got, page...), store.PlaceOf(page[len(page)-1])
				}
				if !slices.EqualFunc(got, want, func(a, b record.DeadLetter) bool { return store.PlaceOf(a) == store.PlaceOf(b) }) {
					t.Errorf("%q of %q by %d: %d of %d", stream, endpoint, size, len(got), len(want))
				}
			}
		}
	}
	// A place that is gone, or of another's, is as good as any.
	if page, err := s.DeadLettersAfter("ea", "", store.DeadPlace{Endpoint: "e", Stream: "zz", From: 9}, 1); err != nil || len(page) != 1 || page[0].Endpoint != "ea" {
		t.Errorf("%+v, %v", page, err)
	}
	if page, err := s.DeadLettersAfter("e", "a", store.DeadPlace{Endpoint: "f"}, 1); err != nil || len(page) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

// An endpoint can go while the outbox saves: nothing of it may come back, and
// nothing of the others may be lost. Without an address it has no lanes either.
func TestSavedAfterTheirEndpointWent(t *testing.T) {
	s, _ := started(t, newPath(t))
	putEndpoints(t, s, "e", "stays", "w")
	save := func() {
		t.Helper()
		var lanes []record.Lane
		var dead []record.DeadLetter
		for _, ep := range []string{"e", "w", "stays", "never"} {
			lanes = append(lanes, record.Lane{Endpoint: ep, Stream: "a", Acked: 5}, record.Lane{Endpoint: ep, Stream: "a", Replay: "r", Until: 9})
			dead = append(dead, record.DeadLetter{Endpoint: ep, Stream: "a", From: 4, To: 4})
		}
		if err := s.SaveLanes(t.Context(), lanes, dead); err != nil {
			t.Fatal(err)
		}
	}
	save()
	if got := lanesOf(t, s); !slices.Equal(got, []string{"e/a/@5", "e/a/r@0", "stays/a/@5", "stays/a/r@0", "w/a/@5", "w/a/r@0"}) {
		t.Fatal(got)
	}
	commit(t, s, func(c *store.Change) {
		c.DeleteEndpoint("e")
		c.PutEndpoint(record.Endpoint{ID: "w"})
		c.DeleteLanes("w")
	})
	save()
	dead, err := s.DeadLettersOf("", "")
	if got := lanesOf(t, s); !slices.Equal(got, []string{"stays/a/@5", "stays/a/r@0"}) || err != nil || len(dead) != 2 {
		t.Errorf("%v, %+v, %v", got, dead, err)
	}
}

// Whatever the order in which an endpoint goes and its lanes are saved, they are
// gone in the end.
func TestSaveBesideARemoval(t *testing.T) {
	s, _ := started(t, newPath(t))
	for range 20 {
		putEndpoints(t, s, "e")
		var both sync.WaitGroup
		for range 4 {
			both.Go(func() {
				lanes := []record.Lane{{Endpoint: "e", Stream: "a", Acked: 5}}
				if err := s.SaveLanes(t.Context(), lanes, []record.DeadLetter{{Endpoint: "e", Stream: "a", From: 4, To: 4}}); err != nil {
					t.Error(err)
				}
			})
		}
		both.Go(func() {
			c := s.Change()
			c.DeleteEndpoint("e")
			if _, err := s.Commit(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if dead, err := s.DeadLettersOf("", ""); len(lanesOf(t, s)) != 0 || len(dead) != 0 || err != nil {
			t.Fatalf("%v, %v, %v", lanesOf(t, s), runs(dead), err)
		}
	}
}

// Dead letters go when they are old and the log has not got their events any
// more, a part at a time.
func TestOldDeadLettersGo(t *testing.T) {
	s, _ := started(t, newPath(t))
	old, young := moment, moment.Add(time.Hour)
	commit(t, s, func(c *store.Change) {
		for range 9 {
			c.Append(at("a", old))
		}
		for i := range uint64(2500) {
			c.PutDeadLetter(record.DeadLetter{Endpoint: "e", Stream: "erased", From: i + 1, To: i + 1, At: old})
		}
		for _, d := range []record.DeadLetter{
			{From: 1, To: 2, At: old}, {From: 1, To: 2, Replay: "r", At: young}, {From: 3, To: 4, At: old}, {From: 3, To: 3, Replay: "r", At: old}, {From: 7, To: 7, At: old},
		} {
			d.Endpoint, d.Stream = "e", "a"
			c.PutDeadLetter(d)
		}
	})
	if n, err := s.Prune(t.Context(), young, func(string) uint64 { return 3 }); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	total, rounds := 0, 0
	for next := (store.DeadPlace{}); rounds == 0 || next != (store.DeadPlace{}); rounds++ {
		var n int
		var err error
		if n, next, err = s.PruneDeadLetters(t.Context(), young, next); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	left, err := s.DeadLettersAfter("e", "", store.DeadPlace{}, 99)
	if got := runs(left); total != 2502 || rounds != 3 || err != nil || !slices.Equal(got, []string{"1-2r", "3-4", "7-7"}) {
		t.Errorf("%d in %d rounds; left %v, %v", total, rounds, got, err)
	}
}

func TestDropDeadLetters(t *testing.T) {
	s, _ := started(t, newPath(t))
	commit(t, s, func(c *store.Change) {
		for _, endpoint := range []string{"e", "f"} {
			for i := range uint64(1500) {
				c.PutDeadLetter(record.DeadLetter{Endpoint: endpoint, Stream: "a", From: i + 1, To: i + 2})
			}
			c.PutDeadLetter(record.DeadLetter{Endpoint: endpoint, Stream: "b", From: 1, To: 1})
		}
	})
	for _, c := range []struct {
		endpoint, stream string
		from, to         uint64
		n                int
	}{
		{"x", "", 0, 1 << 63, 0},
		{"e", "a", 10, 12, 2},
		{"e", "b", 0, 1 << 63, 1},
		{"", "b", 0, 1 << 63, 1},
		{"e", "", 0, 1 << 63, 1498},
		{"", "", 0, 1 << 63, 1500},
	} {
		if n, err := s.DropDeadLetters(t.Context(), c.endpoint, c.stream, c.from, c.to); n != c.n || err != nil {
			t.Errorf("%+v: %d, %v", c, n, err)
		}
	}
}
