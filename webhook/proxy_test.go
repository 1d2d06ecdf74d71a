package webhook

import (
	"bufio"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/outbox"
)

// tunnelled is what proxies were asked for.
type tunnelled struct {
	mu      sync.Mutex
	targets []string // guarded by mu
	auth    []string // guarded by mu
}

func (r *tunnelled) add(target, auth string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.targets, r.auth = append(r.targets, target), append(r.auth, auth)
}

func (r *tunnelled) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.targets, " ")
}

// splice joins two connections until one of them ends.
func splice(a, b net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(a, b); a.Close() })
	_, _ = io.Copy(b, a)
	b.Close()
	wg.Wait()
}

// connectProxy is an HTTP proxy. Wherever it is asked to go, it goes to where
// route says; to nowhere it answers 502.
func connectProxy(asked *tunnelled, route func(target string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked.add(r.Method+" "+r.RequestURI+" "+r.Host, r.Header.Get("Proxy-Authorization"))
		to := route(r.RequestURI)
		if to == "" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		far, err := net.Dial("tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, _, _ := http.NewResponseController(w).Hijack()
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		splice(near, far)
	}
}

// socksProxy is a SOCKS5 proxy on loopback. It answers code unless that is 0.
func socksProxy(t *testing.T, asked *tunnelled, user, password string, code byte, route func(target string) string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); serveSocks(c, asked, user, password, code, route) })
		}
	})
	return l.Addr().String()
}

func serveSocks(c net.Conn, asked *tunnelled, user, password string, code byte, route func(string) string) {
	br := bufio.NewReader(c)
	read := func(n int) []byte { b := make([]byte, n); _, _ = io.ReadFull(br, b); return b }
	counted := func() string { return string(read(int(read(1)[0]))) }
	read(1)
	methods := counted()
	auth := ""
	if user == "" {
		_, _ = c.Write([]byte{5, 0})
	} else {
		if !strings.Contains(methods, "\x02") {
			_, _ = c.Write([]byte{5, 0xff})
			return
		}
		_, _ = c.Write([]byte{5, 2})
		read(1)
		auth = counted() + ":" + counted()
		if auth != user+":"+password {
			_, _ = c.Write([]byte{1, 1})
			return
		}
		_, _ = c.Write([]byte{1, 0})
	}
	target := ""
	switch read(4)[3] {
	case 1:
		target = net.IP(read(4)).String()
	case 4:
		target = net.IP(read(16)).String()
	case 3:
		target = "name:" + counted()
	}
	target = net.JoinHostPort(target, portText(binary.BigEndian.Uint16(read(2))))
	asked.add(target, auth)
	far, err := net.Dial("tcp", route(target))
	if err != nil && code == 0 {
		code = 5
	}
	_, _ = c.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
	if err == nil && code == 0 {
		splice(c, far)
	}
}

func portText(p uint16) string {
	return netip.AddrPortFrom(netip.IPv4Unspecified(), p).String()[len("0.0.0.0:"):]
}

// Through every kind of proxy the name is looked up once, here, and the proxy is
// told an address that was checked; TLS is verified by the name, end to end.
func TestProxies(t *testing.T) {
	n := serveNames(t, func(name string, _ int) []string {
		switch name {
		case "example.com":
			return []string{"10.0.0.1", "1.2.3.4", "2606:4700::1"}
		case "six.example":
			return []string{"2606:4700::1"}
		case "inside.example":
			return []string{"10.0.0.1", "::1"}
		}
		return nil
	})
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	names := make(chan string, 10)
	secure := tlsServer(t, func(_ http.ResponseWriter, r *http.Request) { names <- r.TLS.ServerName })
	route := func(target string) string {
		switch {
		case strings.HasSuffix(target, ":443"):
			return secure.Listener.Addr().String()
		case strings.HasSuffix(target, ":80"):
			return plain.Listener.Addr().String()
		}
		return ""
	}
	for kind, start := range map[string]func(t *testing.T, asked *tunnelled) string{
		"http": func(t *testing.T, asked *tunnelled) string {
			return "http://me:pr0xypass@" + serve(t, connectProxy(asked, route)).Listener.Addr().String()
		},
		"https": func(t *testing.T, asked *tunnelled) string {
			return "https://me:pr0xypass@" + tlsServer(t, connectProxy(asked, route)).Listener.Addr().String()
		},
		"socks5": func(t *testing.T, asked *tunnelled) string {
			return "socks5://me:pr0xypass@" + socksProxy(t, asked, "me", "pr0xypass", 0, route)
		},
	} {
		t.Run(kind, func(t *testing.T) {
			asked := &tunnelled{}
			s := senderFor(t, Config{Proxy: start(t, asked), Resolver: n.Resolver, RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
			for _, tc := range []struct{ url, target, fails string }{
				{"http://example.com/", "1.2.3.4:80", ""},
				{"https://example.com/", "1.2.3.4:443", ""},
				{"http://six.example/", "[2606:4700::1]:80", ""},
				{"http://8.8.8.8/", "8.8.8.8:80", ""},
				{"https://six.example/", "[2606:4700::1]:443", "the certificate is not for this host"},
				{"http://inside.example/", "", "not allowed unless webhook.allow_networks"},
				{"http://[::1]/", "", "::1 is loopback"},
				{"http://nowhere.example/", "", "no such host"},
			} {
				before := len(asked.all())
				looked := n.lookups("example.com")
				v := send(t, s, tc.url)
				if (v.Outcome == outbox.Delivered) != (tc.fails == "") || tc.fails != "" && !strings.Contains(v.Err.Error(), tc.fails) {
					t.Fatalf("%s: %+v", tc.url, v)
				}
				now := asked.all()[before:]
				if strings.Contains(now, "example") || !strings.Contains(now, tc.target) || tc.target == "" && now != "" {
					t.Errorf("%s: the proxy was asked for %q, want %s", tc.url, now, tc.target)
				}
				if strings.Contains(tc.url, "example.com") && n.lookups("example.com") != looked+1 {
					t.Errorf("%s: looked up %d times", tc.url, n.lookups("example.com")-looked)
				}
			}
			if got := <-names; got != "example.com" {
				t.Errorf("TLS was for %q", got)
			}
			for _, auth := range asked.auth {
				if auth != "me:pr0xypass" && auth != "Basic bWU6cHIweHlwYXNz" {
					t.Errorf("logged in as %q", auth)
				}
			}
		})
	}
}

// What goes wrong at the proxy is said to be the proxy's, once, without its
// address or password.
func TestProxyFailures(t *testing.T) {
	answer := func(text string) string { return rawServer(t, func(string) string { return text }) }
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	untrusted := tlsServer(t, func(http.ResponseWriter, *http.Request) {})
	asked := &tunnelled{}
	nowhere := func(string) string { return "" }
	for name, tc := range map[string]struct{ proxy, want string }{
		"gone":        {"http://me:pr0xypass@" + gone.Listener.Addr().String(), "the proxy cannot be reached: connection refused"},
		"gone, socks": {"socks5://me:pr0xypass@" + gone.Listener.Addr().String(), "the proxy cannot be reached: connection refused"},
		"forbids":     {"http://" + answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ns3cret"), "the proxy did not connect (status 403)"},
		"password":    {"http://me:pr0xypass@" + answer("HTTP/1.1 407 Proxy\r\n\r\n"), "the proxy wants other credentials"},
		"not HTTP":    {"http://" + answer("s3cret of somebody\r\n\r\n"), "the proxy's answer is not valid HTTP"},
		"speaks first": {
			"http://" + answer("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
			"the proxy's answer is not valid HTTP",
		},
		"endless":        {"http://" + answer("HTTP/1.1 200 OK\r\n"+strings.Repeat("X-Filler: xxxxxxxxxxxxxxxxxxx\r\n", 5000)), "the proxy's answer is not valid HTTP"},
		"not trusted":    {"https://" + untrusted.Listener.Addr().String(), "the TLS handshake with the proxy failed"},
		"socks refuses":  {"socks5://" + socksProxy(t, asked, "", "", 2, nowhere), "the proxy did not connect"},
		"socks password": {"socks5://me:wr0ng@" + socksProxy(t, asked, "me", "pr0xypass", 0, nowhere), "the proxy did not connect"},
		"socks, none":    {"socks5://" + socksProxy(t, asked, "me", "pr0xypass", 0, nowhere), "the proxy did not connect"},
		"no socks":       {"socks5://" + answer("HTTP/1.1 400 Bad Request\r\n\r\n"), "the proxy did not connect"},
	} {
		t.Run(name, func(t *testing.T) {
			s := senderFor(t, Config{Proxy: tc.proxy})
			v := send(t, s, "http://8.8.8.8/path?token=s3cret")
			if v.Outcome != outbox.Retry || v.Slow || v.Err == nil || v.Err.Error() != "post to http://8.8.8.8: "+tc.want {
				t.Errorf("%+v", v)
			}
		})
	}
	for _, proxy := range []string{"ftp://me:pr0xypass@h", "socks5h://me:pr0xypass@h", "me:pr0xypass@h:1", "http://", "http://me:pr0xypass@[::1"} {
		if _, err := New(Config{Proxy: proxy}); err == nil || strings.Contains(err.Error(), "pr0xypass") {
			t.Errorf("%s: %v", proxy, err)
		}
	}
}

// A second address is tried when the proxy cannot reach the first.
func TestProxyTriesTheNextAddress(t *testing.T) {
	n := serveNames(t, func(string, int) []string { return []string{"1.2.3.4", "1.2.3.5", "1.2.3.6"} })
	srv := serve(t, func(http.ResponseWriter, *http.Request) {})
	asked := &tunnelled{}
	first := ""
	proxy := serve(t, connectProxy(asked, func(target string) string {
		if first == "" || first == target {
			first = target
			return ""
		}
		return srv.Listener.Addr().String()
	}))
	s := senderFor(t, Config{Proxy: proxy.URL, Resolver: n.Resolver})
	if v := send(t, s, "http://several.example/"); v.Outcome != outbox.Delivered || strings.Count(asked.all(), "CONNECT") != 2 {
		t.Errorf("%+v: %s", v, asked.all())
	}
}

// A proxy that says nothing costs no more than the time to dial.
func TestSilentProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		ctx, cancel := contextFor(t, dialWait)
		defer cancel()
		began := time.Now()
		conn, err := (&httpProxy{}).tunnel(ctx, near, "8.8.8.8:80")
		if conn != nil || err == nil || err.Error() != "the proxy did not answer" || time.Since(began) != dialWait {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// pemOf writes a server's certificate to a file.
func pemOf(t *testing.T, cert *x509.Certificate) string {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
