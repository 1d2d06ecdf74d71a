package witi

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParameter(t *testing.T) {
	for query, want := range map[string]string{
		"wid=a":             "a",
		"WID=a":             "a",
		"x=1&Wid=a&y":       "a",
		"wid=a&WID=b":       "a",
		"w%69d=a%2Db":       "a-b",
		"wid=%zz&wid=b":     "b",
		"":                  "",
		"wid":               "",
		"widow=a":           "",
		"x=wid=a":           "",
		"wid=a+b":           "a b",
		"user;wid=a&wid=b":  "b",
		"wid=http://a?b&c=": "http://a?b",
	} {
		if got := parameter(query, "wid"); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}

// A parameter that net/url finds is found, and nothing else than a value that
// stands there.
func FuzzParameter(f *testing.F) {
	for _, path := range requests(f) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		_, query, _ := strings.Cut(first, "?")
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got := parameter(query, "wid")
		values, err := url.ParseQuery(query)
		if err != nil {
			return // net/url refuses more than we do
		}
		var all []string
		for k, v := range values {
			if strings.EqualFold(k, "wid") {
				all = append(all, v...)
			}
		}
		found := len(all) == 0 && got == ""
		for _, v := range all {
			found = found || v == got
		}
		if !found {
			t.Errorf("%q: %q, net/url has %q", query, got, all)
		}
	})
}

// What is refused changes nothing: an error leaves no half of a patch.
func FuzzBodies(f *testing.F) {
	for _, path := range requests(f) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if _, body, ok := strings.Cut(string(text), "\n\n"); ok {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if patch, err := parseConfig(body); err != nil {
			if patch.Webhook != nil || patch.UserAgent != nil || patch.CanBulk != nil || patch.APIVersion != nil {
				t.Errorf("%q: refused (%v) and yet %+v", body, err, patch)
			}
			if _, known := message(err); !known {
				t.Errorf("%q: %v is no error for the caller", body, err)
			}
		}
		if ua, err := parseGenerate(body); err != nil && ua != nil {
			t.Errorf("%q: refused (%v) and yet %q", body, err, *ua)
		}
	})
}

func requests(f *testing.F) []string {
	paths, err := filepath.Glob("testdata/commands/*/*.req")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no requests: %v", err)
	}
	return paths
}
