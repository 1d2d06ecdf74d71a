package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

// maxConns bounds the HTTP connections, so that a flood of them leaves
// descriptors for WhatsApp and for webhooks.
const maxConns = 4096

// listenTCP says what to do when the port is taken.
func listenTCP(addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", addr) // it does not block
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the port is taken: stop what uses it, or choose another with --listen (0 takes a free one)", addr)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("listen on %s: not permitted: choose a port above 1023 with --listen", addr)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w: set listen to an address of this machine, such as 127.0.0.1:8080", addr, err)
	}
	return l, nil
}
