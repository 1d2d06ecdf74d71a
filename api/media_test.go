package api_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
)

const jpegFile = "\xff\xd8\xff\xe0 a picture"

// setPicture sets a picture and answers it as the admin API shows it.
func setPicture(t *testing.T, h http.Handler, headers ...string) api.OwnPicture {
	t.Helper()
	w := do(h, "POST", "/api/v1/instances/acme/picture", jpegFile, headers...)
	var p api.OwnPicture
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return p
}

func TestPictureIsServed(t *testing.T) {
	_, h := linked(t)
	p := setPicture(t, h)
	get := func(method, target string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, http.NoBody) // without the token: it is for everybody
		for _, line := range headers {
			k, v, _ := strings.Cut(line, ": ")
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := get("GET", p.URL)
	if w.Code != 200 || w.Body.String() != jpegFile {
		t.Fatalf("%d %q", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
		"Cache-Control":           "public, max-age=86400, immutable", "Cross-Origin-Resource-Policy": "cross-origin",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	etag := w.Header().Get("ETag")
	token := p.URL[strings.LastIndexByte(p.URL, '/')+1:]
	if len(etag) < 10 || strings.Contains(etag, token) {
		t.Errorf("ETag %s", etag)
	}
	if w := get("HEAD", p.URL); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "14" || w.Header().Get("ETag") != etag {
		t.Errorf("HEAD: %d %q %v", w.Code, w.Body, w.Header())
	}
	if w := get("GET", p.URL, "If-None-Match: "+etag); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("known already: %d %q", w.Code, w.Body)
	}
	for _, small := range []string{p.ThumbURL, p.URL + "/thumb", p.URL + "?thumb=1", strings.Replace(p.URL, "/media/", "//media//", 1) + "/thumb"} {
		if w := get("GET", small); w.Code != 200 || w.Body.String() != "\xff\xd8\xff" || w.Header().Get("ETag") == etag {
			t.Errorf("%s: %d %q", small, w.Code, w.Body)
		}
	}
	for _, none := range []string{"/media/", "/media/x", "/media/" + strings.ToLower(token), "/media/" + token + "x", "/media/" + token + "/large", "/media/" + token + "/", "/media/" + token + "/thumb/x", "/media/%2e%2e", "/media/%zz"} {
		r := httptest.NewRequest("GET", "/", http.NoBody)
		r.URL.Path, r.URL.RawPath, r.URL.Opaque = none, "", ""
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 404 || strings.Contains(w.Body.String(), "switchhook") {
			t.Errorf("%s: %d %s", none, w.Code, w.Body)
		}
	}
	if w := get("POST", p.URL); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", w.Code)
	}

	if w := do(h, "POST", "/api/v1/instances/acme/clear", ""); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if w := get("GET", p.URL); w.Code != 404 {
		t.Errorf("cleared, and served with %d", w.Code)
	}
}

// TestPictureAddress: where a picture is served depends on how others come here.
func TestPictureAddress(t *testing.T) {
	for name, c := range map[string]struct {
		public, host string
		tls          bool
		want         string
	}{
		"public_url":             {"https://hook.example/switch", "127.0.0.1:8080", false, "https://hook.example/switch/media/TOKEN"},
		"the host that was used": {"", "shop.local:8080", false, "http://shop.local:8080/media/TOKEN"},
		"over TLS":               {"", "shop.local", true, "https://shop.local/media/TOKEN"},
		"no host":                {"", "", false, "http://127.0.0.1:8080/media/TOKEN"},
	} {
		f, h := rooms(t, func(cfg *api.Config) { cfg.PublicURL, cfg.LocalURL = c.public, "http://127.0.0.1:8080" })
		if _, err := f.Generate(t.Context(), "i1", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Scan(t.Context(), "i1", ""); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/api/v1/instances/acme/picture", strings.NewReader(jpegFile))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Host = c.host
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var p api.OwnPicture
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || !strings.HasPrefix(p.URL, c.want) || p.ThumbURL != p.URL+"/thumb" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// endlessBody is a body that never ends.
type endlessBody struct{ read int64 }

func (e *endlessBody) Read(b []byte) (int, error) {
	copy(b, "\xff\xd8\xff")
	e.read += int64(len(b))
	return len(b), nil
}

func TestAdminPicture(t *testing.T) {
	f, h := linked(t)
	const path = "/api/v1/instances/acme/picture"
	if w := do(h, "GET", path, ""); w.Code != 404 || !strings.Contains(w.Body.String(), `"code":"no_picture"`) {
		t.Errorf("before there is one: %d %s", w.Code, w.Body)
	}
	set := setPicture(t, h)
	var shown api.OwnPicture
	if w := do(h, "GET", path, ""); json.Unmarshal(w.Body.Bytes(), &shown) != nil || shown != set || shown.Bytes != int64(len(jpegFile)) || shown.ID == "" {
		t.Errorf("%d %s, set was %+v", w.Code, w.Body, set)
	}
	for name, c := range map[string]struct {
		body   io.Reader
		status int
		holds  string
	}{
		"PNG":               {strings.NewReader("\x89PNG"), 400, `"field":"image"`},
		"nothing":           {strings.NewReader(""), 400, `"field":"image"`},
		"10 MiB and a byte": {strings.NewReader("\xff\xd8\xff" + strings.Repeat("x", 10<<20-2)), 400, "larger than 10 MiB"},
		"endless":           {&endlessBody{}, 400, "larger than 10 MiB"},
		"broken off":        {io.MultiReader(strings.NewReader("\xff\xd8\xff"), broken{}), 400, "did not arrive whole"},
		"10 MiB":            {strings.NewReader("\xff\xd8\xff" + strings.Repeat("x", 10<<20-3)), 201, `"url"`},
		"another":           {strings.NewReader(jpegFile), 201, `"url"`},
	} {
		r := httptest.NewRequest("POST", path, c.body)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.holds) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if e, ok := c.body.(*endlessBody); ok && e.read > 12<<20 {
			t.Errorf("%d bytes of an endless body were read", e.read)
		}
	}
	// Another path's body stays small.
	if w := do(h, "POST", "/api/v1/instances/acme/messages", `{"text":"`+strings.Repeat("x", 2<<20)); w.Code != 413 {
		t.Errorf("a large text: %d", w.Code)
	}
	for err, want := range map[error]string{
		errors.Join(errors.New("429"), instance.ErrPictureRefused):                `"code":"picture_refused"`,
		&instance.PictureError{Err: errors.New("no answer in time")}:              `"code":"picture_failed"`,
		errors.Join(instance.ErrFull):                                             `"code":"full"`,
		errors.Join(instance.ErrBusy):                                             `"code":"busy"`,
		instance.ErrNotConnected:                                                  `"code":"not_connected"`,
		&instance.LookUpError{Err: errors.New("the connection was lost somehow")}: `"code":"lookup_failed"`,
	} {
		f.Fail(err)
		if w := do(h, "POST", path, jpegFile); w.Code < 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
	f.Fail(nil)
	for _, method := range []string{"GET", "POST"} {
		if w := do(h, method, path, jpegFile, "Authorization: Bearer wrong"); w.Code != 401 {
			t.Errorf("%s without the token: %d", method, w.Code)
		}
	}
	f.Fail(errors.New("a detail"))
	if w := do(h, "GET", "/media/x", ""); w.Code != 500 || strings.Contains(w.Body.String(), "a detail") {
		t.Errorf("inside: %d %s", w.Code, w.Body)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAdminContact(t *testing.T) {
	_, h := linked(t)
	for body, want := range map[string]string{
		`{"jid":"5511999990000"}`:                `{"jid":"5511999990000@s.whatsapp.net","exists":true,"picture_url":"https://pps.example/`,
		`{"jid":"15550009999"}`:                  `"exists":false,"picture_url":""}`,
		`{"jid":"5511999990000@s.whatsapp.net"}`: `"exists":true`,
		`{}`:                                     `"field":"jid"`,
		`{"who":"x"}`:                            `"code":"bad_json"`,
	} {
		if w := do(h, "POST", "/api/v1/instances/acme/contact", body); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}
