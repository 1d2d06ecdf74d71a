package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/daemon"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// startError is why a daemon on the directory does not start.
func startError(t *testing.T, dir string, edit func(*configs.Config)) error {
	t.Helper()
	cfg := configs.Default()
	cfg.DataDir, cfg.Listen, cfg.Network = dir, "127.0.0.1:0", configs.NetworkSandbox
	if edit != nil {
		edit(&cfg)
	}
	d, err := daemon.New(daemon.Options{Config: cfg, Version: "test"})
	if err == nil {
		t.Errorf("it starts: %v", d.URL())
		return errors.New("it starts")
	}
	return err
}

func keyFile(t *testing.T, dir string) seal.Key {
	t.Helper()
	k, err := seal.ReadFile(filepath.Join(dir, "store.key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestKeys: a first start makes a key; a start without it, with another or with
// a bad one is refused and says which; no message shows a key.
func TestKeys(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	d.pair("shop", "")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	key, file := keyFile(t, dir), filepath.Join(dir, "store.key")
	raw, err := os.ReadFile(filepath.Join(dir, "switchhook.db"))
	if err != nil || bytes.Contains(raw, []byte(`"noise_key"`)) || bytes.Contains(raw, []byte(`"wid"`)) || bytes.Contains(raw, []byte(`connection.changed`)) {
		t.Errorf("the database lies in the clear: %v", err)
	}

	other := filepath.Join(dir, "other.key")
	if err := seal.WriteFile(other, seal.NewKey()); err != nil {
		t.Fatal(err)
	}
	otherKey, err := seal.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	away := file + ".away"
	move(t, file, away)
	for name, c := range map[string]struct {
		edit func(*configs.Config)
		says []string
	}{
		"missing":           {nil, []string{key.ID(), file, "store.key_file"}},
		"another":           {func(c *configs.Config) { c.Store.KeyFile = other }, []string{key.ID(), otherKey.ID(), other}},
		"another, by value": {func(c *configs.Config) { c.Store.Key = configs.Secret(otherKey.Text()) }, []string{key.ID(), otherKey.ID(), "SWITCHHOOK_STORE_KEY"}},
		"no such file":      {func(c *configs.Config) { c.Store.KeyFile = other + "2" }, []string{key.ID(), other + "2"}},
		"no credentials":    {func(c *configs.Config) { c.Store.KeyCredential = "store.key" }, []string{key.ID(), "credential store.key", "CREDENTIALS_DIRECTORY"}},
	} {
		err := startError(t, dir, c.edit)
		for _, word := range c.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q is not in: %v", name, word, err)
			}
		}
		for _, k := range []seal.Key{key, otherKey} {
			if strings.Contains(err.Error(), strings.TrimSpace(k.Text())[:10]) {
				t.Errorf("%s: the error shows a key", name)
			}
		}
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key was made for a database that has one: %v", err)
	}
	if err := startError(t, shortDir(t), func(c *configs.Config) { c.Store.KeyFile = other + "2" }); !strings.Contains(err.Error(), "switchhook key new") {
		t.Errorf("a new database without its key file: %v", err)
	}

	d = runDaemon(t, dir, func(c *configs.Config) { c.Store.Key = configs.Secret(key.Text()) })
	d.reach("shop", fsm.Authenticated)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	d = runDaemon(t, dir, func(c *configs.Config) { c.Store.KeyCredential = filepath.Base(away) })
	d.reach("shop", fsm.Authenticated)
}

// TestRotateKey changes every key while the daemon runs.
func TestRotateKey(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	d.pair("shop", "")
	old := keyFile(t, dir)
	out := must(t, "key", "rotate", "--data", dir)
	next := keyFile(t, dir)
	kept := filepath.Join(dir, "store.key."+old.ID()+".old")
	if next == old || !strings.Contains(out, next.ID()) || !strings.Contains(out, kept) {
		t.Errorf("rotated: %s", out)
	}
	if k, err := seal.ReadFile(kept); err != nil || k != old {
		t.Errorf("the old key: %v", err)
	}
	must(t, "key", "rotate", "--data-key", "--data", dir)
	if out := must(t, "key", "show", "--data", dir); !strings.Contains(out, next.ID()) || strings.Contains(out, old.ID()) {
		t.Errorf("keys: %s", out)
	}
	d.reach("shop", fsm.Authenticated)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	err := startError(t, dir, func(c *configs.Config) { c.Store.KeyFile = kept })
	if !strings.Contains(err.Error(), next.ID()) {
		t.Errorf("the old key still opens it: %v", err)
	}
	d = runDaemon(t, dir, nil)
	d.reach("shop", fsm.Authenticated)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil) // without the old data key
	d.reach("shop", fsm.Authenticated)
}

// TestRotateForeignKey: a key that the daemon cannot replace is added; the next
// start with the new one drops the old one.
func TestRotateForeignKey(t *testing.T) {
	dir := shortDir(t)
	old, file := seal.NewKey(), filepath.Join(dir, "new.key")
	given := func(k seal.Key) func(*configs.Config) {
		return func(c *configs.Config) { c.Store.Key = configs.Secret(k.Text()) }
	}
	d := runDaemon(t, dir, given(old))
	d.pair("shop", "")
	fails(t, "key rotate --to", "key", "rotate", "--data", dir)
	must(t, "key", "new", file)
	fails(t, "file exists", "key", "new", file)
	next, err := seal.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out := must(t, "key", "rotate", "--to", file, "--data", dir); !strings.Contains(out, next.ID()) || !strings.Contains(out, old.ID()) {
		t.Errorf("rotated: %s", out)
	}
	fails(t, "has that key already", "key", "rotate", "--to", file, "--data", dir)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	for _, k := range []seal.Key{old, next} { // the operator needs two tries
		d = runDaemon(t, dir, given(k))
		d.reach("shop", fsm.Authenticated)
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if err := startError(t, dir, given(old)); !strings.Contains(err.Error(), next.ID()) {
		t.Errorf("the old key still opens it: %v", err)
	}
}

// TestRotationCutShort starts a daemon on what a crash leaves after each step of
// a rotation.
func TestRotationCutShort(t *testing.T) {
	for _, step := range []string{"key written", "key added", "file replaced"} {
		t.Run(step, func(t *testing.T) {
			dir := shortDir(t)
			d := runDaemon(t, dir, nil)
			d.pair("shop", "")
			if err := d.stop(); err != nil {
				t.Fatal(err)
			}
			old, next, file := keyFile(t, dir), seal.NewKey(), filepath.Join(dir, "store.key")
			r, err := seal.PrepareReplace(file, old, next)
			if err != nil {
				t.Fatal(err)
			}
			want := old
			if step != "key written" {
				addKey(t, dir, old, next)
				want = next
			}
			if step == "file replaced" {
				if _, err := r.Commit(); err != nil {
					t.Fatal(err)
				}
			}
			d = runDaemon(t, dir, nil)
			d.reach("shop", fsm.Authenticated)
			k, err := d.admin.Keys(t.Context())
			if err != nil || k.InUse != want.ID() || keyFile(t, dir) != want {
				t.Errorf("in use is %s: %v", k.InUse, err)
			}
			if k := d.settledKeys(t); !slices.Equal(k.Opens, []string{want.ID()}) {
				t.Errorf("it opens with %v", k.Opens)
			}
			must(t, "key", "rotate", "--data", dir)
		})
	}
}

// settledKeys waits until only one key opens the database.
func (r *rig) settledKeys(t *testing.T) api.Keys {
	t.Helper()
	for {
		k, err := r.admin.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(k.Opens) == 1 {
			return k
		}
	}
}

// addKey lets a further key open a stopped daemon's database.
func addKey(t *testing.T, dir string, old, next seal.Key) {
	t.Helper()
	var ring *seal.Ring
	s, err := store.Open(filepath.Join(dir, "switchhook.db"), store.Options{
		Network: "sandbox", Unseal: func(rec []byte, _ bool) (_ store.Sealer, _ []byte, err error) {
			if ring, err = seal.OpenRing(rec, old); err != nil {
				return nil, nil, err
			}
			rec, _, err = ring.AddKey(next)
			return ring, rec, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBackupAndRestore takes a copy while the daemon works, and goes on with it
// when everything else is lost.
func TestBackupAndRestore(t *testing.T) {
	url := sharedSandbox(t)
	d := runDaemon(t, shortDir(t), onSandbox(url))
	d.pair("shop", "")
	copied := filepath.Join(t.TempDir(), "backup")
	if out := must(t, "backup", copied, "--data", d.dir); !strings.Contains(out, ": 1 instance, ") || !strings.Contains(out, keyFile(t, d.dir).ID()) {
		t.Errorf("backup says: %s", out)
	}
	fails(t, "--force", "backup", copied, "--data", d.dir)
	must(t, "backup", copied, "--force", "--data", d.dir)
	if st, err := os.Stat(copied); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", st.Mode(), err)
	}
	if left, err := filepath.Glob(copied + "*"); err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
	must(t, "instance", "close", "shop", "--data", d.dir) // after the backup
	used := d.allIDs("shop")
	key := keyFile(t, d.dir)
	fails(t, "is not empty", "restore", copied, "--data", d.dir)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}

	dir := shortDir(t)
	if err := seal.WriteFile(filepath.Join(dir, "store.key"), key); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "restore", copied, "--data", dir); !strings.Contains(out, key.ID()) {
		t.Errorf("restore says: %s", out)
	}
	again := runDaemon(t, dir, onSandbox(url))
	again.reach("shop", fsm.Authenticated)
	shared := 0
	for _, e := range again.events("shop", 0) {
		switch at := slices.Index(used, e.ID); {
		case at < 0:
		case strings.HasPrefix(e.ID, e.Stream+"/1/"):
			shared++ // from before the backup
		default:
			t.Errorf("%s is used twice", e.ID)
		}
	}
	if shared == 0 || shared >= len(used) {
		t.Errorf("%d of %d events are from before", shared, len(used))
	}
}

// TestSealsAnOldDatabase starts the daemon on a database from before there were
// keys.
func TestSealsAnOldDatabase(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "switchhook.db")
	const secret = "SECRETSECRET"
	old, err := store.Open(path, store.Options{Network: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- old.Run(ctx) }()
	ch := old.Change()
	ch.PutInstance(record.Instance{ID: "i1", Name: "shop", WID: secret})
	ch.PutEndpoint(record.Endpoint{ID: "i1-webhook", Stream: "i1", Secrets: []string{secret}})
	ch.Append(record.Event{Stream: "i1", Kind: "test", Name: secret})
	if _, err := old.Commit(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := errors.Join(<-ended, old.Close()); err != nil {
		t.Fatal(err)
	}

	for range 2 { // seal, then compact
		d := runDaemon(t, dir, nil)
		for k, err := d.admin.Keys(t.Context()); err != nil || !k.Settled; k, err = d.admin.Keys(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if e := d.find("shop"); e.WID != secret || e.WebhookSecret != secret || d.events("shop", 0)[0].Name != secret {
			t.Errorf("it is %+v", e)
		}
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil || bytes.Contains(raw, []byte(secret)) {
		t.Errorf("the database still holds what was in the clear: %v", err)
	}
}
