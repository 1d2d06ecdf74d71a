package api_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api"
)

// pipe is a listener whose connections are in memory, so that the clock of a
// synctest bubble rules them.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipe() *pipe { return &pipe{make(chan net.Conn), make(chan struct{})} }

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error   { close(p.done); return nil }
func (p *pipe) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipe) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// serve runs the server until the test is over.
func serve(t *testing.T, a *api.API) (*http.Server, *pipe) {
	t.Helper()
	l, srv := newPipe(), a.Server()
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return srv, l
}

// send writes a request and reads the answer's status line, empty if there was
// none.
func send(t *testing.T, c net.Conn, request string) string {
	t.Helper()
	go func() { _, _ = c.Write([]byte(strings.ReplaceAll(request, "\n", "\r\n"))) }()
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line)
}

// The bounds on a connection are shorter than a long poll, and let it live.
func TestLongPollOutlivesTheServersTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := rooms(t)
		_, l := serve(t, a)
		c := l.dial()
		defer c.Close()
		began := time.Now()
		got := send(t, c, "GET /api/v1/instances/acme/events?wait=55 HTTP/1.1\nHost: localhost\nAuthorization: Bearer "+token+"\n\n")
		if took := time.Since(began); got != "HTTP/1.1 200 OK" || took != 55*time.Second {
			t.Errorf("%q after %v", got, took)
		}
	})
}

func TestSlowClientsAreCutOff(t *testing.T) {
	for name, request := range map[string]string{
		"half a header": "GET /healthz HTTP/1.1\nHost: local",
		"half a body":   "POST /api/v1/instances HTTP/1.1\nHost: localhost\nAuthorization: Bearer " + token + "\nContent-Length: 100\n\n{",
		"nothing":       "",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, a := rooms(t)
				_, l := serve(t, a)
				c := l.dial()
				defer c.Close()
				began := time.Now()
				got := send(t, c, request)
				if took := time.Since(began); took > 30*time.Second || strings.Contains(got, " 2") {
					t.Errorf("%q after %v", got, took)
				}
			})
		})
	}
}

func TestLargeHeaderIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := rooms(t)
		_, l := serve(t, a)
		c := l.dial()
		defer c.Close()
		got := send(t, c, "GET /healthz HTTP/1.1\nHost: localhost\nX: "+strings.Repeat("x", 100<<10)+"\n\n")
		if !strings.Contains(got, "431") {
			t.Errorf("%q", got)
		}
		time.Sleep(time.Second) //nolint:forbidigo // in a bubble; net/http lingers before it closes
	})
}

func TestShutdownEndsLongPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := rooms(t)
		srv, l := serve(t, a)
		c := l.dial()
		defer c.Close()
		answer := make(chan string)
		go func() {
			answer <- send(t, c, "GET /api/v1/instances/acme/events?wait=55 HTTP/1.1\nHost: localhost\nAuthorization: Bearer "+token+"\n\n")
		}()
		synctest.Wait()
		began := time.Now()
		down := make(chan error)
		go func() { down <- srv.Shutdown(t.Context()) }()
		if got := <-answer; got != "HTTP/1.1 200 OK" || time.Since(began) > time.Second {
			t.Errorf("%q after %v", got, time.Since(began))
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}
