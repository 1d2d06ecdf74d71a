//nolint:forbidigo // its sleeps are in bubbles
package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// subscriber is a connection with an event stream on it.
type subscriber struct {
	net.Conn
	status int
	header http.Header
	body   *bufio.Reader
}

// subscribe asks for a stream and reads its header.
func subscribe(t *testing.T, l *pipe, path string, headers ...string) *subscriber {
	t.Helper()
	s := &subscriber{Conn: l.dial()}
	request := "GET /api/v1/instances/" + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\n"
	for _, line := range headers {
		request += line + "\r\n"
	}
	go func() { _, _ = s.Write([]byte(request + "\r\n")) }()
	res, err := http.ReadResponse(bufio.NewReader(s.Conn), nil) //nolint:bodyclose // its end is the connection's
	if err != nil {
		t.Fatal(err)
	}
	s.status, s.header, s.body = res.StatusCode, res.Header, bufio.NewReader(res.Body)
	return s
}

// next is what comes before the next empty line, in one line; io.EOF at a clean end.
func (s *subscriber) next() (string, error) {
	var lines []string
	for {
		line, err := s.body.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return strings.Join(lines, "|"), nil
		}
		lines = append(lines, line)
	}
}

// want reads as many events, whose beginnings they are.
func (s *subscriber) want(t *testing.T, begins ...string) {
	t.Helper()
	for _, b := range begins {
		if got, err := s.next(); err != nil || !strings.HasPrefix(got, b) {
			t.Fatalf("%q %v, want %q", got, err, b)
		}
	}
}

func TestStreamOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := rooms(t)
		srv, l := serve(t, a)
		f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
		s := subscribe(t, l, "acme/events/stream?after=1")
		defer s.Close()
		if s.status != 200 || s.header.Get("Content-Type") != "text/event-stream" || s.header.Get(api.HeadHeader) != "2" || s.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v", s.status, s.header)
		}
		s.want(t, "retry: 3000", `id: i1/1/2|data: {"id":"i1/1/2","type":"connection.changed"`)
		began := time.Now()
		for range 10 { // longer than every bound of the server
			s.want(t, ":")
		}
		if took := time.Since(began); took != 150*time.Second {
			t.Errorf("ten heartbeats took %v", took)
		}
		for range 200 { // more than a page
			f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
		}
		for i := range 400 {
			s.want(t, fmt.Sprintf("id: i1/1/%d|", i+3))
		}
		down := make(chan error)
		go func() { down <- srv.Shutdown(t.Context()) }()
		if got, err := s.next(); err != io.EOF { //nolint:errorlint // exactly a clean end
			t.Errorf("%q %v", got, err)
		}
		if err := <-down; err != nil || f.Watchers("i1") != 0 {
			t.Errorf("%v, %d watchers", err, f.Watchers("i1"))
		}
	})
}

func TestStreamGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*apitest.Fake)
		path    string
		headers []string
		want    []string
	}{
		"id":            {nil, "acme/events/stream", []string{"Last-Event-ID: i1/1/5"}, []string{"id: i1/1/6|"}},
		"seq":           {nil, "acme/events/stream", []string{"Last-Event-ID: 5"}, []string{"id: i1/1/6|"}},
		"both":          {nil, "acme/events/stream?after=1", []string{"Last-Event-ID: i1/1/5"}, []string{"id: i1/1/6|"}},
		"after an id":   {nil, "i1/events/stream?after=i1/1/5", nil, []string{"id: i1/1/6|"}},
		"by its type":   {nil, "acme/events?after=5", []string{"Accept: text/event-stream"}, []string{"id: i1/1/6|"}},
		"of the daemon": {func(f *apitest.Fake) { f.Tell(record.DaemonStarted) }, "daemon/events/stream", nil, []string{"id: daemon/1/1|"}},
		"pruned":        {func(f *apitest.Fake) { f.Prune("i1", 4) }, "acme/events/stream?after=2", nil, []string{`event: pruned|data: {"from":3,"to":4}`, "id: i1/1/5|"}},
		"all pruned": {
			func(f *apitest.Fake) { f.Prune("i1", 6) }, "acme/events/stream?after=2", nil,
			[]string{`event: pruned|data: {"from":3,"to":6}`, ":", ":"},
		},
		"restored, ahead": {
			func(f *apitest.Fake) {
				f.Rewind("i1", 3)
				f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested)
			}, "acme/events/stream", []string{"Last-Event-ID: i1/1/6"}, []string{"id: i1/2/4|"},
		},
		"restored, passed": {
			func(f *apitest.Fake) {
				f.Rewind("i1", 3)
				for range 4 {
					f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
				}
			}, "acme/events/stream", []string{"Last-Event-ID: i1/1/6"}, []string{"id: i1/2/4|", "id: i1/2/5|"},
		},
		"restored, nothing since": {
			func(f *apitest.Fake) {
				f.Rewind("i1", 3)
				time.AfterFunc(time.Second, func() { f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested) })
			}, "acme/events/stream", []string{"Last-Event-ID: i1/1/6"}, []string{"id: i1/2/4|"},
		},
		"restored, same event": {
			func(f *apitest.Fake) {
				f.Rewind("i1", 3)
				f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested)
			}, "acme/events/stream", []string{"Last-Event-ID: i1/1/2"}, []string{"id: i1/1/3|", "id: i1/2/4|"},
		},
		"restored, the last of before": {
			func(f *apitest.Fake) {
				f.Rewind("i1", 3)
				f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested)
			}, "acme/events/stream", []string{"Last-Event-ID: i1/1/3"}, []string{"id: i1/2/4|"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, a := rooms(t)
				_, l := serve(t, a)
				for range 3 {
					f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
				}
				if c.change != nil {
					c.change(f)
				}
				s := subscribe(t, l, c.path, c.headers...)
				defer s.Close()
				s.want(t, append([]string{"retry: "}, c.want...)...)
			})
		})
	}
}

func TestStreamEndsWithItsInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := rooms(t)
		_, l := serve(t, a)
		s := subscribe(t, l, "acme/events/stream")
		defer s.Close()
		s.want(t, "retry: ")
		if err := f.Delete(t.Context(), "i1"); err != nil {
			t.Fatal(err)
		}
		s.want(t, "id: i1/1/1|")
		if got, err := s.next(); err != io.EOF { //nolint:errorlint // exactly a clean end
			t.Errorf("%q %v", got, err)
		}
		// A browser that comes again is told to stay away, one that has missed
		// something is not.
		s2 := subscribe(t, l, "acme/events/stream", "Last-Event-ID: i1/1/1")
		defer s2.Close()
		if s2.status != http.StatusNoContent {
			t.Errorf("%d", s2.status)
		}
		s3 := subscribe(t, l, "acme/events/stream", "Last-Event-ID: 0")
		defer s3.Close()
		s3.want(t, "retry: ", "id: i1/1/1|")
	})
}

// Whoever does not read is cut off and holds up nobody.
func TestStreamOfASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := rooms(t)
		_, l := serve(t, a)
		s := subscribe(t, l, "acme/events/stream")
		defer s.Close()
		other := subscribe(t, l, "acme/events/stream")
		defer other.Close()
		s.want(t, "retry: ")
		other.want(t, "retry: ")
		for range 100 {
			f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
		}
		for i := range 200 {
			other.want(t, fmt.Sprintf("id: i1/1/%d|", i+1))
		}
		time.Sleep(31 * time.Second)
		if n := f.Watchers("i1"); n != 1 {
			t.Errorf("%d watch, want the one that reads", n)
		}
	})
}

// A stream that is read slowly, but read, goes on.
func TestStreamIsGivenTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := rooms(t)
		_, l := serve(t, a)
		for range 100 {
			f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
		}
		s := subscribe(t, l, "acme/events/stream")
		defer s.Close()
		s.want(t, "retry: ")
		for i := range 200 {
			time.Sleep(time.Second)
			s.want(t, fmt.Sprintf("id: i1/1/%d|", i+1))
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, h := rooms(t)
		ctx, cancel := context.WithCancel(t.Context())
		for range api.MaxStreams {
			r := httptest.NewRequest("GET", "/api/v1/instances/acme/events/stream", http.NoBody).WithContext(ctx)
			r.Header.Set("Authorization", "Bearer "+token)
			go h.ServeHTTP(httptest.NewRecorder(), r)
		}
		synctest.Wait()
		w := do(h, "GET", "/api/v1/instances/acme/events/stream", "")
		if w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "many_streams") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		cancel()
		synctest.Wait()
		if n := f.Watchers("i1"); n != 0 {
			t.Errorf("%d still watch", n)
		}
		h.Stop()
		if w := do(h, "GET", "/api/v1/instances/acme/events/stream", ""); w.Code != 200 {
			t.Errorf("after others went: %d", w.Code)
		}
	})
}

func TestStreamsThatAreRefused(t *testing.T) {
	_, h := rooms(t)
	for path, want := range map[string]int{
		"acme/events/stream?after=x":        400,
		"acme/events/stream?after=i2/1/1":   400,
		"acme/events/stream?format=xml":     400,
		"nobody/events/stream":              404,
		"acme/events/stream/x":              404,
		"daemon/events/stream?after=i1/1/1": 400,
	} {
		if w := do(h, "GET", "/api/v1/instances/"+path, ""); w.Code != want || !strings.Contains(w.Body.String(), `"code"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest("GET", "/api/v1/instances/acme/events/stream", http.NoBody)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("without a token: %d", w.Code)
	}
}

// Requests that wait are counted: more than are allowed are refused, those that do
// not wait are not.
func TestPollsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, h := rooms(t)
		ctx, cancel := context.WithCancel(t.Context())
		for range api.MaxPolls {
			r := httptest.NewRequest("GET", "/api/v1/instances/acme/events?wait=50", http.NoBody).WithContext(ctx)
			r.Header.Set("Authorization", "Bearer "+token)
			go h.ServeHTTP(httptest.NewRecorder(), r)
		}
		synctest.Wait()
		w := do(h, "GET", "/api/v1/instances/acme/events?wait=50", "")
		if w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "many_polls") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := do(h, "GET", "/api/v1/instances/acme/events", ""); w.Code != 200 {
			t.Errorf("without waiting: %d %s", w.Code, w.Body)
		}
		cancel()
		synctest.Wait()
		if n := f.Watchers("i1"); n != 0 {
			t.Errorf("%d watch still", n)
		}
		if w := do(h, "GET", "/api/v1/instances/acme/events?wait=1", ""); w.Code != 200 {
			t.Errorf("when all have gone: %d %s", w.Code, w.Body)
		}
	})
}

// An answer holds as many events as were asked for and fit into it, at least one,
// and who goes on behind the last one gets them all.
func TestPagesAreBounded(t *testing.T) {
	for size, want := range map[int][]int{
		10:              {150, 50},
		40 << 10:        {102, 98}, // 4 MB
		api.MaxPage + 1: {1, 1, 1, 1},
	} {
		f, h := rooms(t, func(c *api.Config) {
			c.Formats = map[string]func(*record.Event) ([]byte, error){"big": func(ev *record.Event) ([]byte, error) {
				seq := strconv.AppendUint(nil, ev.Seq, 10)
				return append(seq, bytes.Repeat([]byte(" "), size-len(seq))...), nil
			}}
		})
		all := 0
		for _, n := range want {
			all += n
		}
		for range all / 2 {
			f.Fire("acme", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
		}
		var pages []int
		for last := uint64(0); last < uint64(all); {
			w := do(h, "GET", "/api/v1/instances/acme/events?format=big&limit=150&after="+strconv.FormatUint(last, 10), "")
			var seqs []uint64
			if err := json.Unmarshal(w.Body.Bytes(), &seqs); w.Code != 200 || err != nil || len(seqs) == 0 {
				t.Fatalf("%d, %v", w.Code, err)
			}
			for _, seq := range seqs {
				if last++; seq != last {
					t.Fatalf("%d comes at %d", seq, last)
				}
			}
			pages = append(pages, len(seqs))
			if head := w.Header().Get(api.HeadHeader); head != strconv.Itoa(all) {
				t.Errorf("the head is %s", head)
			}
		}
		if !slices.Equal(pages, want) {
			t.Errorf("of %d bytes: %v, want %v", size, pages, want)
		}
	}
}
