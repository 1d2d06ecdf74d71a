package greenapi

import (
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for path, want := range map[string]target{
		"/waInstance1101000001/getSettings/abc":     {1101000001, "getsettings", "abc", nil},
		"/WAINSTANCE7/QR/abc/":                      {7, "qr", "abc", nil},
		"/waInstance7/deleteNotification/abc/12":    {7, "deletenotification", "abc", []string{"12"}},
		"/waInstance7/qr/a%2Fb":                     {7, "qr", "a/b", nil},
		"/waInstance7/qr/%zz":                       {7, "qr", "", nil},
		"/waInstance9999999999/qr/a":                {9999999999, "qr", "a", nil},
		"/waInstance99999999999/qr/a":               {0, "qr", "a", nil},
		"/waInstance-7/qr/a":                        {0, "qr", "a", nil},
		"/waInstance+7/qr/a":                        {0, "qr", "a", nil},
		"/waInstance/qr/a":                          {0, "qr", "a", nil},
		"/waInstance":                               {},
		"/waInstance7":                              {id: 7},
		"/waInstance7/qr":                           {id: 7, method: "qr"},
		"/wa":                                       {},
		"/waInstance7/qr/a/b/c":                     {7, "qr", "a", []string{"b", "c"}},
		"/waInstance%37/qr/a":                       {7, "qr", "a", nil},
		"/waInstance٧/qr/a":                         {0, "qr", "a", nil},
		"/waInstance0007/qr/" + url.PathEscape("ü"): {7, "qr", "ü", nil},
	} {
		got := parsePath(path)
		if len(got.rest) == 0 {
			got.rest = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
}

func TestMaxBody(t *testing.T) {
	for path, want := range map[string]int64{
		"/waInstance7/SETPROFILEPICTURE/a": maxPicture + maxAround,
		"/waInstance7/sendFileByUpload/a":  maxFile + maxAround,
		"/waInstance7/setSettings/a":       maxBody,
		"/waInstance7/nothing/a":           maxBody,
		"/waInstance":                      maxBody,
	} {
		if got := MaxBody(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

// FuzzPath: whatever a path is, an id is one that an instance can have, and what was
// read leads to the same again.
func FuzzPath(f *testing.F) {
	paths, err := filepath.Glob("testdata/methods/*/*.req")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no requests: %v", err)
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		_, path, _ := strings.Cut(first, " ")
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := parsePath(path)
		if got.id < 0 || got.id > 9_999_999_999 || got.method != strings.ToLower(got.method) || MaxBody(path) < maxBody {
			t.Fatalf("%q: %+v", path, got)
		}
		if !Owns(path) && !reflect.DeepEqual(got, target{}) {
			t.Fatalf("%q is not ours and yet %+v", path, got)
		}
		if got.id == 0 || got.method == "" || got.token == "" || strings.Contains(strings.Join(got.rest, ""), "/") {
			return
		}
		again := "/waInstance" + itoa(got.id) + "/" + url.PathEscape(got.method) + "/" + url.PathEscape(got.token)
		for _, s := range got.rest {
			again += "/" + url.PathEscape(s)
		}
		if len(got.rest) > 0 && got.rest[len(got.rest)-1] == "" {
			again += "/" // what the last slash says nothing about
		}
		if same := parsePath(again); same.id != got.id || same.method != strings.ToLower(got.method) || same.token != got.token || len(same.rest) != len(got.rest) {
			t.Fatalf("%q: %+v, and %q: %+v", path, got, again, same)
		}
	})
}
