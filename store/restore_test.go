package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

func backedUp(t testing.TB, s *store.Store) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBackupWhileWriting copies the file while many write: each copy is whole
// and holds what was answered before it began.
func TestBackupWhileWriting(t *testing.T) {
	s, stop := started(t, newPath(t))
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan struct{})
	go func() {
		defer close(written)
		for ctx.Err() == nil {
			if _, err := s.Commit(t.Context(), appendTo(s, "a", "b", "c")); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 5 {
		before := s.Head("a")
		path := backedUp(t, s)
		sum, err := store.Examine(path)
		if err != nil || sum.Network != "sandbox" || sum.Log != s.LogID() {
			t.Fatalf("%+v, %v", sum, err)
		}
		copied := open(t, path)
		if head := copied.Head("a"); head < before || sum.Events != 3*int(head) {
			t.Errorf("the copy holds %d events and ends at %d; %d were answered before", sum.Events, head, before)
		}
		_ = copied.Close()
	}
	cancel()
	<-written
	stop()
}

// TestBackupGivesWay: neither a caller who is gone nor a file that cannot be
// written waits for a copy.
func TestBackupGivesWay(t *testing.T) {
	path := newPath(t)
	s, f := faultyStore(t, path)
	stop := run(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Backup(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	f.nextWrites(notWritten)
	if _, err := put(t, s, "x"); err == nil {
		t.Fatal("stored")
	}
	if _, err := s.Backup(t.Context(), io.Discard); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("unwritable: %v", err)
	}
	stop()
	if _, err := s.Backup(t.Context(), io.Discard); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestRestore makes two files of one backup and goes on with each: what they
// have from before is the same, and no id of theirs or of the first file's later
// events is used twice.
func TestRestore(t *testing.T) {
	s, stop := started(t, newPath(t), sealedBy(mask{}))
	commit(t, s, func(c *store.Change) {
		c.PutInstance(record.Instance{ID: "a"})
		c.PutDevice("a", "one", map[string][]byte{"s ratchet": {1}, "i identity": {2}, "k sender": {3}})
		c.Append(record.Event{Stream: "a", Kind: "test", At: moment})
		c.Append(record.Event{Stream: "daemon", Kind: "test", At: moment})
	})
	backup := backedUp(t, s)
	image, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	used := ids(commit(t, s, func(c *store.Change) { c.Append(record.Event{Stream: "a", Kind: "test", At: moment}) }))
	links := s.LinkKey()
	stop()

	ratchets := func(key []byte) bool { return key[0] == 's' || key[0] == 'k' }
	path := newPath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := store.Restore(backup, path, ratchets)
	if err != nil || r.Streams != 2 || r.Dropped != 2 || r.Instances != 1 || r.Events != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	again, stop := started(t, path, sealedBy(mask{}))
	if again.LogID() == s.LogID() || again.LogID() != r.Log {
		t.Error("the log has the same name")
	}
	if key := again.LinkKey(); key == "" || key != links {
		t.Errorf("links are known by %q, and were by %q", key, links)
	}
	var keys []string
	if err := again.Device("a", "one").Scan(nil, func(k, _ []byte) error { keys = append(keys, string(k)); return nil }); err != nil || !slices.Equal(keys, []string{"i identity"}) {
		t.Errorf("device keys %q, %v", keys, err)
	}
	events := commit(t, again, func(c *store.Change) { c.Append(record.Event{Stream: "a", Kind: "test", At: moment}) })
	if events[0].Seq != 2 || slices.Contains(used, events[0].ID()) || events[0].Epoch < 1_700_000_000 {
		t.Errorf("the next event is %s", events[0].ID())
	}
	if held, err := again.Events("a", 0, 9); err != nil || len(held) != 2 || held[0].ID() != "a/1/1" {
		t.Errorf("the log holds %v, %v", ids(held), err)
	}
	stop()
	s = open(t, path, sealedBy(mask{}))
	if s.Epoch("a") != events[0].Epoch || s.Epoch("new") != 1 {
		t.Errorf("epoch %d after a restart", s.Epoch("a"))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	if _, err := store.Restore(backup, path, ratchets); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was overwritten: %v", err)
	}
	if now, err := os.ReadFile(backup); err != nil || !bytes.Equal(now, image) {
		t.Errorf("the backup was changed: %v", err)
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, image[:len(image)-4096], 0o600); err != nil {
		t.Fatal(err)
	}
	var corrupt *store.CorruptError
	if _, err := store.Restore(cut, path+"2", ratchets); !errors.As(err, &corrupt) {
		t.Errorf("a cut backup: %v", err)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestContinueStream(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	goOn := func(stream string, epoch uint32, seq uint64) record.Event {
		t.Helper()
		return commit(t, s, func(c *store.Change) {
			c.ContinueStream(stream, epoch, seq)
			c.Append(record.Event{Stream: stream, Kind: "test", At: moment})
		})[0]
	}
	first := goOn("new", 1, 40)
	if first.Seq != 41 || first.Epoch < 1_700_000_000 {
		t.Errorf("a new stream goes on with %s", first.ID())
	}
	future := goOn("new", first.Epoch+1000, 90)
	if future.Seq != 42 || future.Epoch <= first.Epoch+1000 {
		t.Errorf("a stream with events goes on with %s", future.ID())
	}
	if _, err := s.Prune(t.Context(), later, upTo(100)); err != nil {
		t.Fatal(err)
	}
	if back := goOn("new", 1, 90); back.Seq != 91 || back.Epoch <= future.Epoch {
		t.Errorf("a pruned stream goes on with %s", back.ID())
	}
	commit(t, s, func(c *store.Change) { c.ContinueStream("silent", 3, 7) })
	bad := s.Change()
	bad.ContinueStream("", 1, 1)
	if _, err := s.Commit(t.Context(), bad); err == nil {
		t.Error("a stream without a name goes on")
	}
	stop()
	s = open(t, path)
	if s.Head("silent") != 7 || s.Head("new") != 91 || s.Epoch("silent") < 4 {
		t.Errorf("heads %d and %d", s.Head("silent"), s.Head("new"))
	}
}

func TestImported(t *testing.T) {
	s, _ := started(t, newPath(t))
	if at, err := s.Imported("x"); err != nil || !at.IsZero() {
		t.Errorf("%v, %v", at, err)
	}
	commit(t, s, func(c *store.Change) { c.PutImport("x", moment) })
	if at, err := s.Imported("x"); err != nil || !at.Equal(moment) {
		t.Errorf("%v, %v", at, err)
	}
}
