//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// TestPowerLoss cuts the power again and again while a store works: of what was written
// to its journal and not synced, any part may be on the disk. What was answered is
// stored, and of the batch in flight all or nothing is.
func TestPowerLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	path, copied := newPath(t), filepath.Join(t.TempDir(), "image.db")
	holds := &content{}
	total := make(map[string]int)
	for seed := range uint64(3) { // each begins with what the last has left
		synctest.Test(t, func(t *testing.T) {
			d := newDisk(t, path, seed)
			s := open(t, path)
			s.SetCommit(d.commit)
			s.SetJournal(d.write, d.sync)
			stop := run(t, s)
			for range 25 {
				will := holds.clone()
				c := s.Change()
				will.change(c, rng)
				d.begin(holds, will)
				_, err := s.Commit(t.Context(), c)
				switch {
				case err == nil:
					holds = will
				case !errors.Is(err, errDisk):
					t.Fatal(err)
				}
				for _, shot := range d.end(holds) {
					shot.check(t, copied)
					total[shot.when]++
				}
				time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond)
			}
			last, checkpoints := d.last()
			total["checkpoints"] += checkpoints
			stop()
			last.lay(t, path) // the stop has not happened
		})
		if t.Failed() {
			break
		}
	}
	t.Log(total)
	for _, when := range []string{"before a write", "before a sync", "after a sync", "between batches", "checkpoints"} {
		if total[when] < 10 {
			t.Errorf("only %d %s", total[when], when)
		}
	}
}

// content is what a store must hold.
type content struct {
	events    map[string][]string // by stream, their names
	instances map[string]string
	keys      map[string]map[string]string // of devices, by instance
}

func (c *content) clone() *content {
	out := &content{events: map[string][]string{}, instances: map[string]string{}, keys: map[string]map[string]string{}}
	for stream, names := range c.events {
		out.events[stream] = slices.Clone(names)
	}
	maps.Copy(out.instances, c.instances)
	for id, keys := range c.keys {
		out.keys[id] = maps.Clone(keys)
	}
	return out
}

// change makes a few changes, here and in what will be committed.
func (c *content) change(to *store.Change, rng *rand.Rand) {
	text := func() string {
		size := rng.IntN(100)
		switch n := rng.IntN(100); {
		case n == 0:
			size = rng.IntN(400 << 10)
		case n < 20:
			size = rng.IntN(10 << 10)
		}
		return strings.Repeat(fmt.Sprintf("%016x", rng.Uint64()), 1+size/16)
	}
	for range 1 + rng.IntN(6) {
		id := string(rune('a' + rng.IntN(5)))
		switch rng.IntN(8) {
		case 0, 1, 2:
			name := text()
			to.Append(record.Event{Stream: id, Kind: "test", Name: name, At: moment})
			c.events[id] = append(c.events[id], name)
		case 3:
			c.instances[id] = text()
			to.PutInstance(record.Instance{ID: id, Name: c.instances[id]})
		case 4, 5:
			writes := make(map[string][]byte)
			for range 1 + rng.IntN(5) {
				writes[fmt.Sprint(rng.IntN(9))] = []byte(text())
			}
			to.PutDevice(id, "one", writes)
			if c.keys[id] == nil {
				c.keys[id] = make(map[string]string)
			}
			for k, v := range writes {
				c.keys[id][k] = string(v)
			}
		case 6:
			k := fmt.Sprint(rng.IntN(9))
			to.PutDevice(id, "one", map[string][]byte{k: nil})
			delete(c.keys[id], k)
		case 7:
			to.EraseInstance(id)
			delete(c.instances, id)
			delete(c.keys, id)
		}
	}
}

// String tells all of it, shortly.
func (c *content) String() string {
	var b strings.Builder
	sum := func(v string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(v)))[:8] }
	for _, stream := range slices.Sorted(maps.Keys(c.events)) {
		for i, name := range c.events[stream] {
			fmt.Fprintf(&b, "%s/1/%d=%s ", stream, i+1, sum(name))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.instances)) {
		fmt.Fprintf(&b, "instance %s=%s ", id, sum(c.instances[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(c.keys)) {
		for _, k := range slices.Sorted(maps.Keys(c.keys[id])) {
			fmt.Fprintf(&b, "key %s %s=%s ", id, k, sum(c.keys[id][k]))
		}
	}
	return b.String()
}

// contentOf reads it.
func contentOf(t testing.TB, s *store.Store) *content {
	t.Helper()
	c := (&content{}).clone()
	for _, stream := range s.Streams() {
		events, err := s.Events(stream, 0, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(events); !slices.Equal(got, numbered(stream, 1, len(events))) || s.Head(stream) != uint64(len(events)) {
			t.Errorf("the log holds %v, its head is %d", got, s.Head(stream))
		}
		for _, e := range events {
			c.events[stream] = append(c.events[stream], e.Name)
		}
	}
	list, err := s.Instances()
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range list {
		c.instances[in.ID] = in.Name
	}
	for id := 'a'; id < 'f'; id++ {
		keys := make(map[string]string)
		err := s.Device(string(id), "one").Scan(nil, func(k, v []byte) error { keys[string(k)] = string(v); return nil })
		if err != nil {
			t.Fatal(err)
		}
		c.keys[string(id)] = keys
	}
	return c
}

// shot is an image of a disk, and what it may hold.
type shot struct {
	when    string
	goOn    bool // with another commit
	allowed []string
	image   image
}

// check opens the image at a path.
func (sh shot) check(t *testing.T, path string) {
	t.Helper()
	sh.image.lay(t, path)
	s, err := store.Open(path, store.Options{Network: "sandbox"})
	if err != nil {
		t.Errorf("%s: %v", sh.when, err)
		return
	}
	c := contentOf(t, s)
	if got := c.String(); !slices.Contains(sh.allowed, got) {
		t.Errorf("%s: the image holds\n%s\nand may hold\n%s", sh.when, got, strings.Join(sh.allowed, "\nor\n"))
	}
	if !sh.goOn {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return
	}
	stop := run(t, s)
	next := commit(t, s, func(c *store.Change) { c.Append(record.Event{Stream: "a", Kind: "test", At: moment}) })
	if want := fmt.Sprintf("a/1/%d", len(c.events["a"])+1); next[0].ID() != want {
		t.Errorf("%s: the next event is %s, want %s", sh.when, next[0].ID(), want)
	}
	stop()
}

// image is what lies on a disk: the database and, by the ends of their names, the files
// of its journal.
type image map[string][]byte

var imageParts = []string{"", ".journal1", ".journal2"}

func imageOf(t testing.TB, path string) image {
	t.Helper()
	im := make(image)
	for _, part := range imageParts {
		b, err := os.ReadFile(path + part)
		switch {
		case err == nil:
			im[part] = b
		case !errors.Is(err, os.ErrNotExist):
			t.Fatal(err)
		}
	}
	return im
}

// lay puts the image where another may lie.
func (im image) lay(t testing.TB, path string) {
	t.Helper()
	for _, part := range imageParts {
		err := os.Remove(path + part)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		if b, ok := im[part]; ok {
			err = errors.Join(err, os.WriteFile(path+part, b, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (im image) clone() image {
	out := make(image)
	for part, b := range im {
		out[part] = bytes.Clone(b)
	}
	return out
}
