package cli_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/cmd/switchhook/internal/cli"
)

const token = "a-token-for-tests"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a running daemon that does nothing, and the command line beside it.
type rig struct {
	*apitest.Fake
	vault    *fakeVault
	posts    *apitest.Endpoints
	api      *api.API
	dir      string // the daemon's data directory
	commands cli.Commands
	env      map[string]string
	columns  int // of the terminal; 0: there is none
	stdin    string
}

// newRig serves a fake with the instance shop on the socket of a data directory.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{Fake: apitest.New("sandbox"), vault: newFakeVault(), dir: folder(t), env: map[string]string{}}
	if _, err := r.Add(t.Context(), api.AddSpec{Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	r.posts = apitest.NewEndpoints(r.Fake)
	r.api = api.New(api.Config{Instances: r, System: r, Sandbox: r, Endpoints: r.posts, Tenants: r, Vault: r.vault, Mover: r.vault, Token: token, LocalURL: "http://127.0.0.1:8080"})
	l, err := api.ListenUnix(filepath.Join(r.dir, api.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	srv := r.api.Server()
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	r.commands = cli.Commands{
		NewKey: r.vault.newKey, ReadKey: r.vault.readKey, CheckExport: r.vault.checkExport,
		Examine: r.vault.examine, Restore: r.vault.restore,
		DefaultDataDir: func() string { return r.dir },
		Faults:         r.Faults,
		Version:        "v1.2.3",
	}
	return r
}

// folder is a directory whose name leaves room for a socket's.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sh") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// pair links shop to apitest.Phone.
func (r *rig) pair(t *testing.T) {
	t.Helper()
	if _, err := r.Generate(t.Context(), "i1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Scan(t.Context(), "i1", ""); err != nil {
		t.Fatal(err)
	}
}

// run runs one command line to its end.
func (r *rig) run(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	var stdout, stderr screen
	code = r.runOn(t.Context(), &stdout, &stderr, args...)
	return stdout.String(), stderr.String(), code
}

func (r *rig) runOn(ctx context.Context, stdout, stderr *screen, args ...string) int {
	return cli.Run(ctx, args, r.commands, cli.Env{
		In: strings.NewReader(r.stdin), Out: stdout, Err: stderr,
		Getenv:    func(k string) string { return r.env[k] },
		Terminal:  func() (int, int, bool) { return r.columns, 100, r.columns > 0 },
		AskSecret: r.vault.ask,
	})
}

// background runs one command line and answers how to wait for its exit code.
func (r *rig) background(ctx context.Context, stdout, stderr *screen, args ...string) (wait func() int) {
	done := make(chan int, 1)
	go func() {
		code := r.runOn(ctx, stdout, stderr, args...)
		stdout.end()
		stderr.end()
		done <- code
	}()
	return func() int { return <-done }
}

// screen is a writer that can be waited on. The zero value is ready.
type screen struct {
	mu    sync.Mutex
	cond  *sync.Cond
	text  strings.Builder
	ended bool // nothing more is written
}

func (s *screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.cond != nil {
		s.cond.Broadcast()
	}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cond != nil {
		defer s.cond.Broadcast()
	}
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await blocks until what was written holds so many times mark. It fails the
// test if the command ends without.
func (s *screen) await(t *testing.T, mark string, times int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cond == nil {
		s.cond = sync.NewCond(&s.mu)
	}
	for strings.Count(s.text.String(), mark) < times {
		if s.ended {
			t.Fatalf("ended without %q: %s", mark, s.text.String())
		}
		s.cond.Wait()
	}
}
