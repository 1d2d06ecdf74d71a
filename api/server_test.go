package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
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

// A download may take the two minutes that an instance gives it.
func TestDownloadOutlivesTheServersTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := linked(t)
		f.FetchTakes = 2 * time.Minute
		seq := f.Receive("acme", record.MessageMedia, picture("image/jpeg", "a picture"))
		_, l := serve(t, a)
		c := l.dial()
		defer c.Close()
		began := time.Now()
		got := send(t, c, fmt.Sprintf("POST /api/v1/instances/acme/media/%d HTTP/1.1\nHost: localhost\nContent-Length: 0\nAuthorization: Bearer %s\n\n", seq, token))
		if took := time.Since(began); got != "HTTP/1.1 200 OK" || took != 2*time.Minute {
			t.Errorf("%q after %v", got, took)
		}
	})
}

// A large file may take long, and a reader that has gone may not.
func TestSlowReaderOfAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := linked(t)
		content := strings.Repeat("x", 1<<20)
		seq := f.Receive("acme", record.MessageMedia, picture("image/jpeg", content))
		if _, err := f.Fetch(t.Context(), "i1", seq); err != nil {
			t.Fatal(err)
		}
		_, l := serve(t, a)
		request := fmt.Sprintf("GET /api/v1/instances/acme/media/%d HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", seq, token)
		read := func(pause time.Duration) int {
			c := l.dial()
			defer c.Close()
			if _, err := c.Write([]byte(request)); err != nil {
				t.Fatal(err)
			}
			n, b := 0, make([]byte, 64<<10)
			for {
				k, err := c.Read(b)
				n += k
				if err != nil || n >= len(content) {
					return n
				}
				time.Sleep(pause) //nolint:forbidigo // in a bubble
			}
		}
		if n := read(5 * time.Second); n < len(content) {
			t.Errorf("a slow reader got %d bytes", n)
		}
		if n := read(time.Minute); n >= len(content) {
			t.Error("a reader that had gone was waited for")
		}
	})
}
