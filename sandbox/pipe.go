package sandbox

import (
	"context"
	"net"
	"sync"
)

// PipeListener is a listener without a network: whoever dials it gets one end of
// a [net.Pipe] and the server the other. In a testing/synctest bubble, where
// sockets stop the clock, it takes the network's place: give DialContext to an
// http.Transport as its DialContext and DialTLSContext.
type PipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipeListener returns a listener that is ready to be dialled. In a bubble it
// must be made in the bubble.
func NewPipeListener() *PipeListener {
	return &PipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for the next connection. It returns [net.ErrClosed] after Close.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// DialContext connects to the listener, whatever the network and the address. It
// waits until the connection is accepted.
func (l *PipeListener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close ends Accept and DialContext. Connections stay. It may be called twice.
func (l *PipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns an address that says "pipe".
func (l *PipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
