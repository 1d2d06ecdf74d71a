package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// maxOrigins bounds what is remembered of origins; far more than there are
// endpoints.
const maxOrigins = 1 << 14

// origins is a bounded set. The zero value is ready.
type origins struct {
	set   sync.Map // origin -> struct{}
	count atomic.Int64
}

func (o *origins) has(origin string) bool {
	_, ok := o.set.Load(origin)
	return ok
}

func (o *origins) add(origin string) {
	if _, known := o.set.LoadOrStore(origin, struct{}{}); !known && o.count.Add(1) > maxOrigins {
		o.set.Clear() // they are found out again
		o.count.Store(0)
	}
}

// newTwo makes what speaks HTTP/2.
func newTwo(cfg Config, dial dialFunc) *http.Transport {
	return &http.Transport{
		Proxy:          nil, // the dialler goes through it: here it would be told names, not checked addresses
		DialTLSContext: dial,

		ForceAttemptHTTP2:      true, // off by default beside a dialler of one's own
		MaxIdleConnsPerHost:    cfg.PerOrigin,
		MaxIdleConns:           max(1024, cfg.PerOrigin),
		IdleConnTimeout:        idleMost,
		MaxResponseHeaderBytes: maxAnswerHead,
		DisableCompression:     true,
		// Without pings a dead connection is used until TCP gives up on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// dialTwo is the dialler of HTTP/2. The first connection to an origin was made
// before it was known what it speaks.
func (w *wire) dialTwo(ctx context.Context, network, addr string) (net.Conn, error) {
	if c, ok := w.handed.LoadAndDelete(addr); ok {
		secure, _ := c.(*tls.Conn)
		return secure, nil
	}
	plain, err := w.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	server, _, err := net.SplitHostPort(addr)
	if err != nil {
		_ = plain.Close()
		return nil, err
	}
	return w.handshake(ctx, plain, server)
}

// handOver makes the first request over a connection that was found to speak
// HTTP/2.
func (w *wire) handOver(ctx context.Context, t *try, c *tls.Conn) (*answer, error) {
	if other, ok := w.handed.Swap(t.to.addr, c); ok { // another try's, which dials another
		_ = other.(*tls.Conn).Close() //nolint:forcetypeassert // the map holds nothing else
	}
	a, err := w.overTwo(ctx, t)
	if w.handed.CompareAndDelete(t.to.addr, c) { // there was a better one
		_ = c.Close()
	}
	return a, err
}

// overTwo makes a request with net/http.
func (w *wire) overTwo(ctx context.Context, t *try) (*answer, error) {
	ctx, cancel := context.WithDeadline(ctx, t.deadline)
	req := (&http.Request{
		Method: http.MethodPost, URL: t.to.url, Host: t.to.host, Header: t.header(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(t.body)), ContentLength: int64(len(t.body)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(t.body)), nil },
	}).WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { t.answered.Store(true) },
	}))
	resp, err := w.two.RoundTrip(req) //nolint:bodyclose // answer.done does it
	if err != nil {
		cancel()
		return nil, err
	}
	return &answer{Response: resp, wire: w, cancel: cancel}, nil
}
