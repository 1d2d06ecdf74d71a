package files_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/files"
)

// entries are the names below an instance's media folder.
func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(dir, "i1", "media"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, files.Options{PerInstance: 100})
	o := f.Of("i1")
	put(t, o, "kept", 10)
	s, err := o.Spool(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"a pic", "ture"} {
		if _, err := io.WriteString(s, part); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // it is read as often as it is wanted
		if at, err := s.Seek(0, io.SeekStart); err != nil || at != 0 {
			t.Fatalf("at %d, %v", at, err)
		}
		if got, err := io.ReadAll(s); err != nil || string(got) != "a picture" || s.Size() != 9 {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if left := entries(t, dir); len(left) != 1 || left[0].Name() != "kept" {
		t.Errorf("it has a name among %v", left)
	}
	same(t, "what passes through is not stored", o.Usage(), tree(10, 1))
	if _, err := o.Write("media", "large", 82, content(82)); !errors.Is(err, files.ErrFull) {
		t.Errorf("beside it there was room: %v", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after the end: %v", err)
	}
	put(t, o, "large", 90) // its room is back, once
	if _, err := o.Spool(1); !errors.Is(err, files.ErrFull) {
		t.Errorf("full, and there was room: %v", err)
	}
}

// TestSpoolFull: what finds no room says what would make it, and leaves nothing.
func TestSpoolFull(t *testing.T) {
	for name, c := range map[string]struct {
		options files.Options
		says    string
	}{
		"instance": {files.Options{PerInstance: 100}, "files.per_instance"},
		"total":    {files.Options{Total: 100}, "files.total"},
		"disk":     {files.Options{Free: func(string) (int64, error) { return 64<<20 + 100, nil }}, "the disk has"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := open(t, dir, c.options).Of("i1")
			if _, err := o.Spool(101); !errors.Is(err, files.ErrFull) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("announced: %v", err)
			}
			s, err := o.Spool(0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(s, io.MultiReader(bytes.NewReader(make([]byte, 50)), bytes.NewReader(make([]byte, 16<<20))))
			if !errors.Is(err, files.ErrFull) || !strings.Contains(err.Error(), c.says) || s.Size() > 100 {
				t.Errorf("after %d bytes: %v", s.Size(), err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if left := entries(t, dir); len(left) != 0 {
				t.Errorf("left %v", left)
			}
			put(t, o, "a", 100)
		})
	}
	if _, err := open(t, t.TempDir(), files.Options{}).Of("../x").Spool(1); err == nil {
		t.Error("outside the directory there was room")
	}
}
