package api

import (
	"strings"
	"testing"
)

func FuzzCleanPath(f *testing.F) {
	for _, p := range []string{"/", "//", "//waInstance1/qr/t", "/a//b///c/", "/a%2F%2Fb", "/./../x", "", "*"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := cleanPath(path)
		if strings.Contains(got, "//") {
			t.Errorf("%q: %q still has a run", path, got)
		}
		if strings.ReplaceAll(got, "/", "") != strings.ReplaceAll(path, "/", "") {
			t.Errorf("%q: %q lost something else", path, got)
		}
		if cleanPath(got) != got {
			t.Errorf("%q: cleaning twice differs", path)
		}
	})
}

func TestSegments(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v1/instances":            "instances",
		"/api/v1/instances/a%20b/qr":   "instances|a b|qr",
		"/api/v1/instances/a%2Fb":      "instances|a/b",
		"/api/v1/instances/%zz":        "",
		"/api/v1/instances/":           "",
		"/api/v1/":                     "",
		"/api/v2/instances":            "",
		"/api/v1/instances/acme/../qr": "instances|acme|..|qr",
	} {
		segs, ok := segments(path, adminPrefix)
		if got := strings.Join(segs, "|"); got != want && ok || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", path, got, ok, want)
		}
	}
}
