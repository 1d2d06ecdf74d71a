// Package dialecttest holds a dialect to recorded exchanges. Under testdata
// each folder is a situation that the test makes by its name, and each file
// <case>.req in it a request; the answer must be, byte for byte, what stands in
// <case>.golden beside it. With -update the golden files are written instead;
// the reviewer reads the difference.
//
// A request file is HTTP in plain text: a line with method and target, header
// lines, an empty line, the body. The final newline is not part of the body.
package dialecttest

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// Run plays every request below dir, each on a handler of its own. situations
// makes them; a folder without a situation, and a situation without a folder,
// fail the test.
func Run(t *testing.T, dir string, situations map[string]func(t *testing.T) http.Handler) {
	t.Helper()
	folders, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) != len(situations) {
		t.Errorf("%d folders in %s, %d situations", len(folders), dir, len(situations))
	}
	for _, folder := range folders {
		situation, ok := situations[folder.Name()]
		if !ok {
			t.Errorf("no situation for %s", folder.Name())
			continue
		}
		requests, err := filepath.Glob(filepath.Join(dir, folder.Name(), "*.req"))
		if err != nil || len(requests) == 0 {
			t.Fatalf("no requests in %s: %v", folder.Name(), err)
		}
		sort.Strings(requests)
		for _, path := range requests {
			name := strings.TrimSuffix(filepath.Base(path), ".req")
			t.Run(folder.Name()+"/"+name, func(t *testing.T) {
				w := httptest.NewRecorder()
				situation(t).ServeHTTP(w, Request(t, path))
				Golden(t, strings.TrimSuffix(path, ".req")+".golden", answer(w))
			})
		}
	}
}

// Request reads one request file.
func Request(t *testing.T, path string) *http.Request {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := bytes.Cut(text, []byte("\n\n"))
	first, headers, _ := strings.Cut(strings.TrimSuffix(string(head), "\n"), "\n")
	method, target, ok := strings.Cut(first, " ")
	if !ok {
		t.Fatalf("%s: first line %q", path, first)
	}
	r := httptest.NewRequest(method, target, bytes.NewReader(bytes.TrimSuffix(body, []byte("\n"))))
	for line := range strings.Lines(headers) {
		k, v, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("%s: header line %q", path, line)
		}
		if strings.EqualFold(k, "Host") {
			r.Host = v
			continue
		}
		r.Header.Add(k, v)
	}
	return r
}

// answer is what is compared: status, the headers that clients act upon, body.
func answer(w *httptest.ResponseRecorder) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n", w.Code)
	for _, k := range []string{"Content-Type", "Location", "Allow"} {
		if v := w.Header().Get(k); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", k, v)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", w.Body)
	return b.Bytes()
}

// Golden compares got with the file, or writes the file with -update.
func Golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run with -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs\n got: %s\nwant: %s", path, got, want)
	}
}
