package whatsapp

import (
	"context"
	"net"
	"net/http"
	"sync"
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
	once sync.Once
	gone chan struct{} // closed with the socket
}

// mute makes every read fail from now on.
func (l *line) mute() { _ = l.SetReadDeadline(time.Unix(1, 0)) }

// Close implements [net.Conn].
func (l *line) Close() error {
	l.once.Do(func() { close(l.gone) })
	return l.Conn.Close()
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// lines are the sockets of one attempt: one, unless the far end redirects.
type lines struct {
	mu    sync.Mutex
	all   []*line // guarded by mu
	muted bool    // guarded by mu
}

// client is a copy of the driver's that notes every socket it opens.
func (l *lines) client(shared *http.Transport) *http.Client {
	t := shared.Clone()
	t.DialContext = l.noting(t.DialContext)
	t.DialTLSContext = l.noting(t.DialTLSContext)
	return &http.Client{Transport: t}
}

func (l *lines) noting(dial dialFunc) dialFunc {
	if dial == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		n := &line{Conn: c, gone: make(chan struct{})}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.muted {
			n.mute()
		}
		l.all = append(l.all, n)
		return n, nil
	}
}

// mute makes every read fail, also of sockets still to come.
func (l *lines) mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = true
	for _, n := range l.all {
		n.mute()
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
