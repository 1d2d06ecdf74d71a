package greenapi_test

import (
	"strings"
	"testing"
)

// A form that ends without its last boundary was cut off: what followed the file may
// have been its caption. Nothing is sent.
func TestFormWithoutAnEnd(t *testing.T) {
	chat, paper := field("chatId", "79876543210@c.us"), file("a.pdf", "application/pdf", "%PDF-1.7")
	for name, body := range map[string]string{
		"behind the file":  chat + paper,
		"in the boundary":  chat + strings.TrimSuffix(paper, "\r\n") + "\r\n--B",
		"behind it":        chat + paper + "--B\r\n",
		"in a head":        chat + paper + "--B\r\nContent-Disp",
		"before a caption": chat + paper + "--B\r\nContent-Disposition: form-data; name=\"caption\"\r\n\r\n",
		"in a caption":     chat + paper + "--B\r\nContent-Disposition: form-data; name=\"caption\"\r\n\r\nsee",
		"in the last":      chat + paper + "--B-",
		"another boundary": strings.ReplaceAll(chat+paper+"--B--\r\n", "--B", "--C"),
		"nested":           "--B\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n" + strings.ReplaceAll(chat+paper, "--B", "--C") + "--C--\r\n\r\n--B--\r\n",
	} {
		w := paired(t)
		got := sendFile(w.handler(), strings.NewReader(body), int64(len(body)))
		if got.Code != 400 || len(w.files.sent) != 0 {
			t.Errorf("%s: %d %s, sent %q", name, got.Code, got.Body, w.files.sent)
		}
	}
	for _, behind := range []string{"", "\r\n", "\r\nan epilogue", strings.Repeat("\r\nan epilogue", 10_000)} {
		w := paired(t)
		body := chat + paper + "--B--" + behind
		if got := sendFile(w.handler(), strings.NewReader(body), -1); got.Code != 200 || len(w.files.sent) != 1 {
			t.Errorf("with %d bytes behind it: %d %s", len(behind), got.Code, got.Body)
		}
	}
}
