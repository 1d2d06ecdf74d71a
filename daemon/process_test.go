package daemon_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var built atomic.Bool

// binary builds the real program, once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	built.Store(true)
	dir, err := os.MkdirTemp("", "switchhook-test-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "switchhook")
	cmd := exec.Command("go", "build", "-o", out, "../cmd/switchhook")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, msg)
	}
	return out, nil
})

func removeBinary() {
	if !built.Load() {
		return
	}
	if out, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(out))
	}
}

// process is one run of the program.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	ready  chan string // gets the line that says it serves, once
	exited chan struct{}

	mu   sync.Mutex
	tail []string // guarded by mu; the last lines it wrote
}

// start runs the program and waits until a line it writes contains the mark.
func start(t testing.TB, mark string, args ...string) *process {
	t.Helper()
	p := launch(t, mark, args...)
	select {
	case <-p.ready:
	case <-p.exited:
		t.Fatalf("switchhook %s ended: %v\n%s", args[0], p.cmd.ProcessState, p.output())
	case <-time.After(30 * time.Second):
		t.Fatalf("switchhook %s says nothing of %q\n%s", args[0], mark, p.output())
	}
	return p
}

func launch(t testing.TB, mark string, args ...string) *process {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(bin, args...), ready: make(chan string, 1), exited: make(chan struct{})}
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	p.cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.tail = append(p.tail, lines.Text())
			p.tail = p.tail[max(0, len(p.tail)-200):]
			p.mu.Unlock()
			if strings.Contains(lines.Text(), mark) {
				select {
				case p.ready <- lines.Text():
				default:
				}
			}
		}
	}()
	go func() {
		_ = p.cmd.Wait()
		_ = w.Close()
		<-read
		close(p.exited)
	}()
	t.Cleanup(func() { p.kill() })
	return p
}

// kill is kill -9, and returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// interrupt stops the program as an operator does and returns its exit code.
func (p *process) interrupt() int {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		p.t.Errorf("the process does not stop\n%s", p.output())
		p.kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n")
}

// run runs a command to its end.
func run(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// freePort answers an address nobody listens on just now.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
