package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/cmd/switchhook/internal/cli"
	"github.com/switchhook/switchhook/instance"
)

// fakeVault is a daemon's vault and mover that do as they are told, and the
// functions that the command line is given.
type fakeVault struct {
	keys    api.Keys
	rotated []string // the keys it was to change to
	phrases []string // those it was given
	image   string   // what it backs up and exports
	writing sync.Mutex
	cut     bool  // the answer breaks off; guarded by writing, as the handler outlives it
	err     error // of everything

	bad error // of looking at a file
	ask func(string) (string, error)
}

func newFakeVault() *fakeVault {
	return &fakeVault{keys: api.Keys{InUse: "k1", From: "the file /k", Opens: []string{"k1"}, Settled: true}, image: "IMAGE"}
}

// types lets somebody at the terminal type answers, one after the other.
func (v *fakeVault) types(answers ...string) {
	v.ask = func(string) (string, error) {
		if len(answers) == 0 {
			return "", io.EOF
		}
		a := answers[0]
		answers = answers[1:]
		return a, nil
	}
}

func (v *fakeVault) Keys() api.Keys { return v.keys }

func (v *fakeVault) RotateKey(_ context.Context, text string) (api.Keys, error) {
	v.rotated = append(v.rotated, text)
	k := v.keys
	if text == "" {
		k.Opens, k.Kept = []string{"k2"}, "/k.old"
	} else {
		k.Opens = []string{"k1", "k2"}
	}
	return k, v.err
}

func (v *fakeVault) RotateDataKey(context.Context) (api.Keys, error) { return v.keys, v.err }

func (v *fakeVault) Backup(_ context.Context, w io.Writer) error { return v.write(w) }

func (v *fakeVault) Export(_ context.Context, _, phrase string, w io.Writer) error {
	v.phrases = append(v.phrases, phrase)
	return v.write(w)
}

func (v *fakeVault) write(w io.Writer) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	if v.err != nil {
		return v.err
	}
	_, err := io.WriteString(w, v.image)
	if v.cut {
		return errors.New("the disk is gone")
	}
	return err
}

func (v *fakeVault) Import(_ context.Context, r io.Reader, phrase, name string) (api.Entry, error) {
	v.phrases = append(v.phrases, phrase)
	b, err := io.ReadAll(r)
	if err == nil && string(b) != v.image {
		err = &api.RefusedError{Problem: "another file"}
	}
	if v.err != nil {
		err = v.err
	}
	return api.Entry{ID: "i9", Name: name}, err
}

func (v *fakeVault) Unfence(context.Context, string) (api.Entry, error) {
	return api.Entry{ID: "i1", Name: "shop"}, v.err
}

func (v *fakeVault) newKey(file string) (string, error) {
	return "k2", os.WriteFile(file, []byte("KEY"), 0o600)
}

func (v *fakeVault) readKey(file string) (string, error) {
	b, err := os.ReadFile(file)
	return string(b), err
}

func (v *fakeVault) checkExport(file, phrase string) error {
	v.phrases = append(v.phrases, phrase)
	return v.look(file)
}

func (v *fakeVault) look(file string) error {
	b, err := os.ReadFile(file)
	if err == nil && string(b) != v.image {
		err = errors.New("it holds something else")
	}
	return errors.Join(err, v.bad)
}

func (v *fakeVault) examine(file string) (cli.Database, error) {
	return cli.Database{File: file, Instances: 3, Events: 40, Bytes: 5, Keys: []string{"k1"}}, v.look(file)
}

func (v *fakeVault) restore(file, dir string) (cli.RestoredDatabase, error) {
	d, err := v.examine(file)
	d.File = filepath.Join(dir, "switchhook.db")
	return cli.RestoredDatabase{Database: d, Streams: 4, Dropped: 7}, err
}

// says runs a command line and wants its exit code and words of what it writes.
func (r *rig) says(t *testing.T, code int, words string, args ...string) {
	t.Helper()
	out, errs, got := r.run(t, args...)
	for word := range strings.SplitSeq(words, "|") {
		if got != code || !strings.Contains(out+errs, word) {
			t.Errorf("%v: %d, want %d with %q\n%s%s", args, got, code, word, out, errs)
		}
	}
}

func TestKeyCommands(t *testing.T) {
	r := newRig(t)
	file := filepath.Join(r.dir, "new.key")
	r.says(t, 0, "k2|"+file, "key", "new", file)
	r.says(t, 0, "k1|the file /k|everything is sealed", "key", "show")
	r.says(t, 0, `"in_use": "k1"`, "key", "show", "--json")
	r.says(t, 0, "only the new key k2|/k.old", "key", "rotate")
	r.says(t, 0, "with the key k1 and with the new key k2|restart", "key", "rotate", "--to", file)
	r.says(t, 0, `"kept": "/k.old"`, "key", "rotate", "--json")
	r.says(t, 0, "in the background", "key", "rotate", "--data-key")
	r.says(t, 1, "two things", "key", "rotate", "--data-key", "--to", file)
	r.says(t, 1, "switchhook key new "+file+"2 makes one", "key", "rotate", "--to", file+"2")
	if want := []string{"", "KEY", ""}; strings.Join(r.vault.rotated, ",") != strings.Join(want, ",") {
		t.Errorf("rotated to %q", r.vault.rotated)
	}
	r.vault.err = &api.RefusedError{Problem: "the key comes from elsewhere"}
	r.says(t, 1, "comes from elsewhere", "key", "rotate")
	r.vault.keys.Settled = false
	r.says(t, 0, "being sealed", "key", "show")
}

func TestBackupCommand(t *testing.T) {
	r := newRig(t)
	file := filepath.Join(t.TempDir(), "backup")
	holds := func(want string) {
		t.Helper()
		b, err := os.ReadFile(file)
		if string(b) != want {
			t.Errorf("the file holds %q, %v; want %q", b, err, want)
		}
		if left, err := filepath.Glob(file + ".tmp"); err != nil || len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
	r.vault.bad = errors.New("page 7 is damaged")
	r.says(t, 1, "page 7", "backup", file)
	holds("")
	r.vault.bad, r.vault.cut = nil, true
	r.says(t, 1, "broke off", "backup", file)
	holds("")
	r.vault.writing.Lock()
	r.vault.cut, r.vault.err = false, instance.ErrUnavailable
	r.vault.writing.Unlock()
	r.says(t, 1, "cannot be written now", "backup", file)
	holds("")
	r.vault.err = nil
	r.says(t, 0, "3 instances, 40 events|opens with the key k1", "backup", file)
	holds("IMAGE")
	r.vault.image = "SECOND"
	r.says(t, 1, "--force", "backup", file)
	holds("IMAGE")
	r.says(t, 0, `"instances": 3`, "backup", file, "--force", "--json")
	holds("SECOND")
	r.says(t, 1, "there is no directory "+filepath.Join(r.dir, "not"), "backup", filepath.Join(r.dir, "not", "there"))
}

func TestRestoreCommand(t *testing.T) {
	r := newRig(t)
	file, dir := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "new")
	if err := os.WriteFile(file, []byte("IMAGE"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.says(t, 1, "is not empty", "restore", file) // a daemon's
	r.says(t, 1, "no such file or directory: give the file that switchhook backup", "restore", file+"2", "--data", dir)
	r.says(t, 0, "3 instances|4 streams|7 keys|must not run again", "restore", file, "--data", dir)
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", st, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "store.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.says(t, 0, `"dropped": 7`, "restore", file, "--data", dir, "--json")
	if err := os.WriteFile(filepath.Join(dir, "switchhook.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.says(t, 1, "is not empty (switchhook.db)", "restore", file, "--data", dir)
}

func TestMoveCommands(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	file, phrase := filepath.Join(dir, "file"), filepath.Join(dir, "phrase")
	if err := os.WriteFile(phrase, []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	export := func(code int, words string) {
		t.Helper()
		r.says(t, code, words, "instance", "export", "shop", "--to", file)
	}
	export(1, "--passphrase-file") // nobody to ask
	r.vault.types("one phrase", "another")
	export(1, "differ")
	r.vault.types("one phrase", "one phrase")
	r.vault.bad = errors.New("it does not open")
	export(1, "it does not open")
	r.vault.bad = nil
	if _, err := os.Stat(file); err == nil {
		t.Error("a bad export has its name")
	}
	r.vault.types("one phrase", "one phrase")
	export(0, "does not run here any more|import")
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, []byte("IMAGE")) {
		t.Errorf("the file holds %q, %v", b, err)
	}
	r.says(t, 0, `"bytes": 5`, "instance", "export", "shop", "--to", file, "--force", "--passphrase-file", phrase, "--json")
	if last := r.vault.phrases[len(r.vault.phrases)-1]; last != "from a file" {
		t.Errorf("the passphrase is %q", last)
	}
	r.vault.err = &instance.FencedError{}
	r.says(t, 1, "exported on", "instance", "export", "shop", "--to", file+"2", "--passphrase-file", phrase)
	r.vault.err = nil

	r.vault.types("one phrase")
	r.says(t, 0, "moved (i9)|restore moved", "instance", "import", file, "--name", "moved")
	r.says(t, 0, `"id": "i9"`, "instance", "import", file, "--passphrase-file", phrase, "--json")
	r.says(t, 1, "another file", "instance", "import", phrase, "--passphrase-file", phrase)
	r.says(t, 1, "no such file or directory: give the file that switchhook instance export", "instance", "import", file+"2", "--passphrase-file", phrase)
	r.says(t, 1, "one line", "instance", "import", file, "--passphrase-file", os.DevNull)

	r.says(t, 1, "--force", "instance", "unfence", "shop")
	r.says(t, 0, "restore shop|Destroy", "instance", "unfence", "shop", "--force")
}
