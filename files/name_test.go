package files_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/files"
)

func TestClean(t *testing.T) {
	for _, name := range []string{"3EB0C767D097B7C7.jpg", "a", "A-b_c.tar.gz", "com10.txt", strings.Repeat("x", 120)} {
		if got := files.Clean(name); got != name {
			t.Errorf("%q became %q", name, got)
		}
	}
	for name, part := range map[string]string{
		"../../etc/passwd": "etcpasswd-", "a/b.jpg": ".jpg", ".hidden": "file-", "-rf": "rf", "": "file-", "..": "file-",
		"CON": "CON", "nul.txt": ".txt", "com1.jpg": ".jpg", "LPT9": "LPT9", "a.": "a",
		"Präsentation 1.pdf": "Prsentation1", "x.<script>": ".script", "\x00\n.jpg": ".jpg",
		strings.Repeat("x", 300) + ".jpg": ".jpg", "x." + strings.Repeat("y", 300): ".yyyyyyyyyyyy",
	} {
		got := files.Clean(name)
		if got == name || !strings.Contains(got, part) {
			t.Errorf("%q became %q, want %q in it", name, got, part)
		}
	}
	if files.Clean("a/b") == files.Clean("a\\b") {
		t.Error("two names became one")
	}
}

func FuzzClean(f *testing.F) {
	for _, name := range []string{"3EB0.jpg", "../x", "CON", "", ".", "ä.jpg", "a/b", strings.Repeat("long", 100)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := files.Clean(name)
		switch {
		case got == "" || len(got) > 120 || got[0] == '.' || got[0] == '-':
			t.Errorf("%q became %q", name, got)
		case filepath.Base(got) != got || !filepath.IsLocal(got) || strings.ContainsAny(got, "/\\:\x00"):
			t.Errorf("%q became %q", name, got)
		case files.Clean(got) != got:
			t.Errorf("%q became %q and then %q", name, got, files.Clean(got))
		}
	})
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 5 << 20: "5 MiB", 1 << 40: "1024 GiB"} {
		if got := files.Bytes(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
