package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/store"
)

// FuzzJournal gives the parser files: the data itself, or a real file with the data's
// patches, each an offset of three bytes and a byte to write there; some with right sums,
// so that what is behind them is reached. Whatever they are, batches come in order, and
// what is appended where they were is all that is there then. A store takes the file or
// says what is wrong with it, but is asked seldom: it takes its time.
func FuzzJournal(f *testing.F) {
	dir := f.TempDir()
	db, log := emptyDatabase(f)
	bases := journalBases(f, log)
	for n, base := range bases {
		f.Add(uint8(240+n), true, []byte{})
		f.Add(uint8(240+n), false, []byte{0, 16, 20, 7})
		for _, right := range []bool{false, true} {
			f.Add(uint8(n), right, []byte{})
			for at := diskPage; at < min(len(base), 8*diskPage); at += diskPage {
				f.Add(uint8(n), right, []byte{0, byte(at >> 8), 7, 9, 0, byte(at >> 8), 11, 200, 0, byte(at >> 8), 20, 7})
			}
			f.Add(uint8(n), right, []byte{0, 0, 11, 9, 0, 0, 36, 255})
		}
	}
	f.Add(uint8(0), false, bases[1][:5*diskPage])
	f.Fuzz(func(t *testing.T, base uint8, right bool, data []byte) {
		image := bytes.Clone(data)
		if n := int(base) % len(bases); n > 0 {
			image = bytes.Clone(bases[n])
			for patch := range slices.Chunk(data, 4) {
				if len(patch) == 4 {
					image[(int(patch[0])<<16|int(patch[1])<<8|int(patch[2]))%len(image)] = patch[3]
				}
			}
		}
		if right {
			store.RightJournal(image)
		}
		batches, err := store.ParseJournal(image)
		if err != nil && batches != nil {
			t.Errorf("%d batches and %v", len(batches), err)
		}
		for i := 1; i < len(batches); i++ {
			if batches[i-1].Number >= batches[i].Number {
				t.Errorf("transaction %d is followed by %d", batches[i-1].Number, batches[i].Number)
			}
		}
		roundTrip(t, image, data)
		if base < 240 {
			return
		}
		path := filepath.Join(dir, "fuzz.db") // each worker has a directory of its own
		lies := map[string][]byte{"": db, ".journal1": image}
		for part, b := range lies {
			if err := os.WriteFile(path+part, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		opens(t, path, len(batches) == 0 && err == nil)
	})
}

// opens proves that a store opens, or says why not.
func opens(t *testing.T, path string, must bool) {
	t.Helper()
	s, err := store.Open(path, store.Options{Network: "sandbox"})
	if err == nil {
		err = s.Close()
	}
	var journal *store.JournalError
	var corrupt *store.CorruptError
	if err != nil && (must || !errors.As(err, &journal) && !errors.As(err, &corrupt)) {
		t.Errorf("opening it: %v", err)
	}
}

// roundTrip appends batches made of data over an image, and reads them.
func roundTrip(t *testing.T, image, data []byte) {
	t.Helper()
	batches := batchesOf(data)
	const number = 1<<63 + 5
	image, err := store.AppendJournal(image, "fuzz", number, batches...)
	if err != nil {
		t.Fatal(err)
	}
	if len(batches) == 0 {
		return
	}
	got, err := store.ParseJournal(image)
	if err != nil || len(got) != len(batches) {
		t.Fatalf("%d batches of %d, %v", len(got), len(batches), err)
	}
	for i, b := range got {
		same := slices.EqualFunc(b.Writes, batches[i], func(a, b store.Write) bool {
			return a.Bucket == b.Bucket && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) && (a.Value == nil) == (b.Value == nil)
		})
		if b.Number != number+uint64(i) || b.Log != "fuzz" || !same {
			t.Fatalf("appended %q, read %d of %q: %q", batches[i], b.Number, b.Log, b.Writes)
		}
	}
}

// batchesOf makes batches of data, each in the order of a layer: a byte for the bucket
// and whether another batch begins, lengths of a key and of a value, and these.
func batchesOf(data []byte) (batches [][]store.Write) {
	seen := make(map[string]store.Write)
	flush := func() {
		var writes []store.Write
		for _, w := range seen {
			writes = append(writes, w)
		}
		slices.SortFunc(writes, func(a, b store.Write) int {
			if n := slices.Index(store.Buckets, a.Bucket) - slices.Index(store.Buckets, b.Bucket); n != 0 {
				return n
			}
			return bytes.Compare(a.Key, b.Key)
		})
		batches = append(batches, writes)
		clear(seen)
	}
	take := func(n int) (b []byte) {
		b, data = data[:min(n, len(data))], data[min(n, len(data)):]
		return b
	}
	for len(data) > 3 {
		head := take(3)
		w := store.Write{Bucket: store.Buckets[int(head[0])%len(store.Buckets)], Key: append([]byte("k"), take(int(head[1]))...)}
		if head[2] > 0 {
			w.Value = bytes.Repeat(append([]byte{}, take(int(head[2]-1)/2)...), 1+int(head[2])%2*60)
		}
		seen[w.Bucket+string(w.Key)] = w
		if head[0] >= 128 {
			flush()
		}
	}
	if len(seen) > 0 {
		flush()
	}
	return batches
}

// journalBases are nothing and real files, of batches that are small, large and empty, a
// file that was begun anew, and one without its first page.
func journalBases(f *testing.F, log string) [][]byte {
	f.Helper()
	put := func(n int) []store.Write {
		return []store.Write{{"instances", []byte("a"), []byte(strings.Repeat("x", n))}, {"device", []byte("a\x00b\x00c"), nil}, {"device", []byte("d\x00e\x00f"), []byte{}}}
	}
	made := func(image []byte, number uint64, batches ...[]store.Write) []byte {
		image, err := store.AppendJournal(image, log, number, batches...)
		if err != nil {
			f.Fatal(err)
		}
		return image[:16*diskPage]
	}
	first := made(nil, 2, put(9), put(5000), nil, put(40))
	headless := bytes.Clone(first)
	clear(headless[:diskPage])
	return [][]byte{nil, first, made(first, 6, put(4000)), headless, made(nil, 1<<64-2, put(1), put(2), put(3))}
}

// emptyDatabase answers a store's file in which nothing has happened, and its log's name.
func emptyDatabase(f *testing.F) (file []byte, log string) {
	f.Helper()
	path := newPath(f)
	s := open(f, path)
	log = s.LogID()
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	return imageOf(f, path)[""], log
}
