package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

var moment = time.Date(2025, 11, 21, 20, 15, 30, 0, time.UTC)

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "data", "switchhook.db") }

func open(t testing.TB, path string, more ...func(*store.Options)) *store.Store {
	t.Helper()
	opts := store.Options{Network: "sandbox", LockTimeout: 50 * time.Millisecond}
	for _, m := range more {
		m(&opts)
	}
	s, err := store.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func sealedBy(sealer store.Sealer) func(*store.Options) {
	return func(o *store.Options) { o.Sealer = sealer }
}

// run commits until the answer is called; then the store is closed.
func run(t testing.TB, s *store.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// started opens and runs a store.
func started(t testing.TB, path string, more ...func(*store.Options)) (*store.Store, func()) {
	t.Helper()
	s := open(t, path, more...)
	return s, run(t, s)
}

// commit stores what fill puts into a change.
func commit(t testing.TB, s *store.Store, fill func(*store.Change)) []record.Event {
	t.Helper()
	c := s.Change()
	fill(c)
	events, err := s.Commit(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func appendTo(s *store.Store, streams ...string) *store.Change {
	c := s.Change()
	for _, stream := range streams {
		c.Append(record.Event{Stream: stream, Kind: "test", At: moment})
	}
	return c
}

// ids answers the events' ids, in order.
func ids(events []record.Event) []string {
	out := make([]string, len(events))
	for i := range events {
		out[i] = events[i].ID()
	}
	return out
}

func streamIDs(t testing.TB, s *store.Store, stream string) []string {
	t.Helper()
	events, err := s.Events(stream, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return ids(events)
}

// numbered answers the ids of a stream's events from one seq to another.
func numbered(stream string, from, to int) []string {
	out := []string{}
	for seq := from; seq <= to; seq++ {
		out = append(out, fmt.Sprintf("%s/1/%d", stream, seq))
	}
	return out
}

// crash answers a copy of a file that is open, with its journal, as a start after
// kill -9 would find them: all of one moment, though they may be written meanwhile.
func crash(t testing.TB, path string) (copied string) {
	t.Helper()
	im := imageOf(t, path)
	for moved := true; moved; {
		before := im
		im = imageOf(t, path)
		moved = !maps.EqualFunc(before, im, bytes.Equal)
	}
	copied = filepath.Join(t.TempDir(), "crashed.db")
	im.lay(t, copied)
	return copied
}

// transactions reads from a closed file how many it has seen.
func transactions(t testing.TB, path string) (n uint64) {
	t.Helper()
	look(t, path, func(tx *bbolt.Tx) error {
		n = binary.BigEndian.Uint64(tx.Bucket([]byte("meta")).Get([]byte("commit")))
		return nil
	})
	return n
}

// look reads a closed file as bbolt sees it.
func look(t testing.TB, path string, fn func(*bbolt.Tx) error) {
	t.Helper()
	bolt(t, path, func(db *bbolt.DB) error { return db.View(fn) })
}

// edit changes a closed file behind the store's back.
func edit(t testing.TB, path string, fn func(*bbolt.Tx) error) {
	t.Helper()
	bolt(t, path, func(db *bbolt.DB) error { return db.Update(fn) })
}

func bolt(t testing.TB, path string, fn func(*bbolt.DB) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoFreelistSync: true})
	if err == nil {
		err = errors.Join(fn(db), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// mask is a sealer for tests: it hides the plain text, notices every changed
// byte and binds to the context, and it is no secret at all.
type mask struct{}

var errMask = errors.New("the mask does not fit")

func (mask) Seal(dst, context, plain []byte) ([]byte, error) {
	sum := sha256.Sum256(context)
	out := append(append(dst, 0x7f), sum[:8]...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(plain))
	for _, b := range plain {
		out = append(out, b^0xa5)
	}
	return out, nil
}

func (mask) Open(context, sealed []byte) ([]byte, error) {
	sum := sha256.Sum256(context)
	if len(sealed) < 13 || sealed[0] != 0x7f || !bytes.Equal(sealed[1:9], sum[:8]) {
		return nil, errMask
	}
	plain := bytes.Clone(sealed[13:])
	for i := range plain {
		plain[i] ^= 0xa5
	}
	if binary.BigEndian.Uint32(sealed[9:]) != crc32.ChecksumIEEE(plain) {
		return nil, errMask
	}
	return plain, nil
}
