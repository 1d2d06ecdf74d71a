package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

var pageSize = os.Getpagesize()

// seeds is how many damaged files each test tries: STORE_TEST_SEEDS, or few.
func seeds(t *testing.T, few int) int {
	t.Helper()
	if s := os.Getenv("STORE_TEST_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return few
}

// populated answers the bytes of a real file: branches, leaves, overflowing
// pages, free pages, inline buckets. With a freelist it is one that bbolt's own
// tools have written.
func populated(t testing.TB, events int, freelist bool) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "populated.db")
	s, stop := started(t, path)
	for round := range 4 {
		commit(t, s, func(c *store.Change) {
			for i := range events / 4 {
				id := fmt.Sprintf("i%03d", i)
				c.PutInstance(record.Instance{ID: id, Name: strings.Repeat("n", i)})
				c.PutSession(id, record.Session{ID: "s", NoiseKey: make([]byte, 32)})
				c.Append(record.Event{Stream: fmt.Sprintf("i%03d", i%9), Kind: "test", At: moment, Name: fmt.Sprint(round)})
				c.PutLane(record.Lane{Endpoint: id, Stream: id})
				c.PutDeadLetter(record.DeadLetter{Endpoint: id, Stream: id})
			}
			c.PutSession("big", record.Session{ID: "s", Account: make([]byte, 3*pageSize)})
			c.PutEndpoint(record.Endpoint{ID: "e"})
		})
		if err := s.Device("i000", "s").Apply(t.Context(), map[string][]byte{fmt.Sprint(round): make([]byte, 600)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Prune(t.Context(), later, upTo(1)); err != nil {
		t.Fatal(err)
	}
	stop()
	if freelist {
		compact := path + ".compact"
		bolt(t, path, func(src *bbolt.DB) error {
			dst, err := bbolt.Open(compact, 0o600, nil)
			if err != nil {
				return err
			}
			defer func() { _ = dst.Close() }()
			if err := bbolt.Compact(dst, src, 0); err != nil {
				return err
			}
			return dst.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("sessions")).Delete([]byte("big")) })
		})
		path = compact
	}
	used, err := store.UsedBytes(path)
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return image[:used]
}

// survives opens damaged bytes. The process must live, a refused file must be
// as it was, and an opened one must answer every question, if only with a
// CorruptError.
func survives(t *testing.T, image []byte, name string) (opened bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(path) }()
	s, err := store.Open(path, store.Options{Network: "sandbox", LockTimeout: time.Second})
	if err != nil {
		var network *store.NetworkError
		var newer *store.NewerError
		if !damage(err) && !errors.As(err, &network) && !errors.As(err, &newer) {
			t.Errorf("%s: refused with %v", name, err)
		}
		after, rerr := os.ReadFile(path)
		if rerr != nil || !bytes.Equal(image, after) {
			t.Errorf("%s: the file was changed (%v) though it was refused with %v", name, rerr, err)
		}
		return false
	}
	for question, err := range readEverything(s) {
		if err != nil && !damage(err) {
			t.Errorf("%s: %s: %v", name, question, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("%s: close: %v", name, err)
	}
	return true
}

func damage(err error) bool {
	var corrupt *store.CorruptError
	return errors.As(err, &corrupt) || errors.Is(err, store.ErrSealed)
}

func readEverything(s *store.Store) map[string]error {
	answers := make(map[string]error)
	instances, err := s.Instances()
	answers["instances"] = err
	_, answers["endpoints"] = s.Endpoints()
	_, answers["lanes"] = s.Lanes()
	_, _, answers["next"] = s.Next(0, 1<<20)
	s.LogID()
	for _, in := range instances {
		_, answers["session of "+in.ID] = s.Session(in.ID)
		if strings.ContainsRune(in.ID, 0) || in.ID == "" {
			continue
		}
		_, answers["dead letters of "+in.ID] = s.DeadLetters(in.ID)
		answers["device of "+in.ID] = s.Device(in.ID, "s").Scan(nil, func([]byte, []byte) error { return nil })
	}
	for _, stream := range s.Streams() {
		_, answers["events of "+stream] = s.Events(stream, 0, 1<<20)
		s.Locate(stream, 1, s.Head(stream))
	}
	return answers
}

func TestUndamagedFilesOpen(t *testing.T) {
	for _, freelist := range []bool{false, true} {
		image := populated(t, 120, freelist)
		if !survives(t, image, "undamaged") {
			t.Errorf("an undamaged file of %d bytes was refused", len(image))
		}
	}
}

func TestTruncatedFiles(t *testing.T) {
	image := populated(t, 120, false)
	lengths := []int{1, 15, 16, 79, 80, 81, 511, 512, 1024, 4095, len(image) - 1}
	for n := pageSize; n < len(image); n += pageSize {
		lengths = append(lengths, n-1, n, n+1, n+pageSize/2)
	}
	for _, n := range lengths {
		if n < len(image) && survives(t, image[:n], fmt.Sprintf("cut to %d bytes", n)) {
			t.Errorf("a file cut to %d of %d bytes was opened", n, len(image))
		}
	}
}

// TestWipedFiles replaces whole pages: by zeros, by noise, by each other.
func TestWipedFiles(t *testing.T) {
	image := populated(t, 120, false)
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, len(image))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	if survives(t, make([]byte, len(image)), "all zeros") || survives(t, noise, "all noise") {
		t.Error("a file of zeros or noise was opened")
	}
	pages := len(image) / pageSize
	for p := range pages {
		for name, with := range map[string][]byte{
			"zeros": make([]byte, pageSize),
			"noise": noise[p*pageSize : (p+1)*pageSize],
			"page":  image[r.IntN(pages)*pageSize:][:pageSize],
		} {
			b := bytes.Clone(image)
			copy(b[p*pageSize:], with)
			survives(t, b, fmt.Sprintf("page %d is %s", p, name))
		}
	}
}

// TestFlippedBits damages a few bits anywhere, mostly where they hurt: in the
// headers and the tables at the start of pages. Checksums of the meta pages are
// made right again at times, so that what they guard is reached too.
func TestFlippedBits(t *testing.T) {
	for _, freelist := range []bool{false, true} {
		image := populated(t, 120, freelist)
		opened := 0
		n := seeds(t, 100)
		for seed := range n {
			r := rand.New(rand.NewPCG(uint64(seed), 3))
			b := bytes.Clone(image)
			for range 1 + r.IntN(4) {
				at := r.IntN(len(b))
				if r.IntN(3) > 0 {
					at = at/pageSize*pageSize + r.IntN(16+16*(1+r.IntN(8)))
				}
				b[at] ^= 1 << r.IntN(8)
			}
			if r.IntN(2) == 0 {
				rightSums(b)
			}
			if survives(t, b, fmt.Sprintf("freelist %t, seed %d", freelist, seed)) {
				opened++
			}
		}
		if opened == 0 || opened == n {
			t.Errorf("%d of %d damaged files were opened: the test tests nothing", opened, n)
		}
	}
}

// rightSums makes the checksums of the meta pages right.
func rightSums(image []byte) {
	for _, page := range []int{0, pageSize} {
		if len(image) >= page+80 {
			meta := image[page+16 : page+80]
			binary.LittleEndian.PutUint64(meta[56:], store.MetaSum(meta))
		}
	}
}

// TestDamagedFilesTakeWrites writes to what opened in spite of its damage.
func TestDamagedFilesTakeWrites(t *testing.T) {
	image := populated(t, 120, false)
	for seed := range seeds(t, 40) {
		r := rand.New(rand.NewPCG(uint64(seed), 4))
		b := bytes.Clone(image)
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		path := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(path, store.Options{Network: "sandbox"})
		if err != nil {
			continue
		}
		stop := run(t, s)
		commit(t, s, func(c *store.Change) {
			for i := range 120 {
				c.EraseInstance(fmt.Sprintf("i%03d", i), "e")
			}
			c.PutInstance(record.Instance{ID: "new"})
			c.Append(record.Event{Stream: "new", At: moment})
		})
		stop()
		s = open(t, path)
		if s.Head("new") != 1 {
			t.Errorf("seed %d: the write is lost", seed)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
