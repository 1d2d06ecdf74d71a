package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// linked is a daemon whose instance acme is connected.
func linked(t *testing.T) (*apitest.Fake, *api.API) {
	t.Helper()
	f, h := rooms(t)
	if _, err := f.Generate(t.Context(), "i1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Scan(t.Context(), "i1", ""); err != nil {
		t.Fatal(err)
	}
	return f, h
}

// picture is a message with a file; what stands in Ref is its content.
func picture(mime, content string) record.Message {
	return record.Message{
		ID: "3EB0", Chat: "5511@s.whatsapp.net", From: "5511@s.whatsapp.net", SentAt: time.Unix(1, 0), Type: "image",
		Media: &record.Media{MIME: mime, Bytes: int64(len(content)), FileName: `../../"x".html`, Ref: []byte(content)},
	}
}

func TestMessages(t *testing.T) {
	f, h := linked(t)
	seq := f.Receive("acme", record.MessageMedia, picture("image/jpeg", "a picture"))
	text := f.Receive("acme", record.MessageText, record.Message{ID: "3EB1", Text: "hello"})
	media := fmt.Sprintf("instances/acme/media/%d", seq)
	for _, s := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"POST", "instances/acme/messages", `{"to":"5511999990000","text":"<b>hi</b>"}`, 201, `"to":"5511999990000@s.whatsapp.net","from_me":true`},
		{"POST", "instances/acme/messages", `{"to":"5511999990000","text":"hi","id":"MINE"}`, 201, `{"id":"MINE"`},
		{"POST", "instances/acme/messages", `{"text":"hi"}`, 400, `"field":"to"`},
		{"POST", "instances/acme/messages", `{"to":"5511999990000"}`, 400, `"field":"text"`},
		{"POST", "instances/acme/messages", `{"to":"5511999990000","body":"hi"}`, 400, `"code":"bad_json"`},
		{"POST", "instances/acme/messages", `{"text":"` + strings.Repeat("x", 1<<20) + `"}`, 413, `"code":"too_large"`},
		{"GET", "instances/acme/messages", "", 405, "use POST"},
		{"GET", media, "", 404, `"code":"not_stored"`},
		{"POST", media, "", 200, `"folder":"media"`},
		{"POST", fmt.Sprintf("instances/acme/media/%d", text), "", 400, `"field":"seq"`},
		{"GET", "instances/acme/media/999", "", 400, `"field":"seq"`},
		{"GET", "instances/acme/media/-1", "", 404, `"code":"no_route"`},
		{"GET", "instances/acme/media/1x", "", 404, `"code":"no_route"`},
		{"DELETE", media, "", 405, "use POST or GET"},
		{"POST", "instances/acme/pairing-code", `{"phone":"5511999990000"}`, 409, `"code":"established"`},
		{"POST", "instances/acme/close", "", 200, `"code":0`},
		{"POST", "instances/acme/messages", `{"to":"5511999990000","text":"hi"}`, 409, `"code":"not_connected"`},
		{"POST", "instances/acme/clear", "", 200, ``},
		{"GET", media, "", 404, `"code":"not_stored"`},
		{"POST", media, "", 409, `"code":"not_connected"`},
	} {
		w := do(h, s.method, "/api/v1/"+s.path, s.body)
		if w.Code != s.status || !strings.Contains(w.Body.String(), s.holds) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s %.80s: %d %s", s.method, s.path, s.body, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "a picture") {
			t.Errorf("%s %s: the key of the media is shown: %s", s.method, s.path, w.Body)
		}
	}
	for _, path := range []string{"messages", "media/1", "pairing-code"} {
		if w := do(h, "POST", "/api/v1/instances/acme/"+path, `{}`, "Authorization: Bearer wrong"); w.Code != 401 {
			t.Errorf("%s without a token: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestDownload: a browser that is led to a stranger's file can only save it.
func TestDownload(t *testing.T) {
	for sent, shown := range map[string]string{
		"image/jpeg": "image/jpeg", "audio/ogg; codecs=opus": "audio/ogg", "Application/PDF": "application/pdf",
		"image/svg+xml": "application/octet-stream", "text/html": "application/octet-stream",
		"application/javascript": "application/octet-stream", "": "application/octet-stream", "x\r\nY: z": "application/octet-stream",
	} {
		f, h := linked(t)
		path := fmt.Sprintf("/api/v1/instances/acme/media/%d", f.Receive("acme", record.MessageMedia, picture(sent, "<script>alert(1)</script>")))
		if w := do(h, "POST", path, ""); w.Code != 200 {
			t.Fatalf("%s: %d %s", sent, w.Code, w.Body)
		}
		w := do(h, "GET", path, "")
		if w.Code != 200 || w.Body.String() != "<script>alert(1)</script>" {
			t.Errorf("%s: %d %s", sent, w.Code, w.Body)
		}
		for name, want := range map[string]string{
			"Content-Type": shown, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := w.Header().Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q, want %q", sent, name, got, want)
			}
		}
		if got := w.Header().Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; filename=3EB0-") || strings.Contains(got, "html") {
			t.Errorf("%s: Content-Disposition is %q", sent, got)
		}
		if w := do(h, "GET", path, "", "Range: bytes=1-6"); w.Code != http.StatusPartialContent || w.Body.String() != "script" {
			t.Errorf("%s: a part: %d %s", sent, w.Code, w.Body)
		}
		if w := do(h, "GET", path, "", "Authorization: Bearer wrong"); w.Code != 401 || strings.Contains(w.Body.String(), "script") {
			t.Errorf("%s: without a token: %d %s", sent, w.Code, w.Body)
		}
	}
}

func TestPairingCode(t *testing.T) {
	f, h := rooms(t)
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Now = func() time.Time { return noon }
	ask := func(body string) (code api.PairingCode, status int, text string) {
		t.Helper()
		w := do(h, "POST", "/api/v1/instances/acme/pairing-code", body)
		if err := json.Unmarshal(w.Body.Bytes(), &code); err != nil {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		return code, w.Code, w.Body.String()
	}
	for _, body := range []string{`{}`, `{"phone":"+55 11 99999-0000"}`, `{"phone":"1"}`} {
		if _, status, text := ask(body); status != 400 || !strings.Contains(text, `"field":"phone"`) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	code, status, text := ask(`{"phone":"5511999990000","user_agent":"Opera"}`)
	if status != 200 || len(code.Code) != 9 || code.Code[4] != '-' || !code.ExpiresAt.Equal(noon.Add(160*time.Second)) {
		t.Errorf("%d %s", status, text)
	}
	if again, _, _ := ask(`{"phone":"5511999990000"}`); again != code {
		t.Errorf("asked again: %+v, then %+v", code, again)
	}
	events := do(h, "GET", "/api/v1/instances/acme/events", "").Body.String()
	if !strings.Contains(events, "pairing_code.issued") || strings.Contains(events, code.Code) || strings.Contains(events, strings.ReplaceAll(code.Code, "-", "")) {
		t.Errorf("the log shows %s", events)
	}
	if w := do(h, "POST", "/api/v1/instances/acme/type", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"phone":"5511999990000"`) {
		t.Errorf("typed: %d %s", w.Code, w.Body)
	}
	if w := do(h, "POST", "/api/v1/instances/acme/type", ""); w.Code != 409 || !strings.Contains(w.Body.String(), "--phone") {
		t.Errorf("typed again: %d %s", w.Code, w.Body)
	}
}

func TestErrorsOfMessages(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		holds  string
	}{
		{fmt.Errorf("send /secret: %w", instance.ErrNotConnected), 409, `"code":"not_connected"`},
		{instance.ErrBusy, 429, `"code":"busy"`},
		{instance.ErrLoggingOut, 409, `"code":"logging_out"`},
		{instance.ErrRestarting, 503, `"code":"restarting"`},
		{instance.ErrGone, 410, `"code":"gone"`},
		{api.ErrNotStored, 404, `"code":"not_stored"`},
		{fmt.Errorf("%w (it needs 5 MiB: raise files.total)", instance.ErrFull), 507, `it needs 5 MiB: raise files.total)","code":"full"`},
		{&instance.SendError{Err: errors.New("timed out")}, 502, `"code":"send_failed"`},
		{&instance.SendError{Err: fmt.Errorf("%w: 479", instance.ErrTextRefused)}, 502, `"error":"WhatsApp refused the message: 479","code":"send_refused"`},
	} {
		f, h := linked(t)
		f.Fail(c.err)
		w := do(h, "POST", "/api/v1/instances/acme/messages", `{"to":"5511999990000","text":"hi"}`)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.holds) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}

func TestSandboxPlays(t *testing.T) {
	_, h := linked(t)
	for _, s := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"POST", "instances/acme/letters", `{"text":"hello","from":"15557654321"}`, 201, `"from":"15557654321","to":"15550001234"`},
		{"POST", "instances/acme/letters", `{"image":"/9j/4AAQ"}`, 201, `"from":"15550001234"`},
		{"POST", "instances/acme/letters", `{}`, 400, `"field":"text"`},
		{"POST", "instances/acme/letters", `{"react":"3EB0","call":true}`, 400, "give one of them"},
		{"POST", "instances/acme/letters", `{"edit":"3EB0"}`, 400, `"field":"text"`},
		{"POST", "sandbox/behave", `{"phone":"15557654321","receipts":"read"}`, 200, `"receipts":"read"`},
		{"POST", "instances/acme/letters", `{"image":"no base64!"}`, 400, `"code":"bad_json"`},
		{"GET", "instances/acme/events?after=6", "", 200, `"type":"message.text"`},
		{"POST", "instances/acme/messages", `{"to":"15557654321","text":"good morning"}`, 201, `"text":"good morning"`},
		{"GET", "sandbox/inbox?phone=15557654321", "", 200, `"text":"good morning","type":"text"`},
		{"GET", "sandbox/inbox?phone=15550000000", "", 200, `[]`},
		{"GET", "sandbox/inbox", "", 400, `"field":"phone"`},
		{"POST", "sandbox/fault", `{"kind":"drop","times":3,"later":true}`, 200, `{"kind":"drop","no_gap":false,"times":3,"later":true}`},
		{"POST", "sandbox/fault", `{}`, 400, `"field":"kind"`},
	} {
		w := do(h, s.method, "/api/v1/"+s.path, s.body)
		if w.Code != s.status || !strings.Contains(w.Body.String(), s.holds) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s %s: %d %s", s.method, s.path, s.body, w.Code, w.Body)
		}
	}
	_, h = rooms(t, func(c *api.Config) { c.Sandbox = nil })
	for _, path := range []string{"POST instances/acme/letters", "POST instances/acme/type", "POST sandbox/fault", "GET sandbox/inbox", "POST sandbox/behave"} {
		method, path, _ := strings.Cut(path, " ")
		if w := do(h, method, "/api/v1/"+path, `{}`); w.Code != 404 || !strings.Contains(w.Body.String(), "--sandbox") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
