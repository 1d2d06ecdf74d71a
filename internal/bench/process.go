package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// process is a child of this one. It is ended by its own id and no other way.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{}

	mu   sync.Mutex
	tail []string // guarded by mu; the last lines it wrote
}

// tailLines is how much of a process's output is kept for an error.
const tailLines = 20

// start runs a program and gives each line that it writes to onLine.
func start(name string, onLine func(string), path string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(path, args...), exited: make(chan struct{})} //nolint:gosec,noctx // a program of ours, ended by stop
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.tail = append(p.tail[max(0, len(p.tail)-tailLines+1):], lines.Text())
			p.mu.Unlock()
			onLine(lines.Text())
		}
	}()
	go func() {
		_ = p.cmd.Wait() // how it ended does not matter
		_ = w.Close()
		<-read
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the process to end, and makes it after a while. It returns when it
// is gone, and is harmless twice.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(os.Interrupt) // it may be gone
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	select {
	case <-p.exited:
	case <-limit.C:
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// gone is the error of a process that ended by itself.
func (p *process) gone() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Errorf("%s ended: %v\n%s", p.name, p.cmd.ProcessState, strings.Join(p.tail, "\n"))
}

// await waits until ready is closed.
func (p *process) await(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-p.exited:
		return p.gone()
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", p.name, context.Cause(ctx))
	}
}
