package webhook

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// answering makes a network on which each request on the nth connection is answered
// as answer says, byte for byte, until it answers nothing: then the connection ends.
func answering(t *testing.T, answer func(conn, request int) string) (*Sender, *pipe) {
	p := newPipe()
	s, err := New(Config{DialContext: p.dial})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for n := 1; ; n++ {
			c, err := p.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for i := 1; ; i++ {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					text := answer(n, i)
					if _, err := io.WriteString(c, text); err != nil || text == "" {
						return
					}
				}
			}()
		}
	}()
	return s, p
}

const fine = "HTTP/1.1 204 No Content\r\n\r\n"

// What was used before and breaks is no trouble of the receiver's: the next
// connection is tried at once.
func TestBrokenIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := answering(t, func(conn, request int) string {
			if conn == 1 && request == 2 {
				return ""
			}
			return fine
		})
		defer p.Close()
		defer s.Close()
		for i := range 2 {
			if v := send(t, s, "http://receiver.example/"); v.Outcome != outbox.Delivered || v.Duration != 0 {
				t.Errorf("request %d: %+v", i, v)
			}
		}
		if p.dialled() != 2 {
			t.Errorf("%d dials", p.dialled())
		}
	})
}

// The same with sockets: a connection that the receiver has closed is not used.
func TestClosedIdleConnectionIsNotUsed(t *testing.T) {
	var requests atomic.Int64
	srv, conns := countConns(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	s := local(t)
	for range 3 {
		if v := send(t, s, srv.URL); v.Outcome != outbox.Delivered {
			t.Fatalf("%+v", v)
		}
		srv.CloseClientConnections()
	}
	if requests.Load() != 3 || conns.Load() != 3 {
		t.Errorf("%d requests over %d connections", requests.Load(), conns.Load())
	}
}

// An answer too many must not become the answer to the next request.
func TestUnsolicitedAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := answering(t, func(conn, _ int) string {
			if conn == 1 {
				return "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" + fine
			}
			return "HTTP/1.1 429 Later\r\nContent-Length: 0\r\n\r\n"
		})
		defer p.Close()
		defer s.Close()
		for i, want := range []int{500, 429} {
			if v := send(t, s, "http://receiver.example/"); v.Status != want {
				t.Errorf("request %d: %+v", i, v)
			}
		}
	})
}

func TestInterimAnswers(t *testing.T) {
	hint := "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	for name, tc := range map[string]struct {
		answer string
		status int
		text   string
	}{
		"one":         {hint + fine, 204, ""},
		"many":        {strings.Repeat(hint, maxInterim) + fine, 0, "the answer is not valid HTTP"},
		"a long head": {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswerHead) + "\r\n\r\n", 0, "the answer is not valid HTTP"},
		"an upgrade":  {"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, "status 101"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := answering(t, func(_, request int) string {
					if request > 1 {
						return ""
					}
					return tc.answer
				})
				defer p.Close()
				defer s.Close()
				v := send(t, s, "http://receiver.example/")
				if v.Status != tc.status || tc.text == "" && v.Err != nil || tc.text != "" && !strings.HasSuffix(fmt.Sprint(v.Err), tc.text) {
					t.Errorf("%+v", v)
				}
			})
		})
	}
}

// long is a format whose bodies do not fit into a connection's buffers.
type long struct{ standard }

func (long) Encode(*record.Endpoint, []*record.Event) (record.PostBack, error) {
	return record.PostBack{Body: bytes.Repeat([]byte{'x'}, maxBody), ContentType: "text/plain"}, nil
}

// A receiver that has seen enough of a long body answers and reads no more.
func TestAnswerBeforeTheBody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge")
			t.Cleanup(func() { c.Close() })
		}
	}()
	s := senderFor(t, Config{AllowLoopback: true, Formats: map[string]Encoder{"long": long{}}})
	ep := endpointAt("http://" + l.Addr().String())
	ep.Format = "long"
	for range 2 {
		v := s.Send(t.Context(), &ep, 0, []*record.Event{event(1)})
		if v.Status != 413 || v.Excerpt != "large" {
			t.Fatalf("%+v", v)
		}
	}
}

// A long body arrives whole, and its connection carries the next one.
func TestLongBody(t *testing.T) {
	got := make(chan int64, 1)
	srv, conns := countConns(t, func(_ http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		got <- n
	})
	s := senderFor(t, Config{AllowLoopback: true, Formats: map[string]Encoder{"long": long{}}})
	ep := endpointAt(srv.URL)
	ep.Format = "long"
	for range 3 {
		if v := s.Send(t.Context(), &ep, 0, []*record.Event{event(1)}); v.Err != nil || <-got != maxBody {
			t.Fatalf("%+v", v)
		}
	}
	if conns.Load() != 1 {
		t.Errorf("%d connections", conns.Load())
	}
}

// A try ends with its context wherever it is: in the dial, while it waits for the
// answer, in the middle of it.
func TestCancelledAnywhere(t *testing.T) {
	for name, answer := range map[string]string{
		"before the answer": "", "in its head": "HTTP/1.1 200", "in its body": "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhalf",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipe()
				s, err := New(Config{DialContext: p.dial})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				defer s.Close()
				go func() {
					c, err := p.Accept()
					if err != nil {
						return
					}
					defer c.Close()
					in := bufio.NewReader(c)
					if req, err := http.ReadRequest(in); err == nil {
						_, _ = io.Copy(io.Discard, req.Body)
					}
					_, _ = io.WriteString(c, answer)
					_, _ = in.ReadByte() // until the sender lets go
				}()
				ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("enough"))
				defer cancel()
				began := time.Now()
				v := s.Send(ctx, at(endpointAt("http://receiver.example/")), 0, []*record.Event{event(1)})
				if d := time.Since(began); v.Outcome != outbox.Retry || d > 300*time.Millisecond+drainWait {
					t.Errorf("%+v after %v", v, d)
				}
			})
		})
	}
}

// Idle connections go after a while, the longest idle first when there are too many,
// and all of them with the sender.
func TestIdleConnectionsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := answering(t, func(int, int) string { return fine })
		defer p.Close()
		s.wire.idle.most = 2
		post := func(host string) {
			t.Helper()
			if v := send(t, s, "http://"+host+".example/"); v.Err != nil {
				t.Fatal(v.Err)
			}
		}
		dials := func(want int) {
			t.Helper()
			if p.dialled() != want {
				t.Errorf("%d dials, want %d", p.dialled(), want)
			}
		}
		post("a")
		post("b")
		post("a")
		dials(2)
		post("c") // b is the longest idle
		post("a")
		dials(3)
		post("b") // and now c
		dials(4)
		time.Sleep(idleMost + sweepWait) //nolint:forbidigo // in a bubble
		idle := func() int {
			s.wire.idle.mu.Lock()
			defer s.wire.idle.mu.Unlock()
			return s.wire.idle.order.Len()
		}
		if n := idle(); n != 0 {
			t.Errorf("%d idle after all that time", n)
		}
		post("a")
		dials(5)
		s.Close()
		if n := idle(); n != 0 {
			t.Errorf("%d idle after the end", n)
		}
		post("a") // it is not kept any more
		if n := idle(); n != 0 {
			t.Errorf("%d kept after the end", n)
		}
	})
}

// Whatever a receiver answers, there is a verdict, and no delivery without a 2xx.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		fine, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 100 Continue\r\n\r\n" + fine,
		"HTTP/1.0 500 No\r\n\r\nbroken", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "x", "HTTP/1.1 429 Later\r\nRetry-After: 9\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if len(answer) == 0 {
			return
		}
		s, err := New(Config{DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				in := bufio.NewReader(far)
				if req, err := http.ReadRequest(in); err == nil {
					_, _ = io.Copy(io.Discard, req.Body)
					_, _ = far.Write(answer)
				}
			}()
			return near, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		v := send(t, s, "http://receiver.example/")
		if v.Outcome == outbox.Delivered && (v.Status < 200 || v.Status > 299) {
			t.Errorf("%q delivers with %d", answer, v.Status)
		}
		if v.Outcome != outbox.Delivered && v.Err == nil {
			t.Errorf("%q fails without a reason", answer)
		}
	})
}
