package store_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// neighbours are names that a careless prefix would mix up.
var neighbours = []string{"a", "ab", "a-b", "b", "aa", "A", "a\x01", "a\xff"}

func populate(t *testing.T, s *store.Store) {
	t.Helper()
	commit(t, s, func(c *store.Change) {
		for _, n := range neighbours {
			c.PutInstance(record.Instance{ID: n})
			c.PutSession(n, record.Session{ID: "s-" + n})
			c.PutGreenAPI(record.GreenAPI{Instance: n})
			c.PutPicture(n, record.Picture{ID: "p-" + n})
			c.PutEndpoint(record.Endpoint{ID: n, Stream: n})
			for _, stream := range neighbours {
				c.PutLane(record.Lane{Endpoint: n, Stream: stream})
				c.PutLane(record.Lane{Endpoint: n, Stream: stream, Replay: "a"})
				c.PutDeadLetter(record.DeadLetter{Endpoint: n, Stream: stream, From: 2, To: 3})
				c.PutDeadLetter(record.DeadLetter{Endpoint: n, Stream: stream, From: 0x0100, To: 0x0101})
			}
		}
	})
	for _, n := range neighbours {
		for _, session := range []string{"s", "st"} {
			if err := s.Device(n, session).Apply(t.Context(), map[string][]byte{"k": []byte(n + session), "": {}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// inventory counts what the store holds, by name.
func inventory(t *testing.T, s *store.Store) map[string]int {
	t.Helper()
	held := make(map[string]int)
	instances, err1 := s.Instances()
	endpoints, err2 := s.Endpoints()
	lanes, err3 := s.Lanes()
	greens, err4 := s.GreenAPIs()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	for _, g := range greens {
		held["green "+g.Instance]++
	}
	for _, in := range instances {
		held["instance "+in.ID]++
	}
	for _, e := range endpoints {
		held["endpoint "+e.ID]++
	}
	for _, l := range lanes {
		held["lanes "+l.Endpoint]++
		held["lanes of "+l.Stream]++
	}
	for _, n := range neighbours {
		dead, err := s.DeadLetters(n)
		if err != nil {
			t.Fatal(err)
		}
		held["dead "+n] = len(dead)
		of, err := s.DeadLettersOf("", n)
		if err != nil {
			t.Fatal(err)
		}
		held["dead of "+n] = len(of)
		if session, err := s.Session(n); err != nil {
			t.Fatal(err)
		} else if session != nil {
			held["session "+n]++
		}
		if p, err := s.Picture(n); err != nil {
			t.Fatal(err)
		} else if p != nil && p.ID == "p-"+inJSON(n) {
			held["picture "+n]++
		}
		for _, session := range []string{"s", "st"} {
			err := s.Device(n, session).Scan(nil, func(k, v []byte) error {
				held["device "+n]++
				if len(k) > 0 && string(v) != n+session {
					return fmt.Errorf("%q holds %q", k, v)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, n := range held {
		if n == 0 {
			delete(held, what)
		}
	}
	return held
}

// inJSON is what JSON makes of a name.
func inJSON(name string) string { return strings.ToValidUTF8(name, "\ufffd") }

func TestErasingTouchesNobodyElse(t *testing.T) {
	// What one endpoint holds of one stream, and all of them together.
	const lanes, dead = 2, 2
	all := len(neighbours)
	own := map[string]int{"instance a": 1, "session a": 1, "picture a": 1, "device a": 4, "green a": 1}
	endpoint := map[string]int{"endpoint a": 1, "lanes a": lanes * all, "dead a": dead * all}
	for _, n := range neighbours {
		endpoint["lanes of "+inJSON(n)], endpoint["dead of "+n] = lanes, dead
	}
	stream := map[string]int{"lanes of a": lanes * all, "dead of a": dead * all}
	for _, n := range neighbours {
		stream["lanes "+inJSON(n)], stream["dead "+n] = lanes, dead
	}
	both := make(map[string]int)
	for _, part := range []map[string]int{own, endpoint, stream} {
		for what, n := range part {
			both[what] = max(both[what], n)
		}
	}
	ownStream := maps.Clone(own)
	maps.Copy(ownStream, stream)
	onlyLanes := maps.Clone(endpoint)
	maps.DeleteFunc(onlyLanes, func(what string, _ int) bool { return !strings.HasPrefix(what, "lanes") })
	for name, c := range map[string]struct {
		erase func(*store.Change)
		gone  map[string]int
	}{
		"instance":       {func(c *store.Change) { c.EraseInstance("a", "a") }, both},
		"instance alone": {func(c *store.Change) { c.EraseInstance("a") }, ownStream},
		"session":        {func(c *store.Change) { c.DropSession("a") }, map[string]int{"session a": 1, "picture a": 1, "device a": 4}},
		"picture":        {func(c *store.Change) { c.DropPicture("a") }, map[string]int{"picture a": 1}},
		"endpoint":       {func(c *store.Change) { c.DeleteEndpoint("a") }, endpoint},
		"lanes":          {func(c *store.Change) { c.DeleteLanes("a") }, onlyLanes},
		"lane": {
			func(c *store.Change) { c.DeleteLane("a", "b", "") },
			map[string]int{"lanes a": 1, "lanes of b": 1},
		},
		"replay": {
			func(c *store.Change) { c.DeleteLane("a", "b", "a") },
			map[string]int{"lanes a": 1, "lanes of b": 1},
		},
		"dead letters": {
			func(c *store.Change) { c.DeleteDeadLetters("a", "b", 0, 3) },
			map[string]int{"dead a": 1, "dead of b": 1},
		},
		"nobody": {func(c *store.Change) { c.EraseInstance("z", "z") }, nil},
	} {
		s, _ := started(t, newPath(t))
		populate(t, s)
		before := inventory(t, s)
		commit(t, s, c.erase)
		after := inventory(t, s)
		for what, n := range before {
			if want := n - c.gone[what]; after[what] != want {
				t.Errorf("%s: %s: %d before, %d after, want %d", name, what, n, after[what], want)
			}
		}
	}
}

// TestOneChangeWritesInOrder: what a change deletes and then puts is there.
func TestOneChangeWritesInOrder(t *testing.T) {
	s, _ := started(t, newPath(t))
	populate(t, s)
	commit(t, s, func(c *store.Change) {
		c.DropSession("a")
		c.PutSession("a", record.Session{ID: "fresh"})
		c.DeleteEndpoint("b")
		c.PutLane(record.Lane{Endpoint: "b", Stream: "b", Acked: 7})
	})
	if got, err := s.Session("a"); err != nil || got == nil || got.ID != "fresh" {
		t.Errorf("session: %+v, %v", got, err)
	}
	if held := inventory(t, s); held["lanes b"] != 1 || held["device a"] != 0 || held["endpoint b"] != 0 {
		t.Errorf("held: %v", held)
	}
}

func TestDeadLettersAreInOrder(t *testing.T) {
	s, _ := started(t, newPath(t))
	var want []uint64
	commit(t, s, func(c *store.Change) {
		for _, from := range []uint64{300, 2, 1, 70000, 255, 256} {
			c.PutDeadLetter(record.DeadLetter{Endpoint: "e", Stream: "a", From: from})
			want = append(want, from)
		}
	})
	slices.Sort(want)
	dead, err := s.DeadLetters("e")
	var got []uint64
	for _, d := range dead {
		got = append(got, d.From)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
