//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// gate holds up the commits of the file while it is shut.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // guarded by mu; nil while it is open
}

func (g *gate) commit(tx *bbolt.Tx) error {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
	return tx.Commit()
}

// close shuts it, and the answer opens it again, also if it is called twice.
func (g *gate) close() (reopen func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	shut := make(chan struct{})
	g.shut = shut
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.shut = nil
		close(shut)
	})
}

// gated runs a store that commits through a gate.
func gated(t *testing.T, path string) (s *store.Store, g *gate, stop func()) {
	t.Helper()
	s, g = open(t, path), new(gate)
	s.SetCommit(g.commit)
	return s, g, run(t, s)
}

// layers is what lies in the file, over it on its way into it, and over both: by key,
// where "-" is a delete.
type layers [3]map[string]string

const deleted = "-"

// laid runs a store whose layers are these, for as long as fn runs. In the buckets on
// both sides lies something else.
func laid(t *testing.T, l layers, fn func(*store.Store)) {
	t.Helper()
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, g, stop := gated(t, path)
		reopen := func() {}
		defer func() { reopen() }()
		for i, writes := range l {
			commit(t, s, func(c *store.Change) {
				for _, bucket := range []string{"sessions", "greenapi", "endpoints"} { // beside device, in every order there is
					c.Raw(bucket, []byte("a"), fmt.Append(nil, i))
					c.Raw(bucket, []byte("\xff\xff"), fmt.Append(nil, i))
				}
				for k, v := range writes {
					if v == deleted {
						c.Raw("device", []byte(k), nil)
					} else {
						c.Raw("device", []byte(k), []byte(v))
					}
				}
			})
			if i == 1 {
				reopen = g.close()
			}
			if i < 2 {
				time.Sleep(2 * time.Second) // it goes into the file, or as far as the gate
			}
		}
		fn(s)
		reopen()
		fn(s)
		time.Sleep(2 * time.Second)
		fn(s) // all of it is in the file
		stop()
	})
	synctest.Test(t, func(t *testing.T) {
		s, stop := started(t, path)
		fn(s)
		stop()
	})
}

// flat is what the layers come to, in order.
func (l layers) flat() (keys []string, values map[string]string) {
	values = make(map[string]string)
	for _, writes := range l {
		for k, v := range writes {
			if values[k] = v; v == deleted {
				delete(values, k)
			}
		}
	}
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys, values
}

// check compares what a store shows of the layers with what they come to: key by key,
// and from each place on.
func (l layers) check(t *testing.T, s *store.Store, places []string) {
	t.Helper()
	keys, values := l.flat()
	for _, p := range places {
		if p == "" {
			continue
		}
		got, err := s.Value("device", []byte(p))
		if want, ok := values[p]; err != nil || ok != (got != nil) || string(got) != want {
			t.Fatalf("%q is %q (%v), want %q (%t)", p, got, err, want, ok)
		}
	}
	err := s.Walk("device", func(c *store.Cursor) {
		for _, p := range places { // one cursor for all: it is left anywhere
			k, v := c.Seek([]byte(p))
			at, _ := slices.BinarySearch(keys, p)
			for _, want := range keys[at:] {
				if string(k) != want || v == nil || string(v) != values[want] {
					t.Fatalf("from %q on: %q is %q, want %q to be %q", p, k, v, want, values[want])
				}
				if k, v = c.Next(); len(want)%2 == 0 && p != "" {
					break // seek again from the middle
				}
			}
			if at == len(keys) && (k != nil || v != nil) {
				t.Fatalf("behind the end from %q on: %q, %q", p, k, v)
			}
		}
		n := 0
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			n++
		}
		if k, v := c.Next(); n != len(keys) || k != nil || v != nil {
			t.Fatalf("%d keys, want %d; then %q, %q", n, len(keys), k, v)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// places are all keys of the layers, and what is beside them.
func (l layers) places() []string {
	out := []string{"", "\x00", "\xff", "\xff\xff\xff"}
	for _, writes := range l {
		for k := range writes {
			out = append(out, k, k+"\x00", k[:len(k)-1], k[:len(k)-1]+"\xff")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestLayers goes through a bucket that lies in three layers.
func TestLayers(t *testing.T) {
	for name, l := range map[string]layers{
		"nothing":               {},
		"in the file":           {{"a": "1", "b": "2"}, nil, nil},
		"on its way":            {nil, {"a": "1", "b": "2"}, nil},
		"over both":             {nil, nil, {"a": "1", "b": "2"}},
		"each has one":          {{"b": "1"}, {"a": "2"}, {"c": "3"}},
		"each has one, rotated": {{"a": "1"}, {"c": "2"}, {"b": "3"}},
		"the newest counts":     {{"a": "1", "b": "1", "c": "1"}, {"a": "2", "b": "2"}, {"a": "3"}},
		"deleted on its way":    {{"a": "1", "b": "1", "c": "1"}, {"b": deleted}, nil},
		"deleted over both":     {{"a": "1", "b": "1"}, {"b": "2", "c": "2"}, {"a": deleted, "b": deleted, "c": deleted}},
		"deleted and put again": {{"a": "1", "b": "1"}, {"a": deleted, "b": deleted}, {"a": "3"}},
		"put, deleted and put":  {nil, {"a": "1"}, {"a": "2"}},
		"deleted twice":         {{"a": "1"}, {"a": deleted}, {"a": deleted}},
		"deletes of nothing":    {nil, {"a": deleted}, {"b": deleted}},
		"the last is deleted":   {{"a": "1", "\xff\xff": "1"}, nil, {"\xff\xff": deleted}},
		"the first is deleted":  {{"\x00": "1", "a": "1"}, {"\x00": deleted}, nil},
		"empty is not deleted":  {{"a": "", "b": "1", "c": "1"}, {"b": "", "d": ""}, {"c": "", "e": ""}},
		"empty, then deleted":   {{"a": ""}, {"a": deleted, "b": ""}, {"b": deleted}},
		"deleted, then empty":   {{"a": "1"}, {"a": deleted}, {"a": ""}},
		"keys that begin alike": {{"a": "1", "a\x00\x00": "1"}, {"a\x00": "2"}, {"a\x00b": "3", "a\x01": deleted}},
	} {
		t.Run(name, func(t *testing.T) {
			laid(t, l, func(s *store.Store) { l.check(t, s, l.places()) })
		})
	}
}

// TestRandomLayers does so with layers of all sizes.
func TestRandomLayers(t *testing.T) {
	for seed := range seeds(t, 10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			var l layers
			space := 1 + r.IntN(400)
			for i := range l {
				l[i] = make(map[string]string)
				for range r.IntN(3) * r.IntN(1+space) {
					k := fmt.Sprintf("%03x", r.IntN(space))
					k = k[:1+r.IntN(3)] + strings.Repeat("\xff", r.IntN(2))
					switch r.IntN(4) {
					case 0:
						l[i][k] = deleted
					case 1:
						l[i][k] = ""
					default:
						l[i][k] = fmt.Sprint(seed, i, r.IntN(1000))
					}
				}
			}
			places := l.places()
			r.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
			places = places[:min(len(places), 200)]
			laid(t, l, func(s *store.Store) { l.check(t, s, places) })
		})
	}
}

// TestBatchSeesItself: what one change finds to delete is what the changes before it in
// the same batch have left, in whatever layer that lies.
func TestBatchSeesItself(t *testing.T) {
	l := layers{{"a\x00s\x001": "1", "b\x00s\x001": "1"}, {"a\x00s\x002": "2", "b\x00s\x001": "2"}, {"a\x00s\x003": "3"}}
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, g, _ := gated(t, path)
		reopen := func() {}
		defer func() { reopen() }()
		for i, writes := range l {
			commit(t, s, func(c *store.Change) {
				for k, v := range writes {
					c.Raw("device", []byte(k), []byte(v))
				}
			})
			if i == 1 {
				reopen = g.close()
			}
			if i < 2 {
				time.Sleep(2 * time.Second)
			}
		}
		commit(t, s, func(c *store.Change) {
			c.PutDevice("a", "s", map[string][]byte{"4": []byte("4")})
			c.DropSession("a")
			c.PutDevice("a", "s", map[string][]byte{"5": []byte("5")})
		})
		var left []string
		if err := s.Walk("device", func(c *store.Cursor) {
			for k, v := c.First(); k != nil; k, v = c.Next() {
				left = append(left, fmt.Sprintf("%s=%s", bytes.ReplaceAll(k, []byte{0}, []byte("/")), bytes.TrimLeft(v, "\x00")))
			}
		}); err != nil {
			t.Fatal(err)
		}
		if want := []string{"a/s/5=5", "b/s/1=2"}; !slices.Equal(left, want) {
			t.Errorf("left is %v, want %v", left, want)
		}
	})
}

// TestKeptRecordIsCopied: what lies over the file must not change with the caller's.
func TestKeptRecordIsCopied(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, stop := started(t, path)
		keys := []byte("the record of the keys")
		commit(t, s, func(c *store.Change) { c.PutKeys(keys) })
		clear(keys)
		if got, err := s.Value("meta", []byte("keys")); string(got) != "the record of the keys" || err != nil {
			t.Errorf("over the file there is %q, %v", got, err)
		}
		stop()
	})
	look(t, path, func(tx *bbolt.Tx) error {
		if got := tx.Bucket([]byte("meta")).Get([]byte("keys")); string(got) != "the record of the keys" {
			t.Errorf("the file has %q", got)
		}
		return nil
	})
}
