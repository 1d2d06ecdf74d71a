package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// refused opens what must not be opened, and proves that it was not changed.
func refused(t *testing.T, path string, opts store.Options) error {
	t.Helper()
	before, _ := os.ReadFile(path) // a directory has no bytes
	if opts.Network == "" {
		opts.Network = "sandbox"
	}
	opts.LockTimeout = 20 * time.Millisecond
	s, err := store.Open(path, opts)
	if err == nil {
		_ = s.Close()
		t.Fatalf("%s was opened", path)
	}
	after, _ := os.ReadFile(path)
	if !bytes.Equal(before, after) {
		t.Errorf("%s was changed though it was refused: %v", path, err)
	}
	return err
}

func TestReopenKeepsEverything(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	lane := record.Lane{Endpoint: "e", Stream: "a", Acked: 2, Prev: 1, Attempts: 3, NextAt: moment, LastError: "503"}
	dead := record.DeadLetter{Endpoint: "e", Stream: "a", From: 1, To: 1, Reason: "expired", At: moment}
	commit(t, s, func(c *store.Change) {
		c.PutInstance(record.Instance{ID: "a", RetryAt: moment})
		c.PutSession("a", record.Session{ID: "one", JID: "49@s.whatsapp.net", NoiseKey: []byte{1, 2}})
		c.PutEndpoint(record.Endpoint{ID: "e", Stream: "a", URL: "https://example.org"})
	})
	commit(t, s, func(c *store.Change) {
		for range 3 {
			c.Append(record.Event{Stream: "a", Kind: "test", At: moment})
		}
	})
	if err := s.SaveLanes(t.Context(), []record.Lane{lane}, []record.DeadLetter{dead}); err != nil {
		t.Fatal(err)
	}
	stop()

	s, _ = started(t, path)
	if l, err := s.Lanes(); err != nil || len(l) != 1 || !reflect.DeepEqual(l[0], lane) {
		t.Errorf("lanes: %+v, %v", l, err)
	}
	if d, err := s.DeadLetters("e"); err != nil || len(d) != 1 || !reflect.DeepEqual(d[0], dead) {
		t.Errorf("dead letters: %+v, %v", d, err)
	}
	if e, err := s.Endpoints(); err != nil || len(e) != 1 || e[0].URL != "https://example.org" {
		t.Errorf("endpoints: %+v, %v", e, err)
	}
	if x, err := s.Session("a"); err != nil || x == nil || x.JID != "49@s.whatsapp.net" || !bytes.Equal(x.NoiseKey, []byte{1, 2}) {
		t.Errorf("session: %+v, %v", x, err)
	}
	if x, err := s.Session("b"); err != nil || x != nil {
		t.Errorf("nobody's session: %+v, %v", x, err)
	}
	if s.Head("a") != 3 || s.Last() != 3 || len(s.Streams()) != 1 {
		t.Errorf("head %d, last %d, streams %v", s.Head("a"), s.Last(), s.Streams())
	}
	if got := commit(t, s, func(c *store.Change) { c.Append(record.Event{Stream: "a"}) }); got[0].ID() != "a/1/4" {
		t.Errorf("the next event is %s", got[0].ID())
	}
	if st, err := os.Stat(path); err != nil || s.Size() != st.Size() {
		t.Errorf("size %d, %v", s.Size(), err)
	}
}

func TestDirectoryIsPrivate(t *testing.T) {
	path := newPath(t)
	open(t, path)
	for name, want := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600} {
		if st, err := os.Stat(name); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v", name, st.Mode(), err)
		}
	}
}

func TestSecondOpenIsLocked(t *testing.T) {
	path := newPath(t)
	_, stop := started(t, path)
	start := time.Now()
	if err := refused(t, path, store.Options{}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	stop()
	open(t, path)
}

func TestOtherNetworkIsRefused(t *testing.T) {
	path := newPath(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	var other *store.NetworkError
	err := refused(t, path, store.Options{Network: "whatsapp"})
	if !errors.As(err, &other) || other.Has != "sandbox" || other.Wants != "whatsapp" {
		t.Errorf("another network: %v", err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := newPath(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), binary.BigEndian.AppendUint64(nil, store.Schema+1))
	})
	var newer *store.NewerError
	if err := refused(t, path, store.Options{}); !errors.As(err, &newer) || newer.Schema != store.Schema+1 {
		t.Errorf("newer schema: %v", err)
	}
}

// TestInconsistentContentsAreRefused damages what bbolt cannot know about.
func TestInconsistentContentsAreRefused(t *testing.T) {
	for name, damage := range map[string]func(*bbolt.Tx) error{
		"no meta bucket":    func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("meta")) },
		"no lanes bucket":   func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("lanes")) },
		"no schema":         func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("schema")) },
		"schema 0":          func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("schema"), make([]byte, 8)) },
		"no counter":        func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("commit")) },
		"head gone":         func(tx *bbolt.Tx) error { return tx.Bucket([]byte("heads")).Delete([]byte("a")) },
		"head cut":          func(tx *bbolt.Tx) error { return tx.Bucket([]byte("heads")).Put([]byte("a"), []byte{1}) },
		"head set back":     func(tx *bbolt.Tx) error { return tx.Bucket([]byte("heads")).Put([]byte("a"), head(1, 2)) },
		"head of old epoch": func(tx *bbolt.Tx) error { return tx.Bucket([]byte("heads")).Put([]byte("a"), head(0, 3)) },
		"hole in a stream":  func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Delete(pos(2)) },
		"end gone":          func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Delete(pos(3)) },
		"short position":    func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Put([]byte{1}, entry(4)) },
		"event zero":        func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Put(pos(1), entry(0)) },
		"event twice":       func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Put(pos(2), entry(1)) },
		"short entry":       func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Put(pos(2), entry(2)[:10]) },
		"unknown header":    func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Put(pos(2), []byte{9, 9, 9}) },
	} {
		path := newPath(t)
		s, stop := started(t, path)
		commit(t, s, func(c *store.Change) {
			for range 3 {
				c.Append(record.Event{Stream: "a", At: moment})
			}
		})
		stop()
		edit(t, path, damage)
		var corrupt *store.CorruptError
		if err := refused(t, path, store.Options{}); !errors.As(err, &corrupt) || corrupt.Path != path {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func head(epoch uint32, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, epoch), seq)
}

func pos(p uint64) []byte { return binary.BigEndian.AppendUint64(nil, p) }

func entry(seq uint64) []byte { return store.AppendHeader(nil, "a", 1, seq, moment) }

func TestNotAFileOfOurs(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	edit(t, foreign, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{foreign, text, t.TempDir()} {
		var corrupt *store.CorruptError
		if err := refused(t, path, store.Options{}); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := store.Open(filepath.Join(text, "below.db"), store.Options{}); err == nil {
		t.Error("a directory below a file")
	}
}

func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	path := newPath(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	var corrupt *store.CorruptError
	for mode, word := range map[os.FileMode]string{0: "user", 0o400: "permission"} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(path, store.Options{Network: "sandbox"})
		if !errors.Is(err, os.ErrPermission) || errors.As(err, &corrupt) || !strings.Contains(err.Error(), word) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

// TestEmptyFileIsNew: what a crash before the first write leaves behind, and a
// database that was made but never prepared.
func TestEmptyFileIsNew(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(t.TempDir(), "made.db")
	bolt(t, made, func(*bbolt.DB) error { return nil })
	for _, path := range []string{empty, made} {
		s, stop := started(t, path)
		commit(t, s, func(c *store.Change) { c.PutInstance(record.Instance{ID: "a"}) })
		stop()
		if list, err := open(t, path).Instances(); err != nil || len(list) != 1 {
			t.Errorf("%s: %v, %v", path, list, err)
		}
	}
}
