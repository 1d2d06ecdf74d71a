package webhook

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// A receiver closes idle connections when it likes, under load: what was taken was
// delivered, hardly anything fails, and nothing is counted that nobody took.
func TestFickleReceiver(t *testing.T) {
	var taken, delivered, failed atomic.Int64
	var mu sync.Mutex
	idle := make(map[net.Conn]bool)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		taken.Add(1)
	}))
	srv.Config.ConnState = func(c net.Conn, s http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if idle[c] = s == http.StateIdle; s == http.StateClosed {
			delete(idle, c)
		}
		for other, is := range idle {
			if is && rand.N(20) == 0 {
				go other.Close()
			}
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	s := local(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				v := s.Send(t.Context(), at(endpointAt(srv.URL)), 6, []*record.Event{event(7)})
				if v.Outcome == outbox.Delivered {
					delivered.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if d, f, n := delivered.Load(), failed.Load(), taken.Load(); d > n || d+f != 800 || f > 80 {
		t.Errorf("%d taken, %d delivered, %d failed", n, d, f)
	}
}
