//go:build !linux && !darwin && !freebsd

package api

import (
	"errors"
	"net"
)

// peerUID fails: nothing here tells who connected, so nobody is let in.
func peerUID(*net.UnixConn) (int, error) {
	return 0, errors.New("read peer credentials: not known on this platform")
}
