package seal_test

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/seal"
)

func TestParseKey(t *testing.T) {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(250 + i) // with + and / in base64
	}
	want, err := seal.ParseKey(hex.EncodeToString(raw))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSpace(want.Text())
	for _, s := range []string{
		text, text + "\n", " " + text + "\r\n", strings.TrimRight(text, "="), strings.ToUpper(hex.EncodeToString(raw)),
		strings.NewReplacer("+", "-", "/", "_").Replace(text),
	} {
		if k, err := seal.ParseKey(s); err != nil || k != want {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "\n", text[:40], text + "A", text + "==", "secret", strings.Repeat("0", 64), strings.Repeat("A", 43),
		hex.EncodeToString(raw[:31]), hex.EncodeToString(raw) + "00", text[:20] + "\n" + text[20:], text + "\n" + text,
	} {
		if _, err := seal.ParseKey(s); !errors.Is(err, seal.ErrKeyText) {
			t.Errorf("%q is taken: %v", s, err)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k := seal.NewKey()
	if err := seal.WriteFile(path, k); err != nil {
		t.Fatal(err)
	}
	if err := seal.WriteFile(path, seal.NewKey()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key was overwritten: %v", err)
	}
	if got, err := seal.ReadFile(path); err != nil || got != k {
		t.Errorf("read: %v", err)
	}
	if runtime.GOOS != "windows" {
		for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o777} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := seal.ReadFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("mode %s: %v", mode, err)
			}
		}
	}
	if _, err := seal.ReadFile(path + ".not"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := seal.ReadFile(filepath.Dir(path)); err == nil {
		t.Error("a directory is a key")
	}
	for name, text := range map[string]string{"short": "c2hvcnQ=", "long": k.Text() + strings.Repeat("\n", 2000), "empty": ""} {
		bad := path + name
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := seal.ReadFile(bad)
		if !errors.Is(err, seal.ErrKeyText) || !strings.Contains(err.Error(), bad) || len(text) > 0 && strings.Contains(err.Error(), strings.TrimSpace(text)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	old, next := seal.NewKey(), seal.NewKey()
	if err := seal.WriteFile(path, old); err != nil {
		t.Fatal(err)
	}
	given, err := seal.PrepareReplace(path, old, seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	_ = given // as if the daemon had died here: the next try does not stumble over it
	r, err := seal.PrepareReplace(path, old, next)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.ReadFile(path); err != nil || got != old {
		t.Errorf("prepared: %v", err)
	}
	kept, err := r.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.ReadFile(path); err != nil || got != next {
		t.Errorf("replaced: %v", err)
	}
	if got, err := seal.ReadFile(kept); err != nil || got != old {
		t.Errorf("kept: %v", err)
	}
	if r, err = seal.PrepareReplace(path, next, seal.NewKey()); err != nil {
		t.Fatal(err)
	}
	r.Discard()
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 2 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestSource(t *testing.T) {
	dir := t.TempDir()
	keys := make(map[string]seal.Key)
	for _, name := range []string{"file", "credential", "default"} {
		keys[name] = seal.NewKey()
		if err := seal.WriteFile(filepath.Join(dir, name), keys[name]); err != nil {
			t.Fatal(err)
		}
	}
	keys["value"] = seal.NewKey()
	if err := os.Chmod(filepath.Join(dir, "credential"), 0o440); err != nil { // as systemd has it
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, c := range map[string]struct {
		source seal.Source
		file   string
	}{
		"value":      {seal.Source{Value: keys["value"].Text(), Default: at("default")}, ""},
		"file":       {seal.Source{File: at("file"), Default: at("default")}, at("file")},
		"credential": {seal.Source{Credential: "credential", CredentialsDir: dir, Default: at("default")}, ""},
		"default":    {seal.Source{Default: at("default")}, at("default")},
	} {
		got, err := c.source.Find()
		if err != nil || got.Key != keys[name] || got.File != c.file || got.From == "" {
			t.Errorf("%s: from %s, file %s, %v", name, got.From, got.File, err)
		}
	}
	for name, s := range map[string]seal.Source{
		at("none"): {Default: at("none")}, at("nofile"): {File: at("nofile")},
		"credential none": {Credential: "none", CredentialsDir: dir}, "credential outside": {Credential: "outside"},
	} {
		_, err := s.Find()
		var missing *seal.MissingError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	secret := "0123456789secret"
	if _, err := (seal.Source{Value: secret}).Find(); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a bad value: %v", err)
	}
}

// TestResumeReplace: only a key that the database knows as its newest takes the
// place of the one in use.
func TestResumeReplace(t *testing.T) {
	old, next := seal.NewKey(), seal.NewKey()
	for name, c := range map[string]struct {
		opens []string
		want  seal.Key
	}{
		"given out":     {[]string{old.ID(), next.ID()}, next},
		"not given out": {[]string{old.ID()}, old},
		"another":       {[]string{old.ID(), seal.NewKey().ID()}, old},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := seal.WriteFile(path, old); err != nil {
			t.Fatal(err)
		}
		if got, err := seal.ResumeReplace(path, old, c.opens); err != nil || got != old {
			t.Errorf("%s, nothing there: %v", name, err)
		}
		if _, err := seal.PrepareReplace(path, old, next); err != nil {
			t.Fatal(err)
		}
		got, err := seal.ResumeReplace(path, old, c.opens)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got == next, err)
		}
		if in, err := seal.ReadFile(path); err != nil || in != got {
			t.Errorf("%s: the file holds another key: %v", name, err)
		}
	}
}
