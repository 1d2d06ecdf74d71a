package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/web"
)

func get(t *testing.T, about web.About, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h := web.Handler(func() web.About { return about })
	h.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
	return w
}

func TestPageSaysSandboxWithoutAToken(t *testing.T) {
	page := get(t, web.About{Version: "1.2.3", Network: "sandbox"}, "GET", "/ui/").Body.String()
	if !strings.Contains(page, `class="banner"`) || !strings.Contains(page, "1.2.3") {
		t.Error("the sandbox's page has no banner, or no version")
	}
	page = get(t, web.About{Version: "1.2.3", Network: "whatsapp"}, "GET", "/ui").Body.String()
	if strings.Contains(page, `class="banner"`) {
		t.Error("the real network's page has the sandbox's banner")
	}
}

func TestEveryFileIsServedUnderAStrictPolicy(t *testing.T) {
	kinds := map[string]string{
		"/ui/":          "text/html; charset=utf-8",
		"/ui/style.css": "text/css; charset=utf-8",
		"/ui/app.js":    "text/javascript; charset=utf-8",
		"/ui/info":      "application/json; charset=utf-8",
	}
	for path, kind := range kinds {
		w := get(t, web.About{}, "GET", path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || w.Body.Len() == 0 {
			t.Errorf("%s: %d %s, %d bytes", path, w.Code, w.Header().Get("Content-Type"), w.Body.Len())
		}
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
}

// The policy forbids them; the page must not count on them.
func TestNothingIsInlineOrFromElsewhere(t *testing.T) {
	about := web.About{Version: "v", Network: "sandbox"}
	var all strings.Builder
	for _, path := range []string{"/ui/", "/ui/style.css", "/ui/app.js"} {
		all.WriteString(get(t, about, "GET", path).Body.String())
	}
	for _, re := range []string{`(?i)https?://`, `<style`, `<script>`, `\sstyle=`, `\son[a-z]+=`, `innerHTML`, `url\(`, `@import`} {
		if m := regexp.MustCompile(re).FindString(all.String()); m != "" {
			t.Errorf("found %q", m)
		}
	}
}

func TestPageEscapesWhatItIsTold(t *testing.T) {
	page := get(t, web.About{Version: "<script>alert(1)</script>"}, "GET", "/ui/").Body.String()
	if strings.Contains(page, "<script>alert") {
		t.Error("the version became markup")
	}
}

func TestInfoIsOpen(t *testing.T) {
	var about web.About
	w := get(t, web.About{Version: "1.2.3", Network: "sandbox"}, "GET", "/ui/info")
	if err := json.Unmarshal(w.Body.Bytes(), &about); err != nil || about.Network != "sandbox" || about.Version != "1.2.3" {
		t.Errorf("%s: %v", w.Body, err)
	}
}

func TestOtherPathsAndMethods(t *testing.T) {
	if w := get(t, web.About{}, "GET", "/ui/../page.html"); w.Code != http.StatusNotFound {
		t.Errorf("unknown path: %d", w.Code)
	}
	if w := get(t, web.About{}, "POST", "/ui/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", w.Code)
	}
}
