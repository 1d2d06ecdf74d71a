package webhook

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// wire carries tries to their receivers: over connections of its own where they
// speak HTTP/1.1, over net/http's where they prefer HTTP/2.
type wire struct {
	dial dialFunc
	tls  *tls.Config
	idle *pool

	two     *http.Transport
	prefers origins  // origins that have chosen HTTP/2
	handed  sync.Map // host:port -> *tls.Conn, dialled here and on its way to two
}

func newWire(cfg Config, e egress) (*wire, error) {
	secure, err := newTLS(cfg)
	if err != nil {
		return nil, err
	}
	dial, err := newDial(cfg, e)
	if err != nil {
		return nil, err
	}
	secure.NextProtos = []string{"h2", "http/1.1"}
	w := &wire{dial: dial, tls: secure, idle: newPool(max(1024, cfg.PerOrigin), cfg.PerOrigin)}
	w.two = newTwo(cfg, w.dialTwo)
	return w, nil
}

func (w *wire) close() {
	w.idle.close()
	w.two.CloseIdleConnections()
}

// answer is a response whose body is to be read, and what it comes by.
type answer struct {
	*http.Response

	wire   *wire
	conn   *conn              // nil: HTTP/2
	cancel context.CancelFunc // of HTTP/2
}

// post makes a try. Where a connection fails before anything is answered, as one
// that the receiver has just closed does, it tries once more, freshly signed: at
// once if the connection had been used before, soon if it was new.
func (w *wire) post(ctx context.Context, t *try) (*answer, error) {
	a, reused, err := w.once(ctx, t, false)
	if err == nil || ctx.Err() != nil || t.answered.Load() || !transient(err) {
		return a, err
	}
	if !reused && !pause(ctx, t.deadline) {
		return nil, err
	}
	if failed := t.sign(); failed != nil {
		return nil, failed
	}
	a, _, err = w.once(ctx, t, true)
	return a, err
}

// pause is the wait before the quick retry. It answers false if there is no time
// for it.
func pause(ctx context.Context, deadline time.Time) bool {
	wait := 100*time.Millisecond + rand.N(100*time.Millisecond) //nolint:gosec // spreads retries, guards nothing
	if time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once makes one request. reused says that it went over a connection which had been
// used before; fresh demands another.
func (w *wire) once(ctx context.Context, t *try, fresh bool) (a *answer, reused bool, err error) {
	if w.prefers.has(t.to.origin) {
		a, err = w.overTwo(ctx, t)
		return a, false, err
	}
	var c *conn
	if !fresh {
		c = w.idle.take(t.to.origin)
	}
	if reused = c != nil; !reused {
		var secure *tls.Conn
		if c, secure, err = w.connect(ctx, t); err != nil {
			return nil, false, cause(ctx, err)
		}
		if secure != nil {
			w.prefers.add(t.to.origin)
			a, err = w.handOver(ctx, t, secure)
			return a, false, err
		}
	}
	resp, err := c.exchange(ctx, t) //nolint:bodyclose // answer.done closes the connection instead
	if err != nil {
		c.ended()
		_ = c.Close()
		return nil, reused, cause(ctx, err)
	}
	return &answer{Response: resp, wire: w, conn: c}, reused, nil
}

// cause is the context's own error where its end made a request fail.
func cause(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return err
}

// connect makes a connection; secure is set instead where the receiver has chosen
// HTTP/2.
func (w *wire) connect(ctx context.Context, t *try) (c *conn, secure *tls.Conn, err error) {
	ctx, cancel := context.WithDeadline(ctx, t.deadline)
	defer cancel()
	plain, err := w.dial(ctx, "tcp", t.to.addr)
	if err != nil {
		return nil, nil, err
	}
	if t.to.url.Scheme != "https" {
		return newConn(plain, t.to.origin), nil, nil
	}
	if secure, err = w.handshake(ctx, plain, t.to.server); err != nil {
		return nil, nil, err
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		return nil, secure, nil
	}
	return newConn(secure, t.to.origin), nil, nil
}

func (w *wire) handshake(ctx context.Context, plain net.Conn, server string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	cfg := w.tls.Clone()
	cfg.ServerName = server
	secure := tls.Client(plain, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, err
	}
	return secure, nil
}

// hurry bounds the reading of the body from now on.
func (a *answer) hurry(span time.Duration, deadline time.Time) (stop func()) {
	if a.conn == nil {
		timer := time.AfterFunc(span, a.cancel)
		return func() { timer.Stop() }
	}
	if at := time.Now().Add(span); at.Before(deadline) {
		_ = a.conn.SetReadDeadline(at) // an error shows at the reading
	}
	return func() {}
}

// done lets go of the answer. whole says that its body was read to the end.
func (a *answer) done(whole bool) {
	if a.conn == nil {
		_ = a.Body.Close()
		a.cancel()
		return
	}
	// The body is not closed: that would read all of it.
	if a.conn.ended() && whole && !a.Close && a.StatusCode != http.StatusSwitchingProtocols {
		a.wire.idle.put(a.conn)
		return
	}
	_ = a.conn.Close()
}
