package webhook

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ outbox.Sender = (*Sender)(nil)

func senderFor(t testing.TB, cfg Config) *Sender {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// local is a sender that may talk to httptest.
func local(t testing.TB) *Sender { return senderFor(t, Config{AllowLoopback: true}) }

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// serveAt serves at an address of loopback and answers host:port.
func serveAt(t testing.TB, address string, h http.HandlerFunc) string {
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("cannot listen on %s here: %v", address, err)
	}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	srv.Start()
	t.Cleanup(srv.Close)
	return l.Addr().String()
}

func tlsServer(t testing.TB, h http.HandlerFunc) *httptest.Server {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = discard
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func event(seq uint64) *record.Event {
	return &record.Event{
		Stream: "k7f3q", Epoch: 2, Seq: seq, Kind: record.ConnectionChanged,
		At: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC), Name: "shop",
	}
}

func endpointAt(url string) record.Endpoint {
	return record.Endpoint{ID: "e1", Stream: "k7f3q", URL: url, Format: Standard, Secrets: []string{NewSecret()}}
}

func at(ep record.Endpoint) *record.Endpoint { return &ep }

func send(t testing.TB, s *Sender, url string) outbox.Verdict {
	t.Helper()
	return s.Send(t.Context(), at(endpointAt(url)), 6, []*record.Event{event(7)})
}

// pipe is a network without sockets: what is dialled is handed to serve.
type pipe struct {
	mu    sync.Mutex
	dials int // guarded by mu
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipe() *pipe { return &pipe{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	p.mu.Lock()
	p.dials++
	p.mu.Unlock()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, errors.New("closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept makes pipe a net.Listener.
func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipe) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipe) dialled() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

// bubble makes a sender and an HTTP server joined by a pipe, for use in a
// synctest bubble. The cleanup must run inside it.
func bubble(t *testing.T, h http.HandlerFunc) (s *Sender, p *pipe, cleanup func()) {
	p = newPipe()
	s, err := New(Config{DialContext: p.dial})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
		h(w, r)
	})}
	gone := make(chan struct{})
	go func() { _ = srv.Serve(p); close(gone) }()
	return s, p, func() {
		s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil { // waits for the handlers, Close does not
			t.Error(err)
		}
		<-gone
	}
}
