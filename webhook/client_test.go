package webhook

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// A connection that breaks before anything is answered is tried once more,
// soon, freshly signed.
func TestQuickRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		s, err := New(Config{DialContext: p.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		got := make(chan http.Header, 2)
		go func() {
			for n := range 2 {
				c, err := p.Accept()
				if err != nil {
					return
				}
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				got <- req.Header
				if n == 1 {
					_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
				} else {
					c.Close()
				}
			}
		}()
		// So that the retry falls into the next second.
		time.Sleep(950 * time.Millisecond) //nolint:forbidigo // in a bubble
		v := send(t, s, "http://receiver.example/")
		if v.Outcome != outbox.Delivered || v.Duration > 300*time.Millisecond {
			t.Fatalf("%+v", v)
		}
		first, second := <-got, <-got
		if first.Get("webhook-id") != second.Get("webhook-id") ||
			first.Get("webhook-timestamp") == second.Get("webhook-timestamp") ||
			first.Get("webhook-signature") == second.Get("webhook-signature") {
			t.Errorf("first %v\nsecond %v", first, second)
		}
	})
}

// Nothing else is: the connection is used at most twice, and once if anything
// was answered.
func TestNoSecondRetry(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		dials  int
		text   string
	}{
		"closed":         {"", 2, "post to http://receiver.example: connection closed without an answer"},
		"half an answer": {"HTTP/1.1 20", 1, "post to http://receiver.example: the answer is not valid HTTP"},
		"not HTTP":       {"220 smtp.example ESMTP\r\n", 1, "post to http://receiver.example: the answer is not valid HTTP"},
		"an error":       {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 1, "post to http://receiver.example: status 503"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipe()
				s, err := New(Config{DialContext: p.dial})
				if err != nil {
					t.Fatal(err)
				}
				go func() {
					for {
						c, err := p.Accept()
						if err != nil {
							return
						}
						if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
							_, _ = io.Copy(io.Discard, req.Body)
							_, _ = io.WriteString(c, tc.answer)
						}
						c.Close()
					}
				}()
				v := send(t, s, "http://receiver.example/")
				if v.Outcome != outbox.Retry || v.Err.Error() != tc.text || p.dialled() != tc.dials {
					t.Errorf("%+v after %d dials", v, p.dialled())
				}
				s.Close()
				p.Close()
			})
		})
	}
}

func TestCancelledSendReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, cleanup := bubble(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		defer cleanup()
		ctx, cancel := contextFor(t, 3*time.Second)
		defer cancel()
		began := time.Now()
		v := s.Send(ctx, at(endpointAt("http://receiver.example/")), 0, []*record.Event{event(1)})
		if d := time.Since(began); d != 3*time.Second || v.Outcome != outbox.Retry {
			t.Errorf("%+v after %v", v, d)
		}
	})
}

// countConns counts the connections a server gets.
func countConns(t testing.TB, h http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	var n atomic.Int64
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			n.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv, &n
}

// A receiver that is down must not cost the others their connections.
func TestFailureElsewhereKeepsConnections(t *testing.T) {
	srv, conns := countConns(t, func(http.ResponseWriter, *http.Request) {})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s := local(t)
	for range 3 {
		if v := send(t, s, srv.URL); v.Err != nil {
			t.Fatal(v.Err)
		}
		if v := send(t, s, gone.URL); v.Err == nil {
			t.Fatal("a closed port answered")
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	const lanes = 32
	var arrived sync.WaitGroup
	srv, conns := countConns(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait() // all at once
		w.WriteHeader(500)
		_, _ = w.Write(make([]byte, 3000)) // more than the excerpt
	})
	s := local(t)
	for range 4 {
		arrived.Add(lanes)
		var done sync.WaitGroup
		for range lanes {
			done.Go(func() {
				if v := send(t, s, srv.URL); v.Status != 500 {
					t.Errorf("%+v", v)
				}
			})
		}
		done.Wait()
	}
	// A connection is put back a moment after its answer was read, so a few more
	// than there are lanes are fair.
	if n := conns.Load(); n > lanes+lanes/2 {
		t.Errorf("%d connections for %d lanes", n, lanes)
	}
}

func TestTLSAndHTTP2(t *testing.T) {
	proto := make(chan string, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { proto <- r.Proto }))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = discard
	srv.StartTLS()
	t.Cleanup(srv.Close)
	trusting := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	s := senderFor(t, Config{AllowLoopback: true, RootCAs: trusting})
	if v := send(t, s, srv.URL); v.Err != nil {
		t.Fatal(v.Err)
	}
	if got := <-proto; got != "HTTP/2.0" {
		t.Errorf("spoke %s", got)
	}
	v := send(t, local(t), srv.URL)
	if v.Err == nil || v.Err.Error() != "post to "+srv.URL+": the certificate is signed by an unknown authority" {
		t.Errorf("%+v", v)
	}
}

// BenchmarkSend is the sender's whole path against a receiver in this process.
func BenchmarkSend(b *testing.B) {
	srv := serve(b, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	s := local(b)
	ep, ev := endpointAt(srv.URL), event(7)
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if v := s.Send(b.Context(), &ep, 6, []*record.Event{ev}); v.Err != nil {
				b.Error(v.Err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkRawPost is what net/http alone makes of the same request.
func BenchmarkRawPost(b *testing.B) {
	srv := serve(b, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	body, _ := event(7).Standard()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, srv.URL, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				continue
			}
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				continue
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkSendBatch is a request of a hundred events.
func BenchmarkSendBatch(b *testing.B) {
	srv := serve(b, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for _, format := range []string{Standard, CloudEvents} {
		b.Run(format, func(b *testing.B) {
			s := local(b)
			ep := endpointAt(srv.URL)
			ep.Format, ep.Bulk = format, &record.Bulk{Most: 100}
			var events []*record.Event
			for seq := range uint64(100) {
				events = append(events, event(seq+1))
			}
			b.ReportAllocs()
			for b.Loop() {
				if v := s.Send(b.Context(), &ep, 0, events); v.Err != nil {
					b.Fatal(v.Err)
				}
			}
			b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
