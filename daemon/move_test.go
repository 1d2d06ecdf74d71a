package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// sharedSandbox serves a sandbox that several daemons use, and answers its URL.
func sharedSandbox(t *testing.T) string {
	t.Helper()
	n, err := sandbox.Open(sandbox.Config{StateFile: filepath.Join(t.TempDir(), "sandbox.db")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- n.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, n.Close()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

func onSandbox(url string) func(*configs.Config) {
	return func(c *configs.Config) { c.Sandbox.URL = url }
}

// must runs the real command line and answers what it prints.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := run(t, args...)
	if code != 0 {
		t.Fatalf("switchhook %s: %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

// fails runs the real command line and wants it to say why it fails.
func fails(t *testing.T, want string, args ...string) {
	t.Helper()
	_, errs, code := run(t, args...)
	if code == 0 || !strings.Contains(errs, want) {
		t.Errorf("switchhook %s: %d, %q; want %q", strings.Join(args, " "), code, errs, want)
	}
}

// allIDs answers the ids of an instance's events.
func (d door) allIDs(name string) (out []string) {
	d.t.Helper()
	for _, e := range d.events(name, 0) {
		out = append(out, e.ID)
	}
	return out
}

// TestMove takes a paired instance from one daemon to another and back: no new
// code, never both, no event id twice.
func TestMove(t *testing.T) {
	url := sharedSandbox(t)
	a, b := runDaemon(t, shortDir(t), onSandbox(url)), runDaemon(t, shortDir(t), onSandbox(url))
	rcv := newReceiver(t)
	made := a.pair("shop", rcv.url("shop"))
	rcv.trust("shop", made.WebhookSecret)
	sunk := newSink(t)
	erp := a.endpoint(api.EndpointSpec{Name: "erp", Instance: "shop", EndpointChange: at(sunk.url("erp"))})
	audit := b.endpoint(api.EndpointSpec{Name: "audit", EndpointChange: at(sunk.url("audit"))})
	phrase, first, second, third := filepath.Join(a.dir, "phrase"), filepath.Join(a.dir, "first"), filepath.Join(a.dir, "second"), filepath.Join(a.dir, "third")
	if err := os.WriteFile(phrase, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	must(t, "instance", "export", "shop", "--to", first, "--passphrase-file", phrase, "--data", a.dir)
	fails(t, "exists already", "instance", "export", "shop", "--to", first, "--passphrase-file", phrase, "--data", a.dir)
	if st, err := os.Stat(first); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("the file: %v, %v", st, err)
	}
	if text, err := os.ReadFile(first); err != nil || bytes.Contains(text, []byte(made.ID)) || bytes.Contains(text, []byte("jid")) {
		t.Errorf("the file shows what is in it: %v", err)
	}
	if e := a.find("shop"); e.State != fsm.NoConnection || e.ExportedAt.IsZero() || e.CanRestore || !strings.HasPrefix(e.Hint, "Exported.") {
		t.Errorf("exported, it is %+v", e)
	}
	if out := must(t, "instance", "list", "--data", a.dir); !strings.Contains(out, "0 noConnection, exported") {
		t.Errorf("the list does not tell: %s", out)
	}
	for _, verb := range []string{"restore", "disconnect"} {
		fails(t, "exported on", "instance", verb, "shop", "--data", a.dir)
	}
	if _, err := a.admin.Code(t.Context(), "shop"); !errors.Is(err, instance.ErrFenced) {
		t.Errorf("a code: %v", err)
	}
	restarted := a.dir
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	a = runDaemon(t, restarted, onSandbox(url))
	if e := a.find("shop"); e.State != fsm.NoConnection || e.ExportedAt.IsZero() {
		t.Errorf("after a restart it is %+v", e.Info)
	}

	wrong := filepath.Join(a.dir, "wrong")
	if err := os.WriteFile(wrong, []byte("another passphrase"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, "passphrase is wrong", "instance", "import", first, "--passphrase-file", wrong, "--data", b.dir)
	must(t, "instance", "import", first, "--passphrase-file", phrase, "--data", b.dir, "--name", "moved")
	if e := b.find("moved"); e.ID != made.ID || e.State != fsm.AuthenticatedClosed || e.Cause != fsm.CauseOperator || e.WID != made.WID || e.WebhookSecret != made.WebhookSecret || e.Webhook != made.Webhook {
		t.Errorf("imported, it is %+v", e)
	}
	if e := b.find("moved"); e.IDInstance != made.IDInstance || e.APIToken != made.APIToken {
		t.Error("clients of GREEN-API have to learn it anew")
	}
	fails(t, "imported here already", "instance", "import", first, "--passphrase-file", phrase, "--data", b.dir)
	if e, err := b.admin.Endpoint(t.Context(), "moved/erp"); err != nil || e.ID != erp.ID || e.Secrets[0] != erp.Secrets[0] || *e.URL != *erp.URL {
		t.Errorf("its endpoint has become %+v, %v", e, err)
	}
	must(t, "instance", "restore", "moved", "--data", b.dir)
	b.reach("moved", fsm.Authenticated)
	for _, ep := range []api.Endpoint{erp, audit} {
		sunk.awaitSeq(ep.Name, made.ID, b.find("moved").Seq)
	}

	rotated, err := b.admin.RotateToken(t.Context(), "moved", "")
	if err != nil {
		t.Fatal(err)
	}

	must(t, "instance", "export", "moved", "--to", second, "--passphrase-file", phrase, "--data", b.dir)
	must(t, "instance", "import", second, "--passphrase-file", phrase, "--data", a.dir)
	if e := a.find("shop"); e.IDInstance != made.IDInstance || e.APIToken != rotated.APIToken {
		t.Error("a token that was replaced there is valid here again")
	}
	if e := a.find("shop"); !e.ExportedAt.IsZero() || !e.CanRestore {
		t.Errorf("taken back, it is %+v", e)
	}
	must(t, "instance", "restore", "shop", "--data", a.dir)
	a.reach("shop", fsm.Authenticated)
	seen := append(a.allIDs("shop"), b.allIDs("moved")...)
	slices.Sort(seen)
	if len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Errorf("ids are used twice: %v", seen)
	}

	// The first file is older than that, although it was never imported here.
	must(t, "instance", "export", "shop", "--to", third, "--passphrase-file", phrase, "--data", a.dir)
	fails(t, "older than the session here", "instance", "import", first, "--passphrase-file", phrase, "--data", a.dir)
	// Its own file could have been imported elsewhere, and run there since.
	fails(t, "unfence shop --force", "instance", "import", third, "--passphrase-file", phrase, "--data", a.dir)
	must(t, "instance", "unfence", "shop", "--force", "--data", a.dir)
	must(t, "instance", "restore", "shop", "--data", a.dir)
	a.reach("shop", fsm.Authenticated)

	// What is left on b is a fenced instance: deleting it must not log a out.
	if _, err := b.admin.Delete(t.Context(), "moved"); err != nil {
		t.Fatal(err)
	}
	must(t, "instance", "close", "shop", "--data", a.dir)
	must(t, "instance", "restore", "shop", "--data", a.dir)
	a.reach("shop", fsm.Authenticated)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	events, err := stored(t, a.dir).Events(record.DaemonStream, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []record.Kind
	for _, e := range events {
		if e.Kind == record.InstanceExported || e.Kind == record.InstanceImported || e.Kind == record.InstanceUnfenced {
			kinds = append(kinds, e.Kind)
		}
	}
	if !slices.Equal(kinds, []record.Kind{record.InstanceExported, record.InstanceImported, record.InstanceExported, record.InstanceUnfenced}) {
		t.Errorf("the daemon's events are %v", kinds)
	}
}

// TestUnfence is the way out when the exported file is lost.
func TestUnfence(t *testing.T) {
	a := runDaemon(t, shortDir(t), nil)
	a.pair("shop", "")
	a.add("new", "")
	export := func(name, phrase string) ([]byte, error) {
		var b bytes.Buffer
		_, err := a.admin.Export(t.Context(), name, phrase, &b)
		return b.Bytes(), err
	}
	if _, err := export("new", "long enough"); !errors.Is(err, instance.ErrNothingToRestore) {
		t.Errorf("without a session: %v", err)
	}
	var invalid *instance.InvalidError
	if _, err := export("shop", "short"); !errors.As(err, &invalid) || a.find("shop").State != fsm.Authenticated {
		t.Errorf("a short passphrase: %v", err)
	}
	fails(t, "--force", "instance", "unfence", "shop", "--data", a.dir)
	fails(t, "nothing to lift", "instance", "unfence", "shop", "--force", "--data", a.dir)
	if _, err := export("shop", "long enough"); err != nil {
		t.Fatal(err)
	}
	again, err := export("shop", "another phrase") // the first file is lost
	if err != nil {
		t.Fatal(err)
	}
	must(t, "instance", "unfence", "shop", "--force", "--data", a.dir)
	must(t, "instance", "restore", "shop", "--data", a.dir)
	a.reach("shop", fsm.Authenticated)
	if _, err := a.admin.Import(t.Context(), bytes.NewReader(again), "another phrase", ""); err == nil || !strings.Contains(err.Error(), "imported here already") {
		t.Errorf("the old file after all: %v", err)
	}
	if e := a.events("shop", 0); !strings.HasPrefix(e[0].ID, e[0].Stream+"/1/") || strings.HasPrefix(e[len(e)-1].ID, e[0].Stream+"/1/") {
		t.Errorf("the epoch has not changed: %s to %s", e[0].ID, e[len(e)-1].ID)
	}
}

func TestImportRefuses(t *testing.T) {
	a := runDaemon(t, shortDir(t), nil)
	a.pair("shop", "")
	var file bytes.Buffer
	if _, err := a.admin.Export(t.Context(), "shop", "long enough", &file); err != nil {
		t.Fatal(err)
	}
	imported := func(b []byte, phrase, name string) error {
		_, err := a.admin.Import(t.Context(), bytes.NewReader(b), phrase, name)
		return err
	}
	var refused *client.Error
	for name, err := range map[string]error{
		"nothing":          imported(nil, "long enough", ""),
		"something else":   imported([]byte(strings.Repeat("no export ", 100)), "long enough", ""),
		"wrong passphrase": imported(file.Bytes(), "long enougH", ""),
		"cut":              imported(file.Bytes()[:file.Len()-1], "long enough", ""),
		"another name":     imported(file.Bytes(), "long enough", "other"),
	} {
		if !errors.As(err, &refused) || refused.Code != "refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if e := a.find("shop"); e.ExportedAt.IsZero() {
		t.Error("the fence is gone")
	}
	// Whether another daemon has it, this one cannot know.
	if err := imported(file.Bytes(), "long enough", ""); !errors.As(err, &refused) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("its own file: %v", err)
	}
	if _, err := a.admin.Restore(t.Context(), "shop"); err == nil {
		t.Error("it runs again, and nobody said that it runs nowhere else")
	}
	if _, err := a.admin.Unfence(t.Context(), "shop"); err != nil {
		t.Errorf("unfence: %v", err)
	}
	if err := imported(file.Bytes(), "long enough", ""); !errors.As(err, &refused) {
		t.Errorf("taking it back twice: %v", err)
	}
	if _, err := a.admin.Restore(t.Context(), "shop"); err != nil {
		t.Errorf("restore: %v", err)
	}
	a.reach("shop", fsm.Authenticated)
}

// stored opens the database of a stopped daemon with the key beside it.
func stored(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "switchhook.db"), store.Options{
		Network: "sandbox", Unseal: func(rec []byte, _ bool) (store.Sealer, []byte, error) {
			key, err := seal.ReadFile(filepath.Join(dir, "store.key"))
			if err != nil {
				return nil, nil, err
			}
			r, err := seal.OpenRing(rec, key)
			return r, nil, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
