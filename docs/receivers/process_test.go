package receivers_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// example is a receiver that can be started.
type example struct {
	name string
	// command answers how it is started to listen on an address; "127.0.0.1:0" lets it
	// choose, and it prints which it has chosen. It skips the test where there is no
	// interpreter.
	command func(t *testing.T, addr string) *exec.Cmd
	silent  bool // it does not say where it listens
	blind   bool // it does not look for gaps
	keeps   bool // it remembers across restarts
}

func examples() []example {
	return []example{
		{name: "go", command: func(t *testing.T, addr string) *exec.Cmd {
			return exec.CommandContext(t.Context(), build(t))
		}},
		{name: "node", command: func(t *testing.T, addr string) *exec.Cmd {
			return exec.CommandContext(t.Context(), interpreter(t, "node"), "node/receiver.mjs")
		}},
		{name: "python", keeps: true, command: func(t *testing.T, addr string) *exec.Cmd {
			return exec.CommandContext(t.Context(), interpreter(t, "python3"), "python/receiver.py")
		}},
		{name: "php", silent: true, blind: true, keeps: true, command: func(t *testing.T, addr string) *exec.Cmd {
			return exec.CommandContext(t.Context(), interpreter(t, "php"), "-S", addr, "php/receiver.php")
		}},
	}
}

func interpreter(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s here", name)
	}
	return path
}

// build compiles the example in Go, once for each test.
func build(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "receiver")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./go")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// process is an example that runs.
type process struct {
	url string

	mu      sync.Mutex
	lines   []string      // guarded by mu; what it printed
	changed chan struct{} // guarded by mu; closed with the next line
}

// start runs an example until the test ends. It is killed, not asked, as a crash
// would. memory is where it may remember what it has handled.
func start(t *testing.T, ex example, memory string, secrets ...string) *process {
	t.Helper()
	addr := "127.0.0.1:0"
	if ex.silent {
		addr = free(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := ex.command(t, addr)
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(),
		"LISTEN="+addr, "SWITCHHOOK_SECRETS="+strings.Join(secrets, " "),
		"SWITCHHOOK_MEMORY="+memory)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{changed: make(chan struct{})}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.print(s.Text())
		}
		_, _ = io.Copy(io.Discard, out) // a line too long must not stop the process
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()         // says that it was killed
		in.Close()
		<-read
		if t.Failed() {
			t.Logf("it printed:\n%s", strings.Join(p.printed(), "\n"))
		}
	})
	if ex.silent {
		reach(ctx, t, addr)
		p.url = "http://" + addr
		return p
	}
	for {
		lines, next := p.look()
		for _, l := range lines {
			if at, ok := strings.CutPrefix(l, "listening on "); ok {
				p.url = "http://" + at
				return p
			}
		}
		select {
		case <-next:
		case <-ctx.Done():
			t.Fatalf("%s does not listen", ex.name)
		}
	}
}

func (p *process) print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *process) look() (lines []string, next <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines), p.changed
}

func (p *process) printed() []string {
	lines, _ := p.look()
	return lines
}

// told waits until it has printed so many lines that begin with word, and answers
// the rest of each. If it never does, the test has failed.
func (p *process) told(t *testing.T, word string, n int) (found []string) {
	t.Helper()
	timeout := time.NewTimer(20 * time.Second)
	defer timeout.Stop()
	for {
		lines, next := p.look()
		found = found[:0]
		for _, l := range lines {
			if rest, ok := strings.CutPrefix(l, word+" "); ok {
				found = append(found, rest)
			}
		}
		if len(found) >= n {
			return found
		}
		select {
		case <-next:
		case <-timeout.C:
			t.Errorf("%d lines of %q, want %d", len(found), word, n)
			return found
		}
	}
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// reach waits until somebody listens.
func reach(ctx context.Context, t *testing.T, addr string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("nobody listens on %s: %v", addr, err)
		}
	}
}
