package bus_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/bus"
)

// TestNobodyElse has no way in but the two users.
func TestNobodyElse(t *testing.T) {
	b := start(t, embedded(t), newLog())
	info, err := b.Info()
	if err != nil {
		t.Fatal(err)
	}
	for _, opt := range []nats.Option{
		nats.Name("nobody"), nats.UserInfo(info.User, "guess"), nats.UserInfo("switchhook", info.Password),
		nats.UserInfo("sys", ""), nats.Token(info.Password),
	} {
		if nc, err := nats.Connect(info.URL, opt); err == nil {
			nc.Close()
			t.Error("got in")
		} else if !errors.Is(err, nats.ErrAuthorization) {
			t.Error(err)
		}
	}
}

// TestListen is about ports.
func TestListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := embedded(t)
	cfg.Listen = l.Addr().String()
	b, err := bus.New(cfg, newLog())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Info(); !errors.Is(err, bus.ErrNotReady) {
		t.Errorf("Info before Run: %v", err)
	}
	err = b.Run(t.Context())
	if !errors.Is(err, bus.ErrPortTaken) || !strings.Contains(err.Error(), "nats.listen") ||
		!strings.Contains(err.Error(), cfg.Listen) || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("a port that is taken: %v", err)
	}
	_ = l.Close()

	log := newLog()
	log.add("a")
	r := start(t, cfg, log)
	if info, err := r.Info(); err != nil || info.URL != "nats://"+cfg.Listen {
		t.Errorf("info %+v, %v", info, err)
	}
	r.published(log)
	r.stop()

	for _, listen := range []string{"0.0.0.0:0", ":4222", "10.1.2.3:4222", "localhost", "127.0.0.1:x", "127.0.0.1:70000"} {
		cfg.Listen = listen
		if _, err := bus.New(cfg, log); err == nil || !strings.Contains(err.Error(), "nats.listen") {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

// TestDir is about what is kept, and for whose eyes.
func TestDir(t *testing.T) {
	cfg := embedded(t)
	cfg.Dir = filepath.Join(cfg.Dir, "deep", "nats")
	log := newLog()
	log.add("a")
	b := start(t, cfg, log)
	b.published(log)
	first, err := b.Info()
	if err != nil {
		t.Fatal(err)
	}
	b.stop()
	for name, mode := range map[string]os.FileMode{".": 0o700, "credentials.json": 0o600, "bus.json": 0o600} {
		fi, err := os.Stat(filepath.Join(cfg.Dir, name))
		if err != nil || fi.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, fi.Mode(), err)
		}
	}
	b = start(t, cfg, log)
	if again, err := b.Info(); err != nil || again.Password != first.Password || len(first.Password) < 20 {
		t.Errorf("credentials have changed: %v", err)
	}
	b.stop()

	if err := os.WriteFile(filepath.Join(cfg.Dir, "credentials.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.New(cfg, log); err == nil || !strings.Contains(err.Error(), "delete the file") {
		t.Errorf("damaged credentials: %v", err)
	}
}

// TestStoreNotWritable has a store the server may not use.
func TestStoreNotWritable(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"a file":    func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"no rights": func(dir string) error { return os.Mkdir(dir, 0o500) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no rights" && os.Getuid() == 0 {
				t.Skip("root may write everywhere")
			}
			cfg := embedded(t)
			if err := spoil(filepath.Join(cfg.Dir, "jetstream")); err != nil {
				t.Fatal(err)
			}
			b, err := bus.New(cfg, newLog())
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), cfg.Dir) {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

// TestServerLosesJetStream is what a full disk does to a server.
func TestServerLosesJetStream(t *testing.T) {
	log := newLog()
	log.addMany(100, 5)
	b := start(t, embedded(t), log)
	b.published(log)
	before, _ := b.Info()
	if err := b.Server().DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new server, with nothing to publish", func() bool {
		s := b.Status()
		return s.LastError != "" && s.Connected
	})
	log.addMany(100, 5)
	b.Notify()
	b.published(log)
	if after, _ := b.Info(); after != before {
		t.Errorf("info was %+v, is %+v", before, after)
	}
	same(t, stored(t, b.reader()), log.ids())
}

// TestBounds are applied to a stream of ours, and follow the configuration.
func TestBounds(t *testing.T) {
	log, cfg := newLog(), embedded(t)
	for _, c := range []struct{ age, wantAge, bytes, wantBytes int64 }{
		{0, 7 * 24 * 3600, 0, 1 << 30},
		{3600, 3600, 8 << 20, 8 << 20},
		{-1, 0, -1, -1},
		{7200, 7200, 2 << 40, 2 << 40}, // more than the disk has
	} {
		cfg.MaxAge, cfg.MaxBytes = time.Duration(c.age)*time.Second, c.bytes
		log.add("a")
		b := start(t, cfg, log)
		b.published(log)
		js, err := jetstream.New(b.reader())
		if err != nil {
			t.Fatal(err)
		}
		s, err := js.Stream(patient(t), bus.StreamName)
		if err != nil {
			t.Fatal(err)
		}
		got := s.CachedInfo().Config
		if got.MaxAge != time.Duration(c.wantAge)*time.Second || got.MaxBytes != c.wantBytes ||
			fmt.Sprint(got.Subjects) != "[switchhook.ev.>]" || got.Discard != jetstream.DiscardOld || got.Storage != jetstream.FileStorage {
			t.Errorf("%+v: %+v", c, got)
		}
		b.stop()
	}
}

// TestConfig are configurations that cannot work; their errors name the key and
// keep secrets.
func TestConfig(t *testing.T) {
	for key, cfg := range map[string]bus.Config{
		"nats.url":       {Dir: t.TempDir(), URL: "nats://u:secret@:x:y"},
		"nats.url ":      {Dir: t.TempDir(), URL: "http://u:secret@host"},
		"nats.url  ":     {Dir: t.TempDir()},
		"nats.url   ":    {Dir: t.TempDir(), URL: "nats://u:secret@host", Embedded: true},
		"directory":      {Embedded: true},
		"nats.max_bytes": {Dir: t.TempDir(), Embedded: true, MaxBytes: 1000},
		"nats.max_age":   {Dir: t.TempDir(), Embedded: true, MaxAge: time.Second},
		"origin":         {Dir: t.TempDir(), Embedded: true, Origin: "a/b"},
	} {
		_, err := bus.New(cfg, newLog())
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(key)) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestPortStays: with no port configured, a restarted server is where its
// subscribers left it, unless somebody else took the port meanwhile.
func TestPortStays(t *testing.T) {
	dir := t.TempDir()
	url := func() string {
		t.Helper()
		r := start(t, bus.Config{Dir: dir, Embedded: true}, newLog())
		defer r.stop()
		<-r.Ready()
		info, err := r.Info()
		if err != nil {
			t.Fatal(err)
		}
		return info.URL
	}
	first := url()
	if again := url(); again != first {
		t.Errorf("after a restart the server is at %s, before at %s", again, first)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", strings.TrimPrefix(first, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if other := url(); other == first {
		t.Errorf("the server is at %s, which is taken", other)
	}
}
