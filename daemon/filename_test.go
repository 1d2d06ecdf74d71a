package daemon

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/instance"
)

func TestMediaType(t *testing.T) {
	jpeg, png, pdf, zip := "\xff\xd8\xff\xe0", "\x89PNG\x0d\x0a\x1a\x0a", "%PDF-1.7", "PK\x03\x04"
	for _, c := range []struct{ given, name, head, want string }{
		{"", "a.jpg", jpeg, "image/jpeg"},
		{"", "a.pdf", jpeg, "image/jpeg"},
		{"image/png", "a.png", jpeg, "image/jpeg"},
		{"image/jpg", "a.jpg", jpeg, "image/jpeg"},
		{"image/jpeg", "a.jpg", png, "image/png"},
		{"image/jpeg", "a.jpg", pdf, "application/pdf"},
		{"image/jpeg", "a.jpg", "", "text/plain"},
		{"image/jpeg", "a.docx", zip, known[".docx"]},
		{"application/octet-stream", "a.jpg", jpeg, "image/jpeg"},
		{"Application/Octet-Stream; x=y", "", pdf, "application/pdf"},
		{"image/*", "", png, "image/png"},
		{"application/pdf", "a.jpg", jpeg, "application/pdf"}, // as a document, if that is wanted
		{"application/x-own; a=b", "", "x", "application/x-own; a=b"},
		{"image/webp", "a.webp", "RIFFxxxxWEBPVP8", "image/webp"},
		{"", "a.DOCX", zip, known[".docx"]},
		{"", "a.zip", zip, "application/zip"},
		{"", "a.csv", "a,b", "text/csv"},
		{"", "a.csv", pdf, "application/pdf"},
		{"", "a.txt", "hello", "text/plain"},
		{"", "a", "\x00\x01", "application/octet-stream"},
	} {
		if got := mediaType(c.given, c.name, []byte(c.head)); got != c.want {
			t.Errorf("%q called %q and %q is %s, want %s", c.head, c.name, c.given, got, c.want)
		}
	}
}

func TestFileName(t *testing.T) {
	long := strings.Repeat("ж", 200)
	for _, c := range []struct{ name, media, want string }{
		{"a.pdf", "", "a.pdf"},
		{"/etc/räkning 1.pdf", "", "räkning 1.pdf"},
		{`C:\letters\a.pdf`, "", "a.pdf"},
		{"", "application/pdf", "file.pdf"},
		{"..", "x/y", "file.bin"},
		{"a/", "image/jpeg", "file.jpg"},
		{" a\n\x00.pdf\u202e ", "", "a.pdf"},
		{"\xffa", "", "a"},
		{long + ".pdf", "", strings.Repeat("ж", 125) + ".pdf"},
		{"a." + long, "", "a." + strings.Repeat("ж", 126)},
		{".htaccess", "", ".htaccess"},
	} {
		if got := fileName(c.name, c.media); got != c.want {
			t.Errorf("%q is %q, want %q", c.name, got, c.want)
		}
	}
}

// TestFileTurns: one instance has its share, all together have theirs, and what was
// given back is there again, once.
func TestFileTurns(t *testing.T) {
	var turns fileTurns
	var given []func()
	for i := range filesAll / filesEach {
		m := &member{}
		for range filesEach {
			done, ok := turns.take(m)
			if !ok {
				t.Fatalf("none for instance %d", i)
			}
			given = append(given, done)
		}
		if _, ok := turns.take(m); ok {
			t.Fatal("more than its share")
		}
	}
	if _, ok := turns.take(&member{}); ok {
		t.Fatal("more than there are")
	}
	for _, done := range given {
		done()
	}
	if n := turns.all.Load(); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// FuzzFileName: whatever a file is called, an instance takes its name, and its type.
func FuzzFileName(f *testing.F) {
	f.Add("a.pdf", "application/pdf", []byte("%PDF-"))
	f.Add("../\xff\u202e.jpg", "image/*", []byte{0xff, 0xd8, 0xff})
	f.Add(strings.Repeat("ж", 300)+"."+strings.Repeat("x", 30), "", []byte("x"))
	f.Fuzz(func(t *testing.T, name, given string, head []byte) {
		got := fileName(name, given)
		if got == "" || len(got) > maxFileName || !utf8.ValidString(got) || strings.ContainsAny(got, `/\`) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q is %q", name, got)
		}
		if vague(given) {
			file := instance.File{To: "5511999990000", Name: got, MIME: mediaType(given, name, head)}
			if err := file.Check(); err != nil {
				t.Errorf("%q, %q: %v", name, given, err)
			}
		}
	})
}
