//go:build unix

package webhook

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// certified are a certificate of example.com and who vouches for it.
func certified() (tls.Certificate, *x509.CertPool) {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	vouches := x509.NewCertPool()
	vouches.AddCert(srv.Certificate())
	return srv.TLS.Certificates[0], vouches
}

// arrived waits until something can be read from a socket, and leaves it there.
func arrived(t *testing.T, c net.Conn) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool {
			_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			return err != syscall.EAGAIN
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// held is a connection that writes when it is told to.
type held struct {
	net.Conn

	holds bool
	text  bytes.Buffer
}

func (h *held) Write(b []byte) (int, error) {
	if h.holds {
		return h.text.Write(b)
	}
	return h.Conn.Write(b)
}

// busy is a connection on a machine where whoever wants to read for a moment is kept from
// the processor until the moment is over.
type busy struct{ *net.TCPConn }

func (b busy) SetReadDeadline(until time.Time) error {
	err := b.TCPConn.SetReadDeadline(until)
	if d := time.Until(until); d < time.Second { // not for an answer
		time.Sleep(d) //nolint:forbidigo // the delay is what is tested
	}
	return err
}

// An answer too many must not become the answer to the next request, however it comes:
// an event would be lost that its receiver has never seen.
func TestAnswerTooMany(t *testing.T) {
	const refused = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
	cert, vouches := certified()
	for _, how := range []string{"later", "with TLS, later", "with TLS, later, on a busy machine", "with TLS, in the same segment"} {
		t.Run(how, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			secure, together := how != "later", how == "with TLS, in the same segment"
			verdict, late := make(chan struct{}), make(chan struct{})
			go func() {
				plain, err := l.Accept()
				if err != nil {
					return
				}
				defer plain.Close()
				h := &held{Conn: plain}
				c := net.Conn(h)
				if secure {
					c = tls.Server(h, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})
				}
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					t.Error(err)
				}
				h.holds = together
				_, _ = io.WriteString(c, refused)
				if !together {
					<-verdict
				}
				_, _ = io.WriteString(c, fine)
				if h.holds {
					_, _ = plain.Write(h.text.Bytes())
				}
				close(late)
				_, _ = io.Copy(io.Discard, plain)
			}()
			var used []net.Conn
			s := senderFor(t, Config{RootCAs: vouches, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
				used = append(used, c)
				if tcp, ok := c.(*net.TCPConn); ok && strings.HasSuffix(how, "busy machine") {
					return busy{tcp}, err
				}
				return c, err
			}})
			address := "http://example.com/"
			if secure {
				address = "https://example.com/"
			}
			if v := send(t, s, address); v.Status != 500 {
				t.Fatalf("%+v", v)
			}
			close(verdict)
			<-late
			if !together {
				arrived(t, used[0])
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() { // the second connection is answered with nothing
				defer cancel()
				if c, err := l.Accept(); err == nil {
					defer c.Close()
				}
			}()
			if v := s.Send(ctx, at(endpointAt(address)), 6, []*record.Event{event(7)}); v.Outcome == outbox.Delivered {
				t.Errorf("%+v", v)
			}
			if len(used) < 2 {
				t.Errorf("%d connections", len(used))
			}
		})
	}
}

// A receiver that takes nothing any more holds nobody up while its connection ends,
// although TLS would have a last word.
func TestDeafReceiver(t *testing.T) {
	cert, vouches := certified()
	for name, requests := range map[string]int{"in a request": 0, "while idle": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipe()
				defer p.Close()
				s, err := New(Config{DialContext: p.dial, RootCAs: vouches})
				if err != nil {
					t.Fatal(err)
				}
				deaf, done := make(chan struct{}), make(chan struct{})
				defer close(done)
				go func() {
					plain, err := p.Accept()
					if err != nil {
						return
					}
					defer plain.Close()
					c := tls.Server(plain, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})
					if err := c.Handshake(); err != nil {
						return
					}
					in := bufio.NewReader(c)
					for range requests {
						if req, err := http.ReadRequest(in); err == nil {
							_, _ = io.Copy(io.Discard, req.Body)
						}
						_, _ = io.WriteString(c, fine)
					}
					close(deaf)
					<-done
				}()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					<-deaf
					if requests == 0 {
						cancel()
					}
				}()
				v := s.Send(ctx, at(endpointAt("https://example.com/")), 6, []*record.Event{event(7)})
				if (v.Outcome == outbox.Delivered) != (requests > 0) || v.Duration > time.Second {
					t.Errorf("%+v", v)
				}
				began := time.Now()
				s.Close()
				if d := time.Since(began); d > time.Second {
					t.Errorf("the end took %v", d)
				}
			})
		})
	}
}

// Behind a proxy too, idle connections are looked at before they are used.
func TestProxiedIdleConnections(t *testing.T) {
	secure := tlsServer(t, func(http.ResponseWriter, *http.Request) {})
	route := func(string) string { return secure.Listener.Addr().String() }
	vouches := x509.NewCertPool()
	vouches.AddCert(secure.Certificate())
	for kind, proxy := range map[string]string{
		"http":   "http://" + serve(t, connectProxy(&tunnelled{}, route)).Listener.Addr().String(),
		"https":  "https://" + tlsServer(t, connectProxy(&tunnelled{}, route)).Listener.Addr().String(),
		"socks5": "socks5://" + socksProxy(t, &tunnelled{}, "", "", 0, route),
	} {
		s := senderFor(t, Config{Proxy: proxy, RootCAs: vouches, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		c, _, err := s.wire.connect(t.Context(), tryTo(t, "https://192.0.2.1/"))
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if c.watch.raw == nil || !c.alive() { // with a ticket for the session, perhaps
			t.Errorf("%s: nobody looks at it, or it is not kept", kind)
		}
		_ = c.Close()
	}
}

func tryTo(t *testing.T, address string) *try {
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	to, err := newTarget(u)
	if err != nil {
		t.Fatal(err)
	}
	to.server = "example.com"
	return &try{to: to, deadline: time.Now().Add(time.Minute)}
}
