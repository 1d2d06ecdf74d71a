package greenapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/switchhook/switchhook/instance"
)

// sendFile plays one sendFileByUpload.
func sendFile(h http.Handler, body io.Reader, length int64) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", mine+"sendFileByUpload/"+token, body)
	r.Header.Set("Content-Type", multipart)
	r.ContentLength = length
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// field and file are parts of a form.
func field(name, value string) string {
	return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
}

func file(name, kind, content string) string {
	head := "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n"
	if kind != "" {
		head += "Content-Type: " + kind + "\r\n"
	}
	return head + "\r\n" + content + "\r\n"
}

// TestWhatIsSent: the parts in any order, and all that they say.
func TestWhatIsSent(t *testing.T) {
	chat := field("chatId", "79876543210@c.us")
	const to = "79876543210@s.whatsapp.net "
	for body, want := range map[string]string{
		chat + field("caption", "the \"paper\"") + file("a.pdf", "application/pdf", "%PDF-1.7"):                  to + `a.pdf application/pdf "the \"paper\"": %PDF-1.7`,
		file("a.pdf", "application/pdf", "%PDF-1.7") + field("caption", "x") + chat + field("fileName", "b.pdf"): to + `b.pdf application/pdf "x": %PDF-1.7`,
		chat + file("blob", "application/octet-stream", "\x00\x01"):                                              to + "blob application/octet-stream \"\": \x00\x01",
		chat + file("a.html", "", "hello"):                                                                       to + `a.html  "": hello`,
		chat + file("../../etc/passwd", "text/x", "root"):                                                        to + `passwd text/x "": root`,
		chat + field("typingTime", "3000") + file("a.bin", "x/y", "\x00"):                                        to + "a.bin x/y \"\": \x00",
	} {
		w := paired(t)
		got := sendFile(w.handler(), strings.NewReader(body+"--B--\r\n"), int64(len(body)+7))
		if got.Code != 200 || len(w.files.sent) != 1 || w.files.sent[0] != want {
			t.Errorf("%q: %d %s, sent %q, want %q", body, got.Code, got.Body, w.files.sent, want)
		}
	}
}

// TestFileSize: a hundred mebibytes are taken, one byte more is not; nothing of a file
// stays on the disk, and little of it is ever in memory.
func TestFileSize(t *testing.T) {
	chat := field("chatId", "79876543210@c.us")
	head := "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n"
	of := func(size int64) io.Reader {
		return io.MultiReader(strings.NewReader(chat+head), io.LimitReader(zeros{}, size), strings.NewReader("\r\n--B--\r\n"))
	}
	for name, c := range map[string]struct {
		body   io.Reader
		status int
	}{
		"the most":        {of(100 * mib), 200},
		"one more":        {of(100*mib + 1), 413},
		"endless":         {io.MultiReader(strings.NewReader(chat+head), zeros{}), 413},
		"endless caption": {io.MultiReader(strings.NewReader(chat+"--B\r\nContent-Disposition: form-data; name=\"caption\"\r\n\r\n"), zeros{}), 400},
		"broken off":      {io.MultiReader(strings.NewReader(chat+head+"some"), iotest.ErrReader(errors.New("gone"))), 400},
	} {
		t.Run(name, func(t *testing.T) {
			w := paired(t)
			sink := &lengths{}
			w.sink = sink
			got := sendFile(w.handler(), c.body, -1)
			if got.Code != c.status || (got.Code == 200) != (sink.length == 100*mib) {
				t.Errorf("%d %s, sent %d bytes", got.Code, got.Body, sink.length)
			}
			if n := w.Held.Load(); n != 0 {
				t.Errorf("%d files are still held", n)
			}
		})
	}
}

// TestNoRoom: where a file cannot be held the caller is told so, from the beginning or
// in the middle, and not why.
func TestNoRoom(t *testing.T) {
	full := fmt.Errorf("the disk of /gone is full: %w", instance.ErrFull)
	for _, w := range []*world{{noRoom: full}, {writes: full}} {
		p := paired(t)
		p.noRoom, p.writes = w.noRoom, w.writes
		body := field("chatId", "79876543210@c.us") + file("a.bin", "x/y", "content") + "--B--\r\n"
		got := sendFile(p.handler(), strings.NewReader(body), -1)
		if got.Code != http.StatusInsufficientStorage || strings.Contains(got.Body.String(), "gone") || p.Held.Load() != 0 || len(p.files.sent) != 0 {
			t.Errorf("%d %s, %d held, sent %q", got.Code, got.Body, p.Held.Load(), p.files.sent)
		}
	}
}

// TestFewFilesAtOnce: what is on its way of one instance is bounded.
func TestFewFilesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := paired(t)
		h := w.handler()
		var outs []*io.PipeWriter
		ended := make(chan int)
		for range 4 {
			in, out := io.Pipe()
			outs = append(outs, out)
			go func() { ended <- sendFile(h, in, -1).Code }()
		}
		synctest.Wait()
		if got := sendFile(h, strings.NewReader("--B--\r\n"), -1); got.Code != 429 || got.Header().Get("Retry-After") != "1" {
			t.Errorf("a fifth: %d %s", got.Code, got.Body)
		}
		for _, out := range outs {
			_, _ = out.Write([]byte("--B--\r\n"))
			_ = out.Close()
			if code := <-ended; code != 400 {
				t.Errorf("an empty form: %d", code)
			}
		}
		if got := sendFile(h, strings.NewReader("--B--\r\n"), -1); got.Code != 400 {
			t.Errorf("after them: %d", got.Code)
		}
	})
}

// FuzzForms: whatever a body is, it is answered, and what is passed on of it stands in
// it as it is.
func FuzzForms(f *testing.F) {
	paths, err := filepath.Glob("testdata/methods/*/se*.req")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no requests: %v", err)
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		if _, body, ok := bytes.Cut(text, []byte("\n\n")); ok {
			f.Add(bytes.ReplaceAll(body, []byte("BOUNDARY"), []byte("B")))
		}
	}
	f.Add([]byte(before + "\xff\xd8\xff" + behind))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := paired(t)
		h := w.handler()
		got := upload(h, bytes.NewReader(body), int64(len(body)))
		if got.Code != 200 && got.Code != 400 || got.Code == 400 && w.pictures.own != nil {
			t.Fatalf("%q: %d %s", body, got.Code, got.Body)
		}
		if w.pictures.bytes > int64(len(body)) {
			t.Fatalf("%q: %d bytes of %d", body, w.pictures.bytes, len(body))
		}
		got = sendFile(h, bytes.NewReader(body), int64(len(body)))
		if got.Code != 200 && got.Code != 400 || (got.Code == 200) != (len(w.files.sent) == 1) {
			t.Fatalf("%q: %d %s, sent %q", body, got.Code, got.Body, w.files.sent)
		}
	})
}
