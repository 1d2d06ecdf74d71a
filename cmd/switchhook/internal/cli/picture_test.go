package cli_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/instance"
)

func TestPicture(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	photo, text := write("photo.jpg", "\xff\xd8\xff photo"), write("text.jpg", "text")
	large := write("large.jpg", "")
	if err := os.Truncate(large, 10<<20+1); err != nil {
		t.Fatal(err)
	}
	r.play(t, []line{{"instance picture shop " + photo, 1, "", "shop: not connected"}})
	r.pair(t)
	r.play(t, []line{
		{"instance picture shop", 1, "", "shop: there is no picture: switchhook instance picture NAME FILE sets one"},
		{"instance picture shop " + photo, 0, "/media/TOKEN", ""},
		{"instance picture shop " + photo, 0, "9 B, is set ", ""},
		{"instance picture shop", 0, "/thumb", ""},
		{"instance picture shop --json", 0, `"thumb_url": "http`, ""},
		{"instance picture shop " + text, 1, "", "shop: image: is not a JPEG file"},
		{"instance picture shop " + large, 1, "", "a picture may have 10 MiB"},
		{"instance picture shop " + dir, 1, "", "is a directory"},
		{"instance picture shop " + filepath.Join(dir, "none.jpg"), 1, "", "none.jpg: no such file"},
		{"instance picture", 2, "", "NAME is missing"},
		{"instance picture shop a b", 2, "", "one argument too many"},
		{"instance picture nobody " + photo, 1, "", "no such instance"},
		{"instance contact shop +55 11 99999-0000", 2, "", "too many"},
		{"instance contact shop +5511999990000", 0, "…0000", ""},
		{"instance contact shop 5511999990000 --json", 0, `"picture_url": "https://pps.example/`, ""},
		{"instance contact shop " + apitest.Nobody, 0, "no", ""},
		{"instance contact shop x", 1, "", "jid: "},
	})
	r.play(t, []line{{"events shop", 0, "picture.updated 17952920", ""}, {"events shop", 0, ", 9 B\n", ""}})
	r.stdin = "\xff\xd8\xff from a pipe"
	r.play(t, []line{{"instance picture shop -", 0, "15 B", ""}})
	r.Fail(&instance.PictureError{Err: errors.New("no answer in time")})
	r.play(t, []line{{"instance picture shop " + photo, 1, "", "it may have been set; set it again"}})
}
