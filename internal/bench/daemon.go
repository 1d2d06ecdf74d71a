package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

const daemonName = "the daemon"

// under is the daemon under test.
type under struct {
	p     *process
	up    *tally
	began time.Time
	ready time.Duration // from its start
	admin *client.Client
}

// build builds the program under test, unless one was named.
func build(ctx context.Context, named, dir string, profiled bool) (string, error) {
	if named != "" {
		return named, nil
	}
	out := filepath.Join(dir, "switchhook")
	tags := ""
	if profiled {
		tags = "profile"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", tags, "-o", out, "github.com/switchhook/switchhook/cmd/switchhook") //nolint:gosec // our own
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, msg)
	}
	return out, nil
}

// startDaemon starts the program on a data directory and returns when it says
// that it is ready. An empty sandbox address is one inside the daemon.
func startDaemon(ctx context.Context, program, dir string, budget int, sandboxURL string) (*under, error) {
	config := filepath.Join(dir, "bench.yaml")
	text := fmt.Sprintf("data_dir: %q\nlisten: 127.0.0.1:0\nnetwork: sandbox\nsandbox:\n  url: %q\nconnection:\n  dials_per_second: %d\n",
		dir, sandboxURL, budget)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	u := &under{up: newTally(), began: time.Now(), admin: client.Unix(filepath.Join(dir, api.SocketName))}
	ready := newMark("msg=ready")
	var err error
	u.p, err = start(daemonName, func(s string) {
		ready.line(s)
		u.read(s)
		if strings.HasPrefix(s, "memory:") {
			_, _ = fmt.Fprintln(os.Stderr, s) // of a profile
		}
	}, program, "serve", "--config", config)
	if err != nil {
		return nil, err
	}
	if err := u.p.await(ctx, ready.seen); err != nil {
		u.p.stop()
		return nil, err
	}
	u.ready = time.Since(u.began)
	return u, nil
}

// read keeps the tally from the lines about state 10.
func (u *under) read(line string) {
	switch {
	case !strings.Contains(line, `msg="connection changed"`):
	case strings.Contains(line, " to=10 "):
		u.up.add(1)
	case strings.Contains(line, " from=10 "):
		u.up.add(-1)
	}
}
