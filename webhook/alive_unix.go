//go:build unix

package webhook

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"
)

// looks is how often a connection is looked at on which something has come.
const looks = 3

// watch looks at a connection without reading from it.
type watch struct {
	raw  syscall.RawConn // nil: it has no file
	look func(fd uintptr)
	open bool // what look has seen: nothing has come
	more bool // something has
}

// newWatch watches c, or what is beneath its TLS, of which a proxy may have one more.
func newWatch(c net.Conn) *watch {
	for secure, ok := c.(*tls.Conn); ok; secure, ok = c.(*tls.Conn) {
		c = secure.NetConn()
	}
	w := &watch{}
	file, has := c.(syscall.Conn)
	if !has {
		return w
	}
	w.raw, _ = file.SyscallConn() // nil with an error: as if it had no file
	w.look = func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		w.open = err == syscall.EAGAIN || err == syscall.EINTR
		w.more = err == nil && n > 0
	}
	return w
}

// alive reports whether an idle connection is still open, as far as this side has
// heard, and nothing has come that nobody asked for.
func (c *conn) alive() bool {
	switch {
	case !c.quiet():
		return false
	case c.watch.raw == nil:
		return true
	}
	// Who is kept from the processor until it is too late reads nothing: what counts is
	// that nothing is left to be read.
	for range looks {
		if c.watch.raw.Control(c.watch.look) != nil { // it waits for nothing, as Read would
			return false
		}
		if c.watch.open || !c.watch.more {
			return c.watch.open
		}
		if !c.quietBy(time.Now().Add(readNow)) {
			return false
		}
	}
	return false
}
