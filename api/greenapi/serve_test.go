package greenapi_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
)

// pipe is a listener whose connections are in memory, so that the clock of a synctest
// bubble rules them.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
}

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

// dial makes a connection.
func (p *pipe) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// serve runs the daemon's own server, with its own bounds, until the test, in a bubble,
// is over.
func serve(t *testing.T, a *api.API) *pipe {
	t.Helper()
	l, srv := &pipe{make(chan net.Conn), make(chan struct{})}, a.Server()
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		time.Sleep(time.Second) //nolint:forbidigo // in a bubble; the server lets clients read before it hangs up
	})
	return l
}

// answer reads an answer, its body and its status; 0 where the connection ended without
// one.
func answer(c net.Conn) (status int, body string) {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// crlf is a head as it goes over the wire.
func crlf(head string) string { return strings.ReplaceAll(head, "\n", "\r\n") }
