package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/instance"
)

const files = "/api/v1/instances/acme/files"

func TestSendFile(t *testing.T) {
	f, h := linked(t)
	query := url.Values{"to": {"5511999990000"}, "name": {`C:\tmp\räkning.pdf`}, "caption": {"läs"}, "id": {"MINE"}}
	for _, s := range []struct {
		query, body string
		status      int
		holds       string
	}{
		{query.Encode(), "%PDF-1.7", 201, `{"id":"MINE","chat":"5511999990000@s.whatsapp.net"`},
		{query.Encode(), "%PDF-1.7", 201, `"text":"läs","type":"document","media":{"mime":"application/pdf","bytes":8,"sha256":"`},
		{query.Encode(), "%PDF-1.7", 201, `"file_name":"räkning.pdf"}`},
		{"to=5511999990000", "\xff\xd8\xff\xe0", 201, `"type":"image","media":{"mime":"image/jpeg","bytes":4`},
		{"to=5511999990000&mime=text/csv", "a,b", 201, `"mime":"text/csv"`},
		{"to=5511999990000", strings.Repeat("x", 2<<20), 201, `"bytes":2097152`},
		{"name=a.pdf", "x", 400, `"field":"to"`},
		{"to=5511999990000&mime=pdf", "x", 400, `"field":"mime"`},
		{"to=5511999990000", "", 400, `"error":"file: is empty"`},
		{"to=5511999990000&caption=%ff", "x", 400, `"field":"caption"`},
	} {
		w := do(h, "POST", files+"?"+s.query, s.body)
		if w.Code != s.status || !strings.Contains(w.Body.String(), s.holds) || strings.Contains(w.Body.String(), `"ref"`) {
			t.Errorf("%s: %d %s", s.query, w.Code, w.Body)
		}
	}
	if w := do(h, "POST", files+"?to=5511999990000", "x", "Authorization: Bearer wrong"); w.Code != 401 {
		t.Errorf("without a token: %d %s", w.Code, w.Body)
	}
	if w := do(h, "GET", files, ""); w.Code != 405 {
		t.Errorf("GET: %d %s", w.Code, w.Body)
	}
	for path, limit := range map[string]string{"/api/v1/instances": "1 MiB", "/api/v1/instances/acme/files/x": "", files + "x": ""} {
		if w := do(h, "POST", path, `{"name":"`+strings.Repeat("x", 2<<20)); limit != "" && (w.Code != 413 || !strings.Contains(w.Body.String(), limit)) {
			t.Errorf("%s takes a large body: %d %s", path, w.Code, w.Body)
		}
	}
	before := len(f.Calls())
	if _, err := f.Close(t.Context(), "i1"); err != nil {
		t.Fatal(err)
	}
	if w := do(h, "POST", files+"?to=5511999990000", "x"); w.Code != 409 || len(f.Calls()) != before+1 {
		t.Errorf("closed: %d %s", w.Code, w.Body)
	}
}

func TestErrorsOfFiles(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		holds  string
	}{
		{&instance.SendError{Err: fmt.Errorf("%w: WhatsApp answered with status 500", instance.ErrNotUploaded)}, 502, `"error":"the file could not be uploaded, and nothing was sent: WhatsApp answered with status 500","code":"upload_failed"`},
		{&instance.SendError{Err: errors.New("timed out")}, 502, `"code":"send_failed"`},
		{&instance.SendError{Err: fmt.Errorf("%w: 479", instance.ErrTextRefused)}, 502, `"code":"send_refused"`},
		{fmt.Errorf("%w: raise files.total", instance.ErrFull), 507, `raise files.total","code":"full"`},
		{instance.ErrBusy, 429, `"code":"busy"`},
		{&api.ContentError{Err: errors.New("secret")}, 400, `"code":"broken_off"`},
		{instance.ErrNotReady, 504, `"code":"not_ready"`},
	} {
		f, h := linked(t)
		f.Fail(c.err)
		w := do(h, "POST", files+"?to=5511999990000", "x")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.holds) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}

// posted is a request with a file, up to its body.
func posted(header string) string {
	return "POST " + files + "?to=5511999990000 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\n" + header + "\r\n\r\n"
}

// nobodyGotAnything holds that no message was sent.
func nobodyGotAnything(t *testing.T, f *apitest.Fake) {
	t.Helper()
	for _, call := range f.Calls() {
		if strings.HasPrefix(call, "send file") {
			t.Errorf("called %s", call)
		}
	}
}

// TestBodiesThatDoNotEnd: each is answered in bounded time, or cut, and nothing is
// sent.
func TestBodiesThatDoNotEnd(t *testing.T) {
	piece := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		header string
		body   func(net.Conn)
		status string
		took   time.Duration
	}{
		"too large and says so": {fmt.Sprintf("Content-Length: %d", instance.MaxFile+1), func(c net.Conn) {
			for range instance.MaxFile>>20 + 1 {
				if _, err := io.WriteString(c, piece); err != nil {
					return
				}
			}
		}, "413", 0},
		"too large and waits": {fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue", instance.MaxFile+1), func(net.Conn) {}, "413", 0},
		"endless": {"Transfer-Encoding: chunked", func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "100000\r\n"+piece+"\r\n"); err != nil {
					return
				}
			}
		}, "413", 0},
		"stalls":       {"Content-Length: 100", func(c net.Conn) { _, _ = io.WriteString(c, "x") }, "408", 30 * time.Second},
		"never begins": {"Content-Length: 100", func(net.Conn) {}, "408", 30 * time.Second},
		"trickles": {"Content-Length: 1000000", func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				time.Sleep(20 * time.Second) //nolint:forbidigo // in a bubble
			}
		}, "408", 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, a := linked(t)
				_, l := serve(t, a)
				conn := l.dial()
				defer conn.Close()
				began := time.Now()
				go func() {
					if _, err := io.WriteString(conn, posted(c.header)); err == nil {
						c.body(conn)
					}
				}()
				line, err := bufio.NewReader(conn).ReadString('\n')
				if err != nil || !strings.Contains(line, c.status) || time.Since(began) != c.took {
					t.Errorf("%q, %v after %v", line, err, time.Since(began))
				}
				nobodyGotAnything(t, f)
				conn.Close()
				time.Sleep(time.Minute) //nolint:forbidigo // in a bubble; net/http lingers before it closes, and who trickles wakes
			})
		})
	}
}

// TestBodyThatBreaksOff: the client goes away in the middle.
func TestBodyThatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := linked(t)
		_, l := serve(t, a)
		c := l.dial()
		if _, err := io.WriteString(c, posted("Content-Length: 100")+"half of it"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.Close()
		synctest.Wait()
		nobodyGotAnything(t, f)
	})
}

// TestUploadOutlivesTheServersTimeouts, and ends with its caller.
func TestUploadOutlivesTheServersTimeouts(t *testing.T) {
	for name, stay := range map[string]bool{"stays": true, "goes": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, a := linked(t)
				f.UploadTakes = 2 * time.Minute
				_, l := serve(t, a)
				c := l.dial()
				defer c.Close()
				began := time.Now()
				if _, err := io.WriteString(c, posted("Content-Length: 1")+"x"); err != nil {
					t.Fatal(err)
				}
				if !stay {
					synctest.Wait()
					c.Close()
					time.Sleep(5 * time.Minute) //nolint:forbidigo // in a bubble
					nobodyGotAnything(t, f)
					return
				}
				line, err := bufio.NewReader(c).ReadString('\n')
				if took := time.Since(began); err != nil || !strings.Contains(line, "201") || took != 2*time.Minute {
					t.Errorf("%q, %v after %v", line, err, took)
				}
			})
		})
	}
}

// TestRefusedBeforeItIsSent: who waits to be told to go on sends nothing.
func TestRefusedBeforeItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := rooms(t) // not connected
		_, l := serve(t, a)
		c := l.dial()
		defer c.Close()
		if _, err := io.WriteString(c, posted("Content-Length: 100000000\r\nExpect: 100-continue")); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "409") {
			t.Errorf("%q, %v", line, err)
		}
		time.Sleep(time.Second) //nolint:forbidigo // in a bubble; net/http lingers before it closes
	})
}

// TestRefusedWhileItIsSent: who sends a file without looking up hears why it was
// refused, and can go on with the same connection.
func TestRefusedWhileItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := linked(t)
		f.Room = 1 << 20
		_, l := serve(t, a)
		c := l.dial()
		defer c.Close()
		r := bufio.NewReader(c)
		for range 2 {
			if _, err := io.WriteString(c, posted("Content-Length: 4194304")+strings.Repeat("x", 4<<20)); err != nil {
				t.Fatalf("the daemon hung up: %v", err)
			}
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusInsufficientStorage {
				t.Errorf("%d %s, %v", res.StatusCode, body, err)
			}
		}
		nobodyGotAnything(t, f)
	})
}
