package greenapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

const (
	mib       = 1 << 20
	multipart = "multipart/form-data; boundary=B"
	before    = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"me.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
	behind    = "\r\n--B--\r\n"
)

// jpeg is a picture of so many bytes: what begins it, and nothing.
func jpeg(size int64) io.Reader {
	return io.MultiReader(strings.NewReader("\xff\xd8\xff"), io.LimitReader(zeros{}, size-3))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// upload plays one setProfilePicture. length is what the client says of the body's,
// -1: nothing, it comes in chunks.
func upload(h http.Handler, body io.Reader, length int64) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", mine+"setProfilePicture/"+token, body)
	r.Header.Set("Content-Type", multipart)
	r.ContentLength = length
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func form(content io.Reader) io.Reader {
	return io.MultiReader(strings.NewReader(before), content, strings.NewReader(behind))
}

// paired is a world with a linked instance.
func paired(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.pair(t)
	return w
}

// TestPictureSize: ten mebibytes are taken, one byte more is not, whatever is said of
// the length; what is refused is stored nowhere, and may be tried again at once.
func TestPictureSize(t *testing.T) {
	around := int64(len(before) + len(behind))
	for name, c := range map[string]struct {
		body   io.Reader
		length int64
		status int
		holds  string
	}{
		"the most":               {form(jpeg(10 * mib)), 10*mib + around, 200, `"setProfilePicture":true`},
		"the most in chunks":     {form(jpeg(10 * mib)), -1, 200, `"setProfilePicture":true`},
		"one more":               {form(jpeg(10*mib + 1)), 10*mib + 1 + around, 413, "Payload Too Large"},
		"one more in chunks":     {form(jpeg(10*mib + 1)), -1, 413, "Payload Too Large"},
		"endless in chunks":      {form(jpeg(1 << 62)), -1, 413, "Payload Too Large"},
		"endless, and no JPEG":   {form(zeros{}), -1, 200, "not a JPEG"},
		"said to be too large":   {iotest.ErrReader(errors.New("read")), 12 * mib, 413, "Payload Too Large"},
		"endless before":         {io.MultiReader(strings.NewReader("--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n"), zeros{}), -1, 413, "Payload Too Large"},
		"endless head":           {io.MultiReader(strings.NewReader("--B\r\nX: "), zeros{}), -1, 400, "bad request data"},
		"endless preamble":       {zeros{}, -1, 400, "bad request data"},
		"endless parts":          {&repeat{text: "--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nx\r\n"}, -1, 400, "bad request data"},
		"broken off":             {io.MultiReader(strings.NewReader(before), jpeg(1000), iotest.ErrReader(errors.New("read tcp 10.0.0.7: timeout"))), -1, 400, "bad request data"},
		"broken off in the head": {io.MultiReader(strings.NewReader(before[:40]), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, 400, "bad request data"},
		"ends early":             {io.MultiReader(strings.NewReader(before), jpeg(1000)), -1, 400, "bad request data"},
	} {
		t.Run(name, func(t *testing.T) {
			w := paired(t)
			h := w.handler()
			got := upload(h, c.body, c.length)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.holds) {
				t.Fatalf("%d %s", got.Code, got.Body)
			}
			if (got.Code == 200 && c.holds != "not a JPEG") != (w.pictures.own != nil) {
				t.Errorf("stored: %+v", w.pictures.own)
			}
			if strings.Contains(got.Body.String(), "10.0.0.7") {
				t.Errorf("an address is told: %s", got.Body)
			}
			if w.pictures.own != nil {
				return
			}
			if again := upload(h, form(jpeg(100)), -1); again.Code != 200 || w.pictures.own == nil {
				t.Errorf("again: %d %s", again.Code, again.Body)
			}
		})
	}
}

// repeat is a text, over and over.
type repeat struct {
	text string
	left []byte
}

func (r *repeat) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		r.left = []byte(r.text)
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// TestUploadsAreNotHeld: however large a picture is, what one costs is small.
func TestUploadsAreNotHeld(t *testing.T) {
	w := paired(t)
	h := w.handler()
	upload(h, form(jpeg(100)), -1) // what is made once
	w.Now = func() time.Time { return noon.Add(time.Hour) }
	var was, is runtime.MemStats
	runtime.ReadMemStats(&was)
	if got := upload(h, form(jpeg(10*mib)), -1); got.Code != 200 {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	runtime.ReadMemStats(&is)
	if n := is.TotalAlloc - was.TotalAlloc; n > 256<<10 {
		t.Errorf("10 MiB took %d bytes of memory", n)
	}
}

// TestPaceIsKept: once in ten seconds, by what has reached WhatsApp, and never two at a
// time; it is decided before anything of the body is read.
func TestPaceIsKept(t *testing.T) {
	w := paired(t)
	h := w.handler()
	now := noon
	w.Now = func() time.Time { return now }
	untouched := func() {
		t.Helper()
		r := httptest.NewRequest("POST", mine+"setProfilePicture/"+token, iotest.ErrReader(errors.New("the body was read")))
		r.Header.Set("Content-Type", multipart)
		got := httptest.NewRecorder()
		h.ServeHTTP(got, r)
		if got.Code != 429 || got.Header().Get("Retry-After") == "" {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
	}
	ok := func(status int, holds string) {
		t.Helper()
		if got := upload(h, form(jpeg(100)), -1); got.Code != status || !strings.Contains(got.Body.String(), holds) {
			t.Fatalf("%d %s, want %s", got.Code, got.Body, holds)
		}
	}
	ok(200, "true")
	untouched()
	now = now.Add(10*time.Second - time.Millisecond)
	untouched()
	now = now.Add(time.Millisecond)
	// One that takes its time: the ten seconds begin when it has gone on to WhatsApp.
	w.pictures.set = func() { untouched(); now = now.Add(time.Minute) }
	ok(200, "true")
	w.pictures.set = nil
	ok(200, "true")
	untouched()

	for situation, counts := range map[string]bool{"refusing": true, "slow": true, "bad_image": false, "full": false} {
		now = now.Add(time.Minute)
		of := newWorld(t)
		situations[situation](t, of)
		w.pictures.err = of.pictures.err
		ok(200, "false")
		w.pictures.err = nil
		if counts {
			untouched()
		} else {
			ok(200, "true")
		}
	}

	// Whoever has no connection uses up nothing.
	now = now.Add(time.Minute)
	if _, err := w.Close(t.Context(), "i1"); err != nil {
		t.Fatal(err)
	}
	ok(400, "not authorized")
	ok(400, "not authorized")
	if _, err := w.Restore(t.Context(), "i1"); err != nil {
		t.Fatal(err)
	}
	ok(200, "true")
}

// TestOneAfterAnother: while a picture is on its way, the next is refused, and after
// it, whatever became of it, the way is free by the clock.
func TestOnePictureAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := paired(t)
		h := w.handler()
		in, out := io.Pipe()
		first := make(chan *httptest.ResponseRecorder)
		go func() { first <- upload(h, form(in), -1) }()
		if _, err := io.Copy(out, jpeg(5000)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := upload(h, form(jpeg(100)), -1); got.Code != 429 {
			t.Errorf("a second beside it: %d", got.Code)
		}
		_ = out.CloseWithError(errors.New("the client has gone"))
		if got := <-first; got.Code != 400 {
			t.Errorf("the first: %d", got.Code)
		}
		if got := upload(h, form(jpeg(100)), -1); got.Code != 200 {
			t.Errorf("after it: %d", got.Code)
		}
	})
}

const slowUploads = 1000

// TestSlowUploads: a thousand clients that send a little and wait are held with little
// memory and no goroutine beside the connection's own, and are cut off in time.
func TestSlowUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for n := range slowUploads {
			name := fmt.Sprintf("n%d", n)
			if _, err := w.Add(t.Context(), api.AddSpec{Name: name}); err != nil {
				t.Fatal(err)
			}
			w.Amend(name, func(in *record.Instance) { in.State = 10 })
		}
		l := serve(t, w.handler())
		goroutines, heap := runtime.NumGoroutine(), inUse()
		piece := bytes.Repeat([]byte{0}, 32<<10)
		answers := make(chan int, slowUploads)
		for n := range slowUploads {
			go func() {
				c := l.dial()
				defer c.Close()
				_, _ = fmt.Fprintf(c, crlf("POST /waInstance%d/setProfilePicture/%050x HTTP/1.1\nHost: x\nContent-Type: "+multipart+"\nContent-Length: 5000000\n\n"), 1101000002+n, n+2)
				_, _ = c.Write([]byte(before + "\xff\xd8\xff"))
				_, _ = c.Write(piece)
				status, _ := answer(c)
				answers <- status
			}()
		}
		synctest.Wait() // all of them wait for more
		perUpload := (inUse() - heap) / slowUploads
		extra := runtime.NumGoroutine() - goroutines - slowUploads // those of the clients are ours
		if w.pictures.calls != 0 || perUpload > 96<<10 || extra > 2*slowUploads {
			t.Errorf("%d uploads: %d bytes each, %d goroutines, %d pictures", slowUploads, perUpload, extra, w.pictures.calls)
		}
		began := time.Now()
		for range slowUploads {
			if status := <-answers; status != 400 {
				t.Fatalf("answered %d", status)
			}
		}
		if took := time.Since(began); took > time.Minute || w.pictures.own != nil {
			t.Errorf("cut off after %v, stored %v", took, w.pictures.own)
		}
	})
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// TestSlowButSteady: an upload that takes longer than other requests may is taken, if
// its pieces come, and not for ever.
func TestSlowButSteady(t *testing.T) {
	for name, c := range map[string]struct {
		pieces int
		each   time.Duration
		status int
	}{"steady": {5, 20 * time.Second, 200}, "stalls": {2, 31 * time.Second, 400}, "for ever": {10, 20 * time.Second, 400}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := paired(t)
				l := serve(t, w.handler())
				conn := l.dial()
				sent := make(chan struct{})
				defer func() { conn.Close(); <-sent }()
				go func() {
					defer close(sent)
					_, _ = io.WriteString(conn, crlf("POST "+mine+"setProfilePicture/"+token+" HTTP/1.1\nHost: x\nContent-Type: "+multipart+"\nTransfer-Encoding: chunked\n\n"))
					chunk := func(s string) { _, _ = fmt.Fprintf(conn, "%x\r\n%s\r\n", len(s), s) }
					chunk(before + "\xff\xd8\xff")
					for range c.pieces {
						time.Sleep(c.each) //nolint:forbidigo // in a bubble
						chunk(strings.Repeat("x", 1000))
					}
					chunk(behind)
					_, _ = io.WriteString(conn, "0\r\n\r\n")
				}()
				if status, body := answer(conn); status != c.status {
					t.Errorf("%d %s", status, body)
				}
			})
		})
	}
}
