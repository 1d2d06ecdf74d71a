package files_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/switchhook/switchhook/files"
	"github.com/switchhook/switchhook/record"
)

// plenty is a disk that is never full.
func plenty(string) (int64, error) { return 1 << 50, nil }

func open(t *testing.T, dir string, o files.Options) *files.Files {
	t.Helper()
	if o.Free == nil {
		o.Free = plenty
	}
	f, err := files.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// content fills a file with so many bytes.
func content(n int) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte("x"), n))
		return err
	}
}

func put(t *testing.T, o *files.Owner, name string, n int) record.File {
	t.Helper()
	f, err := o.Write("media", name, int64(n), content(n))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func tree(media, n int64) record.Tree {
	return record.Tree{Bytes: media, Files: int(n), Subs: []record.TreeLeaf{
		{Name: "media", Bytes: media, Files: int(n)}, {Name: "profile"}, {Name: "thumb"},
	}}
}

func same(t *testing.T, what string, got, want record.Tree) {
	t.Helper()
	if got.Bytes != want.Bytes || got.Files != want.Files || len(got.Subs) != 3 || got.Subs[0] != want.Subs[0] || got.Subs[1] != want.Subs[1] || got.Subs[2] != want.Subs[2] {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

func TestWhatIsStored(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	f := open(t, dir, files.Options{PerInstance: 1000, Total: 1500})
	shop := f.Of("i1")
	same(t, "nothing yet", shop.Usage(), tree(0, 0))
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("before the first file there is %v, %v", entries, err)
	}
	got := put(t, shop, "3EB0.jpg", 100)
	want := record.File{Name: "3EB0.jpg", Folder: "media", Path: filepath.Join(dir, "i1", "media", "3EB0.jpg"), Bytes: 100}
	if got != want {
		t.Errorf("stored %+v, want %+v", got, want)
	}
	for path, mode := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, "i1"): 0o700, filepath.Dir(got.Path): 0o700, got.Path: 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v", path, st.Mode(), err)
		}
	}
	put(t, shop, "3EB0.jpg", 250) // the same name: the same file
	same(t, "overwritten", shop.Usage(), tree(250, 1))
	put(t, shop, "second.pdf", 50)
	put(t, f.Of("i2"), "other.jpg", 7)
	if found, err := shop.Find("media", "second.pdf"); err != nil || found.Bytes != 50 {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, err := shop.Find("media", "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	if _, err := shop.Find("media", "."); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder itself: %v", err)
	}

	reading, err := shop.Open("media", "3EB0.jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	if err := shop.Clear(); err != nil {
		t.Fatal(err)
	}
	same(t, "cleared", shop.Usage(), tree(0, 0))
	if text, err := io.ReadAll(reading); err != nil || len(text) != 250 {
		t.Errorf("a reader got %d bytes, %v", len(text), err)
	}
	if got := f.Usage(); got != 7 {
		t.Errorf("all together %d bytes", got)
	}
}

// TestStartCountsAndTidies: what a crash left goes, what is not ours stays.
func TestStartCountsAndTidies(t *testing.T) {
	dir := t.TempDir()
	media := filepath.Join(dir, "i1", "media")
	if err := os.MkdirAll(filepath.Join(media, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{
		filepath.Join(media, "a.jpg"): 10, filepath.Join(media, "b.jpg"): 20, filepath.Join(media, ".writing-0123"): 1000,
		filepath.Join(dir, "README"): 5,
	} {
		if err := os.WriteFile(name, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := open(t, dir, files.Options{PerInstance: 100})
	same(t, "counted", f.Of("i1").Usage(), tree(30, 2))
	if _, err := os.Stat(filepath.Join(media, ".writing-0123")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a file is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "README")); err != nil {
		t.Errorf("what is not ours is gone: %v", err)
	}
	put(t, f.Of("i1"), "c.jpg", 70)
	if _, err := f.Of("i1").Write("media", "d.jpg", 1, content(1)); !errors.Is(err, files.ErrFull) {
		t.Errorf("what was there before does not count: %v", err)
	}
}

func TestLimits(t *testing.T) {
	f := open(t, t.TempDir(), files.Options{PerInstance: 100, Total: 150})
	a, b := f.Of("a"), f.Of("b")
	put(t, a, "one", 60)
	for name, c := range map[string]struct {
		owner     *files.Owner
		announced int64
		n         int
		says      string
	}{
		"announced too large":            {a, 41, 1, "files.per_instance"},
		"larger than announced":          {a, 1, 41, "files.per_instance"},
		"announced less than nothing":    {a, -5, 41, "files.per_instance"},
		"all together":                   {b, 91, 91, "files.total"},
		"all together, and not foretold": {b, 0, 91, "files.total"},
	} {
		called := false
		_, err := c.owner.Write("media", "two", c.announced, func(w io.Writer) error {
			called = true
			_, _ = w.Write(make([]byte, c.n)) // one that does not look at errors
			return nil
		})
		if !errors.Is(err, files.ErrFull) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "60 B") {
			t.Errorf("%s: %v", name, err)
		}
		if called != (c.announced < 41) {
			t.Errorf("%s: fill was called: %t", name, called)
		}
	}
	same(t, "refused", a.Usage(), tree(60, 1))
	put(t, b, "two", 90) // what was refused holds nothing back
	if err := a.Clear(); err != nil {
		t.Fatal(err)
	}
	put(t, a, "two", 60) // and what was cleared neither
}

// TestWritesAtOnceKeepTheLimit: what is being written counts.
func TestWritesAtOnceKeepTheLimit(t *testing.T) {
	f := open(t, t.TempDir(), files.Options{PerInstance: 100})
	o := f.Of("i1")
	begun, finish := make(chan struct{}), make(chan struct{})
	var g sync.WaitGroup
	g.Go(func() {
		if _, err := o.Write("media", "slow", 60, func(w io.Writer) error {
			close(begun)
			<-finish
			return content(60)(w)
		}); err != nil {
			t.Error(err)
		}
	})
	<-begun
	same(t, "being written", o.Usage(), tree(0, 0))
	if _, err := o.Write("media", "late", 50, content(50)); !errors.Is(err, files.ErrFull) {
		t.Errorf("a second one got past the limit: %v", err)
	}
	if err := o.Clear(); err != nil { // does not take away what is being written
		t.Error(err)
	}
	close(finish)
	g.Wait()
	same(t, "written", o.Usage(), tree(60, 1))
}

// TestNothingIsKeptOfAFailure in whatever way it fails.
func TestNothingIsKeptOfAFailure(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, files.Options{PerInstance: 100})
	o := f.Of("i1")
	put(t, o, "kept", 5)
	broken := errors.New("broken off")
	for name, fill := range map[string]func(io.Writer) error{
		"error":            func(w io.Writer) error { return errors.Join(content(10)(w), broken) },
		"another's ENOSPC": func(io.Writer) error { return errors.Join(broken, syscall.ENOSPC) },
	} {
		_, err := o.Write("media", "kept", 10, fill)
		if !errors.Is(err, broken) || errors.Is(err, files.ErrFull) || errors.Is(err, files.ErrUnwritable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_, _ = o.Write("media", "kept", 10, func(io.Writer) error { panic("no") })
	}()
	same(t, "after failures", o.Usage(), tree(5, 1))
	entries, err := os.ReadDir(filepath.Join(dir, "i1", "media"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
	put(t, o, "rest", 95) // all the room is back
}

// TestDiskThatFails: what is neither full nor the fault of who fills is told so.
func TestDiskThatFails(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, files.Options{})
	o := f.Of("i1")
	put(t, o, "kept", 5)
	if err := os.WriteFile(filepath.Join(dir, "i2"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Of("i2").Write("media", "x", 1, content(1)); !errors.Is(err, files.ErrUnwritable) || errors.Is(err, files.ErrFull) || !strings.Contains(err.Error(), dir) {
		t.Errorf("where no directory can be: %v", err)
	}
	same(t, "after failures", o.Usage(), tree(5, 1))
}

// TestFullDiskIsLeftToTheLog: the last of the disk is not for files.
func TestFullDiskIsLeftToTheLog(t *testing.T) {
	left := int64(70 << 20)
	f := open(t, t.TempDir(), files.Options{Free: func(string) (int64, error) { return left, nil }})
	o := f.Of("i1")
	put(t, o, "small", 1000)
	if _, err := o.Write("media", "large", 7<<20, content(1)); !errors.Is(err, files.ErrFull) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("a file that does not fit: %v", err)
	}
	left = 10 << 20
	if _, err := o.Write("media", "any", 0, content(1)); !errors.Is(err, files.ErrFull) {
		t.Errorf("on a full disk: %v", err)
	}
	left = 200 << 20
	_, err := o.Write("media", "grows", 0, func(w io.Writer) error {
		for range 64 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
			left -= 3 << 20 // others write, too
		}
		return nil
	})
	if !errors.Is(err, files.ErrFull) {
		t.Errorf("a disk that fills meanwhile: %v", err)
	}
}

// TestSystemTellsFreeSpace: a disk with room is not taken for a full one.
func TestSystemTellsFreeSpace(t *testing.T) {
	f, err := files.Open(t.TempDir(), files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	put(t, f.Of("i1"), "a", 1)
}

func TestErase(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, files.Options{Total: 100})
	o := f.Of("i1")
	put(t, o, "a", 60)
	_, err := o.Write("media", "b", 10, func(w io.Writer) error {
		if err := f.Erase("i1"); err != nil {
			t.Error(err)
		}
		return content(10)(w)
	})
	if err == nil {
		t.Error("a file was stored for an erased instance")
	}
	if _, err := os.Stat(filepath.Join(dir, "i1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its directory: %v", err)
	}
	if _, err := o.Write("media", "c", 1, content(1)); err == nil {
		t.Error("an erased instance writes again")
	}
	if err := errors.Join(f.Erase("i1"), f.Erase("never"), f.Erase("../i1")); err != nil {
		t.Errorf("erased again: %v", err)
	}
	put(t, f.Of("i2"), "a", 100) // all the room is back
}

// TestNoWayOut: neither names nor links lead out of the directory.
func TestNoWayOut(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	f := open(t, dir, files.Options{})
	for _, id := range []string{"", ".", "..", "../x", "a/b", `a\b`, ".hidden", "a\x00b"} {
		if _, err := f.Of(id).Write("media", "x", 1, content(1)); err == nil {
			t.Errorf("the instance %q could write", id)
		}
		if err := f.Of(id).Clear(); err != nil {
			t.Errorf("the instance %q: %v", id, err)
		}
	}
	for _, folder := range []string{"", "..", "other", "media/..", "../i2/media"} {
		if _, err := f.Of("i1").Write(folder, "x", 1, content(1)); err == nil {
			t.Errorf("there is a folder %q", folder)
		}
		if _, err := f.Of("i1").Open(folder, "x"); err == nil {
			t.Errorf("there is a folder %q", folder)
		}
	}
	put(t, f.Of("i1"), "../../../etc/passwd", 3)
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "i1", "media", "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Of("i1").Open("media", "link"); err == nil {
		t.Error("a link leads out")
	}
	if err := os.Symlink(outside, filepath.Join(dir, "i3")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Of("i3").Write("media", "x", 1, content(1)); err == nil {
		t.Error("a linked directory leads out")
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("outside there is %v, %v", entries, err)
	}
}

// TestClearThatFailsHalfway: what is left is still counted, and nothing else.
func TestClearThatFailsHalfway(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, files.Options{PerInstance: 100})
	o := f.Of("i1")
	put(t, o, "a", 60)
	if _, err := o.Write("thumb", "b", 30, content(30)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "i1", "profile"), nil, 0o600); err != nil { // where a folder should be
		t.Fatal(err)
	}
	if err := o.Clear(); err == nil {
		t.Error("no error")
	}
	if got := o.Usage(); got.Bytes != 30 || got.Files != 1 || got.Subs[2].Bytes != 30 {
		t.Errorf("left: %+v", got)
	}
	if err := os.Remove(filepath.Join(dir, "i1", "profile")); err != nil {
		t.Fatal(err)
	}
	if err := o.Clear(); err != nil {
		t.Error(err)
	}
	put(t, o, "c", 100)
}

// TestAnnouncedIsAnything: a sender says how long a file is.
func TestAnnouncedIsAnything(t *testing.T) {
	unknown := func(string) (int64, error) { return 0, errors.ErrUnsupported }
	for name, o := range map[string]files.Options{
		"of one": {PerInstance: 100, Free: unknown},
		"of all": {Total: 100, Free: unknown},
	} {
		f := open(t, t.TempDir(), o)
		if _, err := f.Of("i1").Write("media", "small", 10, func(w io.Writer) error { _, err := w.Write(make([]byte, 10)); return err }); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Of("i1").Write("media", "huge", math.MaxInt64, func(io.Writer) error { return nil }); !errors.Is(err, files.ErrFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRemove: one file goes, and is counted no more.
func TestRemove(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, files.Options{PerInstance: 100})
	o := f.Of("i1")
	put(t, o, "a", 60)
	put(t, o, "b", 40)
	reading, err := o.Open("media", "a")
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	for range 2 { // the second time there is nothing to do
		if err := o.Remove("media", "a"); err != nil {
			t.Error(err)
		}
	}
	if text, err := io.ReadAll(reading); err != nil || len(text) != 60 {
		t.Errorf("a reader got %d bytes, %v", len(text), err)
	}
	same(t, "removed", o.Usage(), tree(40, 1))
	put(t, o, "c", 60)
	if err := o.Remove("other", "c"); err == nil {
		t.Error("there is another folder")
	}
	if err := f.Of("..").Remove("media", "c"); err == nil {
		t.Error("there is another instance")
	}
	if err := os.Mkdir(filepath.Join(dir, "i1", "media", "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := o.Remove("media", "folder"); err != nil {
		t.Error(err)
	}
	same(t, "what is no file stays", o.Usage(), tree(100, 2))
}

func TestKeep(t *testing.T) {
	f := open(t, t.TempDir(), files.Options{})
	o := f.Of("i1")
	if err := o.Keep("media", "a"); err != nil { // before there is anything
		t.Error(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		put(t, o, name, 10)
	}
	if err := o.Keep("media", "b", "none"); err != nil {
		t.Error(err)
	}
	same(t, "kept one", o.Usage(), tree(10, 1))
	if _, err := o.Find("media", "b"); err != nil {
		t.Error(err)
	}
	if err := o.Keep("profile"); err != nil {
		t.Error(err)
	}
	if err := o.Keep("other"); err == nil {
		t.Error("there is another folder")
	}
	if err := o.Keep("media"); err != nil {
		t.Error(err)
	}
	same(t, "kept none", o.Usage(), tree(0, 0))
}
