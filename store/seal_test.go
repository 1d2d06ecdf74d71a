package store_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// secret stands in every place that must be sealed.
const secret = "SECRETSECRET"

func withSecrets(t *testing.T, path string, sealer store.Sealer) {
	t.Helper()
	s, stop := started(t, path, sealedBy(sealer))
	commit(t, s, func(c *store.Change) {
		for _, id := range []string{"a", "b"} {
			c.PutSession(id, record.Session{ID: id, AdvSecret: []byte(secret), PushName: secret, JID: secret})
			c.PutEndpoint(record.Endpoint{ID: id, URL: secret, Secrets: []string{secret}})
			c.PutLane(record.Lane{Endpoint: id, Stream: id, LastError: secret})
			c.PutDeadLetter(record.DeadLetter{Endpoint: id, Stream: id, From: 1, To: 2, Last: &record.Try{Answer: secret}})
			c.Append(record.Event{
				Stream: id, Name: secret, Data: []byte(`"` + secret + `"`), At: moment,
				Code: &record.Code{Text: secret}, Info: &record.Info{Webhook: secret},
			})
		}
	})
	for _, id := range []string{"a", "b"} {
		if err := s.Device(id, "s").Apply(t.Context(), map[string][]byte{"one": []byte(secret), "two": []byte(secret)}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
}

func TestNothingLiesInTheClear(t *testing.T) {
	// Base64, as JSON writes bytes, at each of the three alignments.
	words := []string{secret, "U0VDUkVUU0VDUkVU", "NFQ1JFVFNFQ1JFV", "TRUNSRVRTRUNSRV"}
	for _, c := range []struct {
		sealer store.Sealer
		hidden bool
	}{{mask{}, true}, {store.Plain{}, false}} {
		path := newPath(t)
		withSecrets(t, path, c.sealer)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, word := range words {
			found = found || bytes.Contains(raw, []byte(word))
		}
		if found == c.hidden {
			t.Errorf("%T: the secret lies in the file: %t", c.sealer, found)
		}
	}
}

func TestSealedValuesComeBack(t *testing.T) {
	path := newPath(t)
	withSecrets(t, path, mask{})
	s := open(t, path, sealedBy(mask{}))
	session, err1 := s.Session("b")
	endpoints, err2 := s.Endpoints()
	events, err3 := s.Events("a", 0, 9)
	key, err4 := s.Device("a", "s").Get([]byte("two"))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	if session.PushName != secret || endpoints[1].URL != secret || events[0].Code.Text != secret || string(key) != secret {
		t.Error("what was sealed came back otherwise")
	}
}

// TestContextsBind moves sealed values to a neighbour's place, as somebody with
// access to the file could.
func TestContextsBind(t *testing.T) {
	path := newPath(t)
	withSecrets(t, path, mask{})
	for name, c := range map[string]struct {
		bucket, from, to string
		read             func(*store.Store) error
	}{
		"session":          {"sessions", "b", "a", func(s *store.Store) error { _, err := s.Session("a"); return err }},
		"endpoint":         {"endpoints", "b", "a", func(s *store.Store) error { _, err := s.Endpoints(); return err }},
		"lane":             {"lanes", "b\x00b", "a\x00a", func(s *store.Store) error { _, err := s.Lanes(); return err }},
		"lane as a replay": {"lanes", "b\x00b", "b\x00b\x00r", func(s *store.Store) error { _, err := s.Lanes(); return err }},
		"dead letter": {"dead", "b\x00b\x00\x00\x00\x00\x00\x00\x00\x00\x01", "a\x00a\x00\x00\x00\x00\x00\x00\x00\x00\x01", func(s *store.Store) error {
			_, err := s.DeadLettersOf("a", "a")
			return err
		}},
		"device key of another": {"device", "b\x00s\x00one", "a\x00s\x00one", func(s *store.Store) error {
			_, err := s.Device("a", "s").Get([]byte("one"))
			return err
		}},
		"another device key": {"device", "a\x00s\x00two", "a\x00s\x00one", func(s *store.Store) error {
			return s.Device("a", "s").Scan(nil, func([]byte, []byte) error { return nil })
		}},
	} {
		moved := newPath(t)
		copyFile(t, path, moved)
		edit(t, moved, func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(c.bucket))
			return b.Put([]byte(c.to), bytes.Clone(b.Get([]byte(c.from))))
		})
		if err := c.read(open(t, moved, sealedBy(mask{}))); !errors.Is(err, errMask) {
			t.Errorf("%s: a value was accepted in another's place: %v", name, err)
		}
	}

	moved := newPath(t)
	copyFile(t, path, moved)
	edit(t, moved, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("log"))
		_, _, _, _, body, err := store.ParseHeader(b.Get(pos(2)))
		if err != nil {
			return err
		}
		return b.Put(pos(1), append(store.AppendHeader(nil, "a", 1, 1, moment), body...))
	})
	if _, err := open(t, moved, sealedBy(mask{})).Events("a", 0, 1); !errors.Is(err, errMask) {
		t.Errorf("an event was accepted in another stream: %v", err)
	}
}

// TestOtherSealer opens a file without the key: what is sealed is refused, with
// an error that names the reason.
func TestOtherSealer(t *testing.T) {
	path := newPath(t)
	withSecrets(t, path, mask{})
	s := open(t, path)
	_, err1 := s.Session("a")
	_, err2 := s.Events("a", 0, 1)
	_, _, err3 := s.Next(0, 1)
	_, err4 := s.Device("a", "s").Get([]byte("one"))
	for _, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, store.ErrSealed) || strings.Contains(err.Error(), secret) {
			t.Errorf("without the key: %v", err)
		}
	}
	if s.Head("a") != 1 {
		t.Error("the heads need no key")
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	image, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(to[:strings.LastIndex(to, "/")], 0o700)
	}
	if err == nil {
		err = os.WriteFile(to, image, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
