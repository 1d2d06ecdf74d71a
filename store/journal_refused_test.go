//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/store"
)

// crashed answers what lies there after a crash in a checkpoint: no instance is in the
// database, 1 to 3 are in the first file of the journal, 4 to 6 in the second. Each entry
// is one page, and the first follows the page that begins the file. later is of the same
// store when all of it has been stored, and 7 and 8 in the journal.
func crashed(t *testing.T) (im, later image) {
	t.Helper()
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		s.SetCommit(func(tx *bbolt.Tx) error { time.Sleep(time.Minute); return tx.Commit() })
		stop := run(t, s)
		for _, name := range []string{"1", "2", "3", "wait", "4", "5", "6", "crash", "7", "8"} {
			switch name {
			case "wait":
				time.Sleep(1500 * time.Millisecond)
			case "crash":
				im = imageOf(t, path)
				time.Sleep(10 * time.Minute)
			default:
				if _, err := put(t, s, name); err != nil {
					t.Fatal(err)
				}
			}
		}
		later = imageOf(t, path)
		stop()
	})
	return im, later
}

// TestJournalsThatAreRefused: rather than go on without what was answered as stored, a
// store does not open. What lies there stays as it is.
func TestJournalsThatAreRefused(t *testing.T) {
	im, later := crashed(t)
	other, _ := crashed(t)
	for name, change := range map[string]func(image){
		"of another database":        func(im image) { im[".journal1"], im[".journal2"] = other[".journal1"], other[".journal2"] },
		"one of another database":    func(im image) { im[".journal2"] = other[".journal2"] },
		"without a database":         func(im image) { delete(im, "") },
		"beside an empty database":   func(im image) { im[""] = nil },
		"of later than the database": func(im image) { im[".journal1"], im[".journal2"] = later[".journal1"], later[".journal2"] },
		"its first file is gone":     func(im image) { delete(im, ".journal1") },
		"its first file is empty":    func(im image) { im[".journal1"] = nil },
		"its first file is shorter":  func(im image) { im[".journal1"] = im[".journal1"][:3*diskPage] },
		"an entry of zeros":          func(im image) { clear(im[".journal1"][2*diskPage : 3*diskPage]) },
		"the last of the first file": func(im image) { im[".journal1"][3*diskPage+40] ^= 1 },
		"its first page is cut":      func(im image) { im[".journal1"] = im[".journal1"][:50] },
		"a newer version": func(im image) {
			page := im[".journal1"]
			binary.BigEndian.PutUint32(page[8:], 2)
			end := 37 + int(page[36])
			binary.BigEndian.PutUint32(page[end:], crc32.Checksum(page[:end], crc32.MakeTable(crc32.Castagnoli)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			im := im.clone()
			change(im)
			refusedImage(t, im, newPath(t))
		})
	}
}

// TestJournalsThatAreDamaged flips bytes, of entries and of first pages.
func TestJournalsThatAreDamaged(t *testing.T) {
	im, _ := crashed(t)
	path := newPath(t)
	for _, part := range imageParts[1:] {
		page := im[part]
		for at := 0; at < 37+int(page[36])+4; at += 1 + at/8 {
			page[at] ^= 1 << (at % 8)
			refusedImage(t, im, path)
			page[at] ^= 1 << (at % 8)
		}
		for _, entry := range []int{1, 2} {
			start := entry * diskPage
			end := start + 16 + int(binary.BigEndian.Uint32(page[start+8:]))
			for at := start; at < end; at += 1 + (at-start)/8*7 {
				page[at] ^= 0xff
				refusedImage(t, im, path)
				page[at] ^= 0xff
			}
		}
	}
	im.lay(t, path)
	holds(t, path, "1", "2", "3", "4", "5", "6")
}

// refusedImage proves that an image does not open, and that an error says what to do.
func refusedImage(t *testing.T, im image, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	im.lay(t, path)
	s, err := store.Open(path, store.Options{Network: "sandbox"})
	var journal *store.JournalError
	if !errors.As(err, &journal) || journal.Path != path {
		t.Errorf("answered %v", err)
	} else if text := err.Error(); !strings.Contains(text, "put back") || !strings.Contains(text, "move "+path+".journal1 and "+path+".journal2 away") {
		t.Errorf("what is to be done? %v", err)
	}
	if err == nil {
		_ = s.Close()
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != len(im) {
		t.Errorf("afterwards there are %v, %v", left, err)
	}
	for part, was := range imageOf(t, path) {
		if !bytes.Equal(was, im[part]) {
			t.Errorf("%q was changed", part)
		}
	}
}

// TestJournalThatIsNoFile: what lies there cannot be read, and is left alone. Only where it
// never will be does the error say how to go on without it.
func TestJournalThatIsNoFile(t *testing.T) {
	im, _ := crashed(t)
	for name, c := range map[string]struct {
		put     func(t *testing.T, path string) error
		damaged bool
		says    string
	}{
		"a directory": {func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) }, true, ".journal2: it is no file"},
		"a loop":      {func(_ *testing.T, path string) error { return os.Symlink(path, path) }, false, "symbolic links"},
		"unreadable": {func(t *testing.T, path string) error {
			t.Helper()
			if os.Getuid() == 0 {
				t.Skip("root reads everything")
			}
			return os.WriteFile(path, im[".journal2"], 0)
		}, false, "give the database and its journal to the user"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "switchhook.db")
			im.lay(t, path)
			if err := errors.Join(os.Remove(path+".journal2"), c.put(t, path+".journal2")); err != nil {
				t.Fatal(err)
			}
			_, err := store.Open(path, store.Options{Network: "sandbox"})
			if err == nil {
				t.Fatal("opened")
			}
			_, damaged := errors.AsType[*store.JournalError](err)
			if damaged != c.damaged || !strings.Contains(err.Error(), path+".journal2") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("answered %v", err)
			}
			if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, im[""]) {
				t.Errorf("the database was changed: %v", err)
			}
			if b, err := os.ReadFile(path + ".journal1"); err != nil || !bytes.Equal(b, im[".journal1"]) {
				t.Errorf("the other file was changed: %v", err)
			}
			if err := os.Remove(path + ".journal2"); err != nil {
				t.Fatal(err)
			}
			holds(t, path, "1", "2", "3")
		})
	}
}

// TestJournalsThatAreTaken: these look like damage and are none.
func TestJournalsThatAreTaken(t *testing.T) {
	im, later := crashed(t)
	all := []string{"1", "2", "3", "4", "5", "6"}
	noise := make([]byte, 40*diskPage+100)
	for i, rng := 0, rand.New(rand.NewPCG(1, 1)); i < len(noise); i++ {
		noise[i] = byte(rng.Uint32())
	}
	for name, c := range map[string]struct {
		change func(image)
		names  []string
	}{
		"as it is":                        {func(image) {}, all},
		"files that are empty":            {func(im image) { im[".journal1"], im[".journal2"] = nil, nil }, nil},
		"only zeros":                      {func(im image) { clear(im[".journal1"]); clear(im[".journal2"]) }, nil},
		"no files":                        {func(im image) { delete(im, ".journal1"); delete(im, ".journal2") }, nil},
		"nothing at all":                  {func(im image) { clear(im) }, nil},
		"empty, and no database":          {func(im image) { delete(im, ""); im[".journal1"] = nil; clear(im[".journal2"]) }, nil},
		"one file":                        {func(im image) { delete(im, ".journal2") }, all[:3]},
		"one file, one of zeros":          {func(im image) { clear(im[".journal2"]) }, all[:3]},
		"the files changed over":          {func(im image) { im[".journal1"], im[".journal2"] = im[".journal2"], im[".journal1"] }, all},
		"the database has them":           {func(im image) { im[""] = later[""] }, all},
		"it has them, and one is damaged": {func(im image) { im[""] = later[""]; im[".journal1"][2*diskPage] ^= 1 }, all},
		"the last is damaged":             {func(im image) { im[".journal2"][3*diskPage+99] ^= 1 }, all[:5]},
		"the last is not there":           {func(im image) { clear(im[".journal2"][3*diskPage : 4*diskPage]) }, all[:5]},
		"the last is cut":                 {func(im image) { im[".journal2"] = im[".journal2"][:3*diskPage+diskSector/8] }, all[:5]},
		"cut behind the last":             {func(im image) { im[".journal2"] = im[".journal2"][:4*diskPage] }, all},
		"noise behind the last":           {func(im image) { im[".journal2"] = append(im[".journal2"][:4*diskPage], noise...) }, all},
		"noise behind the first":          {func(im image) { copy(im[".journal1"][4*diskPage:], noise) }, all},
		"an entry of former times":        {func(im image) { copy(im[".journal2"][4*diskPage:], later[".journal1"][diskPage:3*diskPage]) }, all},
		"later":                           {func(im image) { im.become(later) }, append(slices.Clone(all), "7", "8")},
		"later, its new first page is not there, its first entry is": {func(now image) {
			now.become(later)
			now[".journal1"] = bytes.Clone(im[".journal1"])
			copy(now[".journal1"][diskPage:], later[".journal1"][diskPage:2*diskPage])
		}, all},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			im := im.clone()
			c.change(im)
			im.lay(t, path)
			names := slices.Clone(c.names)
			holds(t, path, names...)
			s, stop := started(t, path)
			events, err := put(t, s, "next")
			if err != nil || int(events[0].Seq) != len(c.names)+1 {
				t.Errorf("the next is %v, %v", ids(events), err)
			}
			stop()
			holds(t, path, append(names, "next")...)
		})
	}
}

// become makes it another.
func (im image) become(other image) {
	clear(im)
	maps.Copy(im, other.clone())
}

// TestFirstPageBreaksOff: half of the page that begins a file is not left there, where it
// would look like damage.
func TestFirstPageBreaksOff(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, f := faultyStore(t, path)
		stop := run(t, s)
		f.nextWrites(written, func(f *os.File, b []byte, at int64) (int, error) { // after the room
			n, err := f.WriteAt(b[:20], at)
			return n, errors.Join(err, errDisk)
		})
		if _, err := put(t, s, "refused"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("answered %v", err)
		}
		holds(t, crash(t, path))
		if _, err := put(t, s, "first"); err != nil {
			t.Error(err)
		}
		holds(t, crash(t, path), "first")
		stop()
	})
	holds(t, path, "first")
}
