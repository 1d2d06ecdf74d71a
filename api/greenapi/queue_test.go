package greenapi_test

import (
	"io"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestReceiveWaits as long as the client says, within bounds, and longer than the
// server lets others wait.
func TestReceiveWaits(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"": 5 * time.Second, "?receiveTimeout=5": 5 * time.Second, "?receiveTimeout=60": time.Minute, "?receiveTimeout=20": 20 * time.Second,
		"?receiveTimeout=0": 5 * time.Second, "?receiveTimeout=-3": 5 * time.Second, "?receiveTimeout=86400": time.Minute,
	} {
		t.Run(query, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.queue.waits = true
				l := serve(t, w.handler())
				c := l.dial()
				defer c.Close()
				began := time.Now()
				go func() {
					_, _ = io.WriteString(c, crlf("GET "+mine+"receiveNotification/"+token+query+" HTTP/1.1\nHost: x\n\n"))
				}()
				status, body := answer(c)
				if took := time.Since(began); status != http.StatusOK || body != "null" || took != want {
					t.Errorf("%d %s after %v", status, body, took)
				}
			})
		})
	}
}

// TestReceiveEndsWithTheDaemon: a stop answers who waits, with nothing.
func TestReceiveEndsWithTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.queue.waits = true
		a := w.handler()
		l := serve(t, a)
		c := l.dial()
		defer c.Close()
		go func() {
			_, _ = io.WriteString(c, crlf("GET "+mine+"receiveNotification/"+token+"?receiveTimeout=60 HTTP/1.1\nHost: x\n\n"))
		}()
		go func() {
			time.Sleep(time.Second) //nolint:forbidigo // in a bubble
			a.Stop()
		}()
		began := time.Now()
		if status, body := answer(c); status != http.StatusOK || body != "null" || time.Since(began) != time.Second {
			t.Errorf("%d %s after %v", status, body, time.Since(began))
		}
	})
}

// TestManyWait: a thousand instances wait with one goroutine each, its connection's,
// and one that goes leaves nothing behind; one instance may not wait as often as it
// likes.
func TestManyWait(t *testing.T) {
	const most = 1000
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.queue.waits = true
		for n := range most {
			w.mustAdd(t, "n"+strconv.Itoa(n))
		}
		l := serve(t, w.handler())
		goroutines := runtime.NumGoroutine()
		answers := make(chan string, most)
		wait := func(id int64, token string) {
			c := l.dial()
			defer c.Close()
			_, _ = io.WriteString(c, crlf("GET /waInstance"+strconv.FormatInt(id, 10)+"/receiveNotification/"+token+"?receiveTimeout=60 HTTP/1.1\nHost: x\n\n"))
			status, body := answer(c)
			answers <- strconv.Itoa(status) + body
		}
		for n := range most {
			go wait(1101000002+int64(n), tokenOf(n+2))
		}
		synctest.Wait()
		// Two of the server (it also looks whether the client goes), one of the client.
		if extra := runtime.NumGoroutine() - goroutines; extra > 3*most+10 {
			t.Errorf("%d goroutines for %d that wait", extra, most)
		}
		for range 8 {
			go wait(1101000001, token)
		}
		synctest.Wait()
		go wait(1101000001, token)
		if got := <-answers; got[:3] != "429" {
			t.Errorf("the ninth of one instance: %s", got)
		}
		for range most + 8 {
			if got := <-answers; got != "200null" {
				t.Fatalf("answered %s", got)
			}
		}
	})
}
