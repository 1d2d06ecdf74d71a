package webhook

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// TestFetch: what can be had comes whole or cut, what cannot says why, without the
// address, and whether to try again.
func TestFetch(t *testing.T) {
	var s *Sender
	mux := http.NewServeMux()
	var seen http.Header
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		_, _ = io.WriteString(w, strings.Repeat("x", 1000))
	})
	for path, to := range map[string]string{
		"/once": "/file", "/loop": "/loop", "/inside": "http://10.0.0.1/secret", "/user": "http://a:b@127.0.0.1/", "/scheme": "ftp://example.org/",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
	}
	for path, status := range map[string]int{"/404": 404, "/403": 403, "/429": 429, "/408": 408, "/500": 500, "/204": 204} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	srv := serve(t, mux.ServeHTTP)
	s = local(t)
	for name, c := range map[string]struct {
		url   string
		bytes int
		says  string
		final bool
	}{
		"whole":             {srv.URL + "/file", 1000, "", false},
		"redirected":        {srv.URL + "/once", 1000, "", false},
		"gone":              {srv.URL + "/404?secret", 0, "fetch: status 404", true},
		"refused":           {srv.URL + "/403", 0, "fetch: status 403", true},
		"too often":         {srv.URL + "/429", 0, "fetch: status 429", false},
		"too slow":          {srv.URL + "/408", 0, "fetch: status 408", false},
		"broken":            {srv.URL + "/500", 0, "fetch: status 500", false},
		"empty":             {srv.URL + "/204", 0, "fetch: status 204", false},
		"in a circle":       {srv.URL + "/loop", 0, "fetch: more than 5 redirects", true},
		"to the inside":     {srv.URL + "/inside", 0, "private", true},
		"to a user":         {srv.URL + "/user", 0, "user name", true},
		"to another scheme": {srv.URL + "/scheme", 0, "fetch: ", true},
		"cut":               {srv.URL + "/cut", 0, "fetch: connection closed without an answer", false},
		"no address":        {"http://[", 0, "fetch: it is no address", true},
		"long":              {srv.URL + "/" + strings.Repeat("x", 5000), 0, "fetch: it is no address", true},
		"a user":            {"http://a:b@127.0.0.1/", 0, "fetch: the address holds a user name", true},
		"the metadata":      {"http://169.254.169.254/latest", 0, "link-local", true},
		"a short address":   {"http://127.1/", 0, "unusual spelling", true},
		"nobody":            {"http://127.0.0.1:1/secret", 0, "fetch: connection refused", false},
		"a file":            {"file:///etc/passwd", 0, "fetch: ", true},
	} {
		var got []byte
		err := s.Fetch(t.Context(), c.url, 1<<20, func(r io.Reader) (err error) {
			got, err = io.ReadAll(r)
			return err
		})
		if c.says == "" {
			if err != nil || len(got) != c.bytes {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
			continue
		}
		failed, ok := errors.AsType[*FetchError](err)
		if !ok || !strings.Contains(err.Error(), c.says) || failed.Final != c.final || strings.Contains(err.Error(), "secret") || got != nil {
			t.Errorf("%s: %v, final %t", name, err, ok && failed.Final)
		}
	}
	for _, header := range []string{"Authorization", "Cookie", "Referer"} {
		if v := seen.Get(header); v != "" {
			t.Errorf("%s: %q was shown", header, v)
		}
	}
	var cut bytes.Buffer
	if err := s.Fetch(t.Context(), srv.URL+"/file", 10, func(r io.Reader) error { _, err := cut.ReadFrom(r); return err }); err != nil || cut.Len() != 10 {
		t.Errorf("cut off behind %d bytes, %v", cut.Len(), err)
	}
	own := errors.New("no picture")
	if err := s.Fetch(t.Context(), srv.URL+"/file", 10, func(io.Reader) error { return own }); !errors.Is(err, own) {
		t.Errorf("the taker's own error: %v", err)
	}
}

// TestFetchCutOff: a file that ends too early may be whole the next time, whatever who
// takes it says of what has come.
func TestFetchCutOff(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	err := local(t).Fetch(t.Context(), srv.URL, 1<<20, func(r io.Reader) error {
		_, err := io.ReadAll(r)
		if err == nil {
			t.Error("it came whole")
		}
		return errors.New("no picture")
	})
	failed, ok := errors.AsType[*FetchError](err)
	if !ok || failed.Final || err.Error() != "fetch: the file broke off" || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("%v, final %t", err, ok && failed.Final)
	}
}

// TestFetchIsChecked: without leave nothing special is fetched from, whatever leads
// there, and TLS is verified and not left.
func TestFetchIsChecked(t *testing.T) {
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	secure := tlsServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL, http.StatusFound) })
	nothing := func(io.Reader) error { t.Error("something was fetched"); return nil }
	for name, c := range map[string]struct {
		cfg  Config
		url  string
		says string
	}{
		"loopback":          {Config{}, plain.URL, "loopback"},
		"denied":            {Config{AllowLoopback: true, Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, plain.URL, "webhook.deny_networks"},
		"unknown authority": {Config{AllowLoopback: true}, secure.URL, "unknown authority"},
		"out of TLS":        {Config{AllowLoopback: true, RootCAs: trusting(secure.Certificate())}, secure.URL, "from https to http"},
	} {
		err := senderFor(t, c.cfg).Fetch(t.Context(), c.url, 10, nothing)
		if _, ok := errors.AsType[*FetchError](err); !ok || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func trusting(c *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return pool
}
