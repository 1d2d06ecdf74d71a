package whatsapp

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// line is the socket beneath a connection.
//
// The library's reader hands each frame to a consumer that its Disconnect stops
// first; a frame that arrives after that, within a round trip, leaves the reader
// and all it holds behind for ever (read in v0.0.0-20251217143725,
// FrameSocket.frameComplete). So a line is muted before anything is stopped, and
// the reader ends by itself.
type line struct {
	net.Conn
	of   *lines
	once sync.Once
	gone chan struct{} // closed with the socket
}

var past = time.Unix(1, 0)

// mute makes every read fail from now on.
func (l *line) mute() { _ = l.SetReadDeadline(past) }

// cut makes every read and write fail from now on.
func (l *line) cut() { _ = l.SetDeadline(past) }

// Read implements [net.Conn].
func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.of.received.Add(int64(n))
	return n, err
}

// Write implements [net.Conn].
func (l *line) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	l.of.sent.Add(int64(n))
	return n, err
}

// Close implements [net.Conn].
func (l *line) Close() error {
	l.once.Do(func() { close(l.gone) })
	return l.Conn.Close()
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// lines are the sockets of one attempt: one, unless the far end redirects.
type lines struct {
	sent     atomic.Int64 // bytes
	received atomic.Int64

	mu    sync.Mutex
	all   []*line // guarded by mu, like the rest
	muted bool
	gone  bool // cut
}

type linesKey struct{}

// within has the sockets that are opened with a context noted here.
func (l *lines) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, linesKey{}, l)
}

// noted is a copy of a transport for the sockets of all attempts: each is noted
// with the attempt whose context opened it, and none is used again for another.
func noted(shared *http.Transport) *http.Transport {
	t := shared.Clone()
	t.DisableKeepAlives = true
	t.DialContext = noting(t.DialContext)
	t.DialTLSContext = noting(t.DialTLSContext)
	return t
}

func noting(dial dialFunc) dialFunc {
	if dial == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		l, ok := ctx.Value(linesKey{}).(*lines)
		if err != nil || !ok {
			return c, err
		}
		return l.note(c), nil
	}
}

func (l *lines) note(c net.Conn) *line {
	n := &line{Conn: c, of: l, gone: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.gone:
		n.cut()
	case l.muted:
		n.mute()
	}
	l.all = append(l.all, n)
	return n
}

// mute makes every read fail, also of sockets still to come.
func (l *lines) mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = true
	for _, n := range l.all {
		n.mute() // which leaves one that is cut so
	}
}

// cut makes every read and write fail, also of sockets still to come: nothing
// that is said from here on reaches the far end.
func (l *lines) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	for _, n := range l.all {
		n.cut()
	}
}

// wait waits until all sockets are closed, at most d. It answers whether they are.
func (l *lines) wait(d time.Duration) bool {
	limit := time.NewTimer(d)
	defer limit.Stop()
	l.mu.Lock()
	all := l.all
	l.mu.Unlock()
	for _, n := range all {
		select {
		case <-n.gone:
		case <-limit.C:
			return false
		}
	}
	return true
}
