package whatsapp_test

import (
	"net"
	"sync/atomic"
)

// deafened is a connection that swallows everything once it is cut, and does not
// say so: a router that has forgotten it.
type deafened struct {
	net.Conn
	cut atomic.Bool
}

func (d *deafened) Read(p []byte) (int, error) {
	for {
		n, err := d.Conn.Read(p)
		if err != nil || !d.cut.Load() {
			return n, err
		}
	}
}

func (d *deafened) Write(p []byte) (int, error) {
	if d.cut.Load() {
		return len(p), nil
	}
	return d.Conn.Write(p)
}
