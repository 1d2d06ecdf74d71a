package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// SocketName is the admin socket's file in the data directory.
const SocketName = "switchhook.sock"

// ListenUnix listens on a unix socket that only its owner may use (0600). A
// socket that a killed daemon left behind is replaced; one that somebody
// listens on, and a file that is no socket, are left alone and reported.
// Closing the listener removes the file.
func ListenUnix(path string) (net.Listener, error) {
	if limit := maxSocketPath(); len(path) > limit {
		return nil, fmt.Errorf("listen on %s: the path has %d bytes and the system takes %d for a socket: use a data directory with a shorter name", path, len(path), limit)
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, bare(err))
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", path, bare(err)), l.Close())
	}
	return l, nil
}

// maxSocketPath is the room in sockaddr_un, less its final zero byte.
func maxSocketPath() int {
	if runtime.GOOS == "linux" || runtime.GOOS == "windows" {
		return 107
	}
	return 103
}

// removeStale removes a socket that nobody listens on.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return bare(err)
	case info.Mode()&fs.ModeSocket == 0:
		return errors.New("a file that is no socket stands there: move it away")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = c.Close()
		return errors.New("another daemon listens there: stop it, or use another data directory")
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("see whether another daemon listens there: %w", bare(err))
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bare(err)
	}
	return nil
}

// bare is the system's own error, without the path that the caller names.
func bare(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
