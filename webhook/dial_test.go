package webhook

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/switchhook/switchhook/outbox"
)

// names is a name server: it answers the addresses that a function has for the
// nth lookup of a name, counted from 0.
type names struct {
	*net.Resolver

	answer func(name string, nth int) []string
	mu     sync.Mutex
	asked  map[string]int // by name and type, guarded by mu
}

func serveNames(t testing.TB, answer func(name string, nth int) []string) *names {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{answer: answer, asked: make(map[string]int)}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := n.reply(buf[:size]); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	n.Resolver = &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
		},
	}
	return n
}

func (n *names) reply(request []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(request); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	name := strings.TrimSuffix(q.Name.String(), ".")
	n.mu.Lock()
	nth := n.asked[name+q.Type.String()]
	n.asked[name+q.Type.String()]++
	n.mu.Unlock()
	m.Response, m.Additionals = true, nil
	addresses := n.answer(name, nth)
	if addresses == nil {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, text := range addresses {
		a := netip.MustParseAddr(text)
		head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m.Pack()
}

// lookups is how often a name's IPv4 addresses were asked for.
func (n *names) lookups(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[name+dnsmessage.TypeA.String()]
}

// twoHosts are servers on 127.0.0.1 and 127.0.0.2 with one port. hit gets the
// address that each request came to.
func twoHosts(t *testing.T) (port string, hit chan string) {
	hit = make(chan string, 100)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		a, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		host, _, _ := net.SplitHostPort(a.String())
		hit <- host
	})
	first := httptest.NewServer(handler)
	t.Cleanup(first.Close)
	_, port, _ = net.SplitHostPort(first.Listener.Addr().String())
	l, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("no second loopback address here: %v", err)
	}
	second := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
	second.Start()
	t.Cleanup(second.Close)
	return port, hit
}

// Of a name's addresses only those that are permitted are ever connected to, in
// whatever order and families they come.
func TestNamesWithSeveralAddresses(t *testing.T) {
	port, hit := twoHosts(t)
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
	for name, tc := range map[string]struct {
		answers []string
		want    bool
	}{
		"forbidden first":       {[]string{"127.0.0.1", "127.0.0.2"}, true},
		"forbidden last":        {[]string{"127.0.0.2", "127.0.0.1"}, true},
		"many forbidden":        {[]string{"10.0.0.1", "::1", "169.254.169.254", "127.0.0.1", "127.0.0.2", "192.168.0.1"}, true},
		"happy eyeballs":        {[]string{"::1", "127.0.0.2"}, true},
		"both families refused": {[]string{"::1", "127.0.0.1"}, false},
		"IPv6 alone":            {[]string{"::1"}, false},
		"mapped":                {[]string{"::ffff:127.0.0.1"}, false},
		"IPv4 alone":            {[]string{"127.0.0.1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := serveNames(t, func(string, int) []string { return tc.answers })
			s := senderFor(t, Config{Allow: allow, Resolver: n.Resolver})
			for range 3 {
				v := send(t, s, "http://several.example:"+port+"/")
				forbidden, is := errors.AsType[*ForbiddenError](v.Err)
				if (v.Outcome == outbox.Delivered) != tc.want || !tc.want && (!is || !v.Slow || forbidden.Denied) {
					t.Fatalf("%+v", v)
				}
			}
			for len(hit) > 0 {
				if at := <-hit; at != "127.0.0.2" {
					t.Errorf("%s got a request", at)
				}
			}
		})
	}
}

// A name that changes its answer gains nothing: each dial is checked by itself,
// and a connection that is open stays where it is.
func TestRebinding(t *testing.T) {
	port, hit := twoHosts(t)
	n := serveNames(t, func(_ string, nth int) []string {
		if nth == 0 {
			return []string{"127.0.0.2"}
		}
		return []string{"127.0.0.1"}
	})
	s := senderFor(t, Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, Resolver: n.Resolver})
	url := "http://rebinding.example:" + port + "/"
	if err := s.CheckURL(url); err != nil {
		t.Fatal(err)
	}
	if v := send(t, s, url); v.Outcome != outbox.Delivered {
		t.Fatalf("%+v", v)
	}
	s.Close() // the idle connection
	v := send(t, s, url)
	if _, ok := errors.AsType[*ForbiddenError](v.Err); !ok {
		t.Errorf("%+v", v)
	}
	if got := <-hit; got != "127.0.0.2" || len(hit) > 0 {
		t.Errorf("%s and %d more", got, len(hit))
	}
}

func TestDenyWins(t *testing.T) {
	srv := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	s := senderFor(t, Config{AllowLoopback: true, Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/16")}})
	if err := s.CheckURL(srv.URL); err == nil {
		t.Error("the address was taken")
	}
	v := send(t, s, srv.URL)
	forbidden, ok := errors.AsType[*ForbiddenError](v.Err)
	if !ok || !forbidden.Denied || !strings.Contains(v.Err.Error(), "webhook.deny_networks contains it") {
		t.Errorf("%+v", v)
	}
}

// What keeps a connection from being made is said, in words that hold no more
// than the host.
func TestNetworkFailures(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	n := serveNames(t, func(name string, _ int) []string {
		if name == "here.example" {
			return []string{"127.0.0.1"}
		}
		return nil
	})
	s := senderFor(t, Config{AllowLoopback: true, Resolver: n.Resolver})
	port := gone.URL[strings.LastIndexByte(gone.URL, ':'):]
	for name, tc := range map[string]struct{ url, want string }{
		"refused":      {"http://here.example" + port, "connection refused"},
		"no such host": {"http://nowhere.example", "no such host"},
		"no TLS":       {strings.Replace(plain.URL, "http", "https", 1), "the receiver does not speak TLS"},
		"reset":        {"http://" + rawServer(t, func(string) string { return "" }), "connection closed without an answer"},
		"not HTTP":     {"http://" + rawServer(t, func(string) string { return "hello\r\n\r\n" }), "the answer is not valid HTTP"},
		"endless head": {"http://" + rawServer(t, func(string) string {
			return "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 200)
		}), "the answer is not valid HTTP"},
		"many continues": {"http://" + rawServer(t, func(string) string {
			return strings.Repeat("HTTP/1.1 102 Processing\r\nX-Filler: "+strings.Repeat("x", 1000)+"\r\n\r\n", 200)
		}), "the answer is not valid HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			v := send(t, s, tc.url)
			if v.Outcome != outbox.Retry || v.Slow || v.Status != 0 || v.Err == nil || !strings.HasSuffix(v.Err.Error(), tc.want) {
				t.Errorf("%+v", v)
			}
		})
	}
}
