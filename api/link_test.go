package api_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/html"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

const (
	liveToken = "live2345live2345live2345"
	goneToken = "gone2345gone2345gone2345"
	noToken   = "none2345none2345none2345"
)

// tenants is api.Tenants by a name that none of its methods has.
type tenants = api.Tenants

// links is the part of the port that links ask. Every token leads somewhere but
// goneToken and noToken.
type links struct {
	tenants
	message      string
	err          error // of every call
	finds, scans atomic.Int64
}

func (l *links) FindQRDL(_ context.Context, token string) (record.QRDL, error) {
	l.finds.Add(1)
	return l.answer(token)
}

func (l *links) ScanQRDL(_ context.Context, token string) (record.QRDL, error) {
	l.scans.Add(1)
	return l.answer(token)
}

func (l *links) answer(token string) (record.QRDL, error) {
	switch {
	case l.err != nil:
		return record.QRDL{}, l.err
	case token == goneToken:
		return record.QRDL{}, fmt.Errorf("find: %w", api.ErrQRDLGone)
	case token == noToken:
		return record.QRDL{}, fmt.Errorf("find: %w", cams.ErrNoQRDL)
	}
	return record.QRDL{Number: "5511999990000", Message: l.message, Image: "PNG", Token: token}, nil
}

// linkRooms is a daemon with a live link that says message.
func linkRooms(t testing.TB, message string, change ...func(*api.Config)) (*links, *api.API) {
	t.Helper()
	l := &links{message: message}
	_, h := rooms(t, append([]func(*api.Config){func(c *api.Config) {
		c.Tenants, c.PublicURL = l, "https://hook.example"
	}}, change...)...)
	return l, h
}

// visit plays a request of a stranger; headers come as "Key: value".
func visit(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, http.NoBody)
	for _, line := range headers {
		k, v, _ := strings.Cut(line, ": ")
		r.Header.Add(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// messages are prefilled messages, each with how a link spells it, where that is told.
var messages = map[string]struct{ text, spelt string }{
	"words":       {"Hello, is this in stock?", "Hello%2C%20is%20this%20in%20stock%3F"},
	"unreserved":  {"Az09-_.~", "Az09-_.~"},
	"reserved":    {":/?#[]@!$&'()*+,;=", "%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D"},
	"percent":     {"100 % + 5%25 & more", "100%20%25%20%2B%205%2525%20%26%20more"},
	"quotes":      {`"'<>\^{|}` + "`", "%22%27%3C%3E%5C%5E%7B%7C%7D%60"},
	"line breaks": {"a\nb\r\nc\rd", "a%0Ab%0D%0Ac%0Dd"},
	"spaces":      {"  a\u00a0\tb  ", "%20%20a%C2%A0%09b%20%20"},
	"header":      {"x\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>", ""},
	"Portuguese":  {"Olá! Gostaria de um orçamento, não é?", ""},
	"Hebrew":      {"שלום, אפשר לקבל פרטים?", ""},
	"Arabic":      {"مرحبا، أريد معلومات", ""},
	"Chinese":     {"你好，我想了解更多", "%E4%BD%A0%E5%A5%BD%EF%BC%8C%E6%88%91%E6%83%B3%E4%BA%86%E8%A7%A3%E6%9B%B4%E5%A4%9A"},
	"Korean":      {"안녕하세요, 문의드립니다", ""},
	"Hindi":       {"नमस्ते, मुझे जानकारी चाहिए", ""},
	"Thai":        {"สวัสดีครับ ขอสอบถามหน่อย", ""},
	"Cyrillic":    {"Здравствуйте, ёж!", ""},
	"combining":   {"e\u0301 and é, ☠\ufe0f", ""},
	"bidi":        {"\u202eabc\u202c \u200f\u2066x\u2069", ""},
	"family":      {"👨\u200d👩\u200d👧\u200d👦", "%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7%E2%80%8D%F0%9F%91%A6"},
	"flags":       {"🇧🇷🇮🇩🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", ""},
	"skin":        {"👍🏽 thumbs", ""},
	"longest":     {strings.Repeat("😀", cams.MaxMessage), strings.Repeat("%F0%9F%98%80", cams.MaxMessage)},
	"last rune":   {strings.Repeat("\U0010ffff", cams.MaxMessage), ""},
	"NUL":         {"a\x00b\x7f", "a%00b%7F"},
	"placeholder": {"&#65; &amp; {{.}} %s", ""},
}

var spelling = regexp.MustCompile(`\A(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*\z`)

func TestLinkLeadsToTheChat(t *testing.T) {
	for name, m := range messages {
		t.Run(name, func(t *testing.T) {
			l, h := linkRooms(t, m.text)
			w := visit(h, "GET", "/m/"+liveToken, "Accept-Language: he")
			location := w.Header().Get("Location")
			spelt, ok := strings.CutPrefix(location, "https://wa.me/5511999990000?text=")
			if w.Code != 302 || !ok || !spelling.MatchString(spelt) || m.spelt != "" && spelt != m.spelt {
				t.Fatalf("%d %s", w.Code, location)
			}
			if u, err := url.Parse(location); err != nil || u.Query().Get("text") != m.text || len(u.Query()) != 1 || u.Fragment != "" {
				t.Errorf("reads as %q, want %q: %v", u.Query(), m.text, err)
			}
			if got, err := url.PathUnescape(spelt); err != nil || got != m.text {
				t.Errorf("reads as %q without pluses, want %q: %v", got, m.text, err)
			}
			for k, want := range map[string]string{
				"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex",
				"X-Content-Type-Options": "nosniff", "Set-Cookie": "",
			} {
				if got := w.Header().Get(k); got != want {
					t.Errorf("%s is %q, want %q", k, got, want)
				}
			}
			if got := href(t, w); got != location {
				t.Errorf("the body leads to %q, not to %q", got, location)
			}
			if l.scans.Load() != 1 || l.finds.Load() != 0 {
				t.Errorf("%d scans, %d without counting", l.scans.Load(), l.finds.Load())
			}
		})
	}
}

// href is where the only link of an answer's body leads.
func href(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "a" && len(n.Attr) == 1:
			found = append(found, n.Attr[0].Val)
		case n.Type == html.ElementNode && n.Data == "script":
			t.Error("a script")
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d links", len(found))
	}
	return found[0]
}

// TestLookingIsNoScan: what nobody has followed is not counted.
func TestLookingIsNoScan(t *testing.T) {
	for _, c := range []struct {
		method, path string
		header       string
		status       int
		counted      bool
	}{
		{"GET", "/m/" + liveToken, "Accept: text/html", 302, true},
		{"GET", "//m//" + liveToken, "Accept: text/html", 302, true},
		{"GET", "/m/" + liveToken + "?fbclid=x&utm_source=y", "Accept: */*", 302, true},
		{"GET", "/m/" + liveToken, "Purpose: navigate", 302, true},
		{"HEAD", "/m/" + liveToken, "Accept: text/html", 302, false},
		{"GET", "/m/" + liveToken, "Purpose: prefetch", 302, false},
		{"GET", "/m/" + liveToken, "Purpose: Prefetch", 302, false},
		{"GET", "/m/" + liveToken, "Sec-Purpose: prefetch;prerender", 302, false},
		{"GET", "/m/" + liveToken, "X-Moz: prefetch", 302, false},
		{"GET", "/m/" + liveToken, "X-Purpose: preview", 302, false},
		{"GET", "/m/" + liveToken + ".png", "Accept: image/*", 200, false},
		{"GET", "/m/" + liveToken + ".svg", "Accept: image/*", 200, false},
		{"GET", "/m/" + goneToken + ".svg", "Accept: image/*", 410, false},
	} {
		l, h := linkRooms(t, "hi")
		w := visit(h, c.method, c.path, c.header)
		if w.Code != c.status || l.scans.Load()+l.finds.Load() != 1 || (l.scans.Load() == 1) != c.counted {
			t.Errorf("%+v: %d, %d scans, %d without counting", c, w.Code, l.scans.Load(), l.finds.Load())
		}
		if want := "https://wa.me/5511999990000?text=hi"; c.status == 302 && w.Header().Get("Location") != want {
			t.Errorf("%+v: %s", c, w.Header().Get("Location"))
		}
	}
}

// TestLinkHead asks a real server, which alone knows what a HEAD leaves out.
func TestLinkHead(t *testing.T) {
	_, h := linkRooms(t, "hi")
	srv := httptest.NewServer(h)
	defer srv.Close()
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{liveToken, goneToken, noToken, liveToken + ".png", goneToken + ".png"} {
		var answers [2]http.Header
		for i, method := range []string{"GET", "HEAD"} {
			r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/m/"+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			answers[i] = res.Header
			answers[i].Set("Status", res.Status)
			answers[i].Del("Date")
		}
		if path == liveToken { // the length of a redirect's body is only known when it is written
			answers[0].Del("Content-Length")
		}
		if get, head := fmt.Sprint(answers[0]), fmt.Sprint(answers[1]); get != head {
			t.Errorf("%s: GET answers\n%s\nHEAD\n%s", path, get, head)
		}
	}
}

func TestDeadLinkSaysSo(t *testing.T) {
	for _, lang := range []string{"en", "pt", "es", "id", "zh-Hans", "zh-Hant", "he", "ko"} {
		for _, c := range []struct {
			path   string
			err    error
			status int
		}{
			{goneToken, nil, 410},
			{noToken, nil, 404},
			{"x", nil, 404},
			{liveToken, errors.New("secret: /var/lib/switchhook is gone"), 503},
			{liveToken, fmt.Errorf("scan: %w", instance.ErrUnavailable), 503},
			{liveToken, instance.ErrStopping, 503},
		} {
			t.Run(fmt.Sprintf("%s %d %s %v", lang, c.status, c.path, c.err), func(t *testing.T) {
				l, h := linkRooms(t, "a message")
				l.err = c.err
				w := visit(h, "GET", "/m/"+c.path, "Accept: text/html,*/*;q=0.8", "Accept-Language: "+lang+", en;q=0.1")
				checkRefusal(t, w, c.status, lang)
				if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
					t.Error(got)
				}
				body := w.Body.String()
				if want := `<html lang="` + lang + `" dir="` + map[bool]string{true: "rtl", false: "ltr"}[lang == "he"] + `">`; !strings.Contains(body, want) {
					t.Errorf("no %s in %s", want, body)
				}
				for _, never := range []string{"secret", "switchhook", "a message", "5511999990000", liveToken, goneToken, "committed"} {
					if strings.Contains(body, never) {
						t.Errorf("%q in %s", never, body)
					}
				}
				if w.Header().Get("Retry-After") != map[bool]string{true: "60"}[c.status == 503] {
					t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
				}
			})
		}
	}
}

// checkRefusal looks at what all answers have in common that lead nowhere.
func checkRefusal(t *testing.T, w *httptest.ResponseRecorder, status int, lang string) {
	t.Helper()
	if w.Code != status || w.Header().Get("Location") != "" {
		t.Errorf("%d, to %q", w.Code, w.Header().Get("Location"))
	}
	for k, want := range map[string]string{
		"Content-Language": lang, "Vary": "Accept, Accept-Language", "Cache-Control": "no-store",
		"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(k); got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	if lang != "" && (!strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "frame-ancestors 'none'")) {
		t.Errorf("policy %q", policy)
	}
}

// TestDeadLinkInOtherForms: programs get JSON, and in place of a picture there is text.
func TestDeadLinkInOtherForms(t *testing.T) {
	const page, text, program = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json; charset=utf-8"
	for _, c := range []struct{ path, accept, kind string }{
		{goneToken, "", page},
		{goneToken, "*/*", page},
		{goneToken, "text/html", page},
		{goneToken, "application/json, text/html;q=0.5", page},
		{goneToken, "application/json", program},
		{goneToken, "application/json, */*;q=0.1", program},
		{noToken, "Application/JSON", program},
		{goneToken + ".png", "", text},
		{goneToken + ".png", "image/avif,image/webp,image/*,*/*;q=0.8", text},
		{goneToken + ".svg", "text/html,application/xhtml+xml,*/*;q=0.8", page}, // opened by itself
		{goneToken + ".svg", "application/json", program},
		{noToken + ".png", "image/png", text},
	} {
		_, h := linkRooms(t, "hi")
		status := map[bool]int{true: 410, false: 404}[strings.HasPrefix(c.path, goneToken)]
		w := visit(h, "GET", "/m/"+c.path, "Accept: "+c.accept, "Accept-Language: ko")
		if got := w.Header().Get("Content-Type"); got != c.kind {
			t.Errorf("%s for %q: %s", c.path, c.accept, got)
		}
		body := w.Body.String()
		switch c.kind {
		case program:
			checkRefusal(t, w, status, "")
			if want := map[int]string{410: `{"error":"the message QR code was updated or deleted"}`, 404: `{"error":"there is no such message QR code"}`}[status]; body != want {
				t.Error(body)
			}
		case text:
			checkRefusal(t, w, status, "ko")
			if strings.Contains(body, "<") || !strings.Contains(body, "QR 코드") {
				t.Error(body)
			}
		default:
			checkRefusal(t, w, status, "ko")
		}
	}
	l, h := linkRooms(t, "hi")
	l.err = errors.New("secret")
	if w := visit(h, "GET", "/m/"+liveToken, "Accept: application/json"); w.Code != 503 || w.Header().Get("Retry-After") != "60" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestOtherPathsAndMethodsAskNobody(t *testing.T) {
	l, h := linkRooms(t, "hi")
	for _, path := range []string{
		"/m/", "/m/x", "/m/" + liveToken[1:], "/m/" + liveToken + "a", "/m/" + strings.ToUpper(liveToken), "/m/" + liveToken + "/", "/m/" + liveToken + "/.png",
		"/m/" + liveToken + ".gif", "/m/" + liveToken + ".PNG", "/m/" + liveToken + ".png.svg", "/m/" + liveToken + ".", "/m/" + liveToken[1:] + "1", "/m/" + liveToken[1:] + "8",
		"/m/%2e%2e/" + liveToken, "/m/" + liveToken + "%0d%0aX:y", "/m/" + liveToken + "%00", "/m/" + liveToken + "%20",
	} {
		if w := visit(h, "GET", path, "Accept: text/html"); w.Code != 404 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
		for _, path := range []string{liveToken, goneToken, liveToken + ".png", "x"} {
			if w := visit(h, method, "/m/"+path, "Accept: text/html"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	if n := l.finds.Load() + l.scans.Load(); n != 0 {
		t.Errorf("the port was asked %d times", n)
	}
	for _, path := range []string{"/m", "/M/" + liveToken, "/mm/" + liveToken, "/x/m/" + liveToken} {
		if w := visit(h, "GET", path); w.Code != 404 || w.Body.String() != `{"error":"not found"}` {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	_, none := rooms(t, func(cfg *api.Config) { cfg.Tenants = nil })
	for _, path := range []string{liveToken, liveToken + ".png", ""} {
		if w := visit(none, "GET", "/m/"+path, "Accept: text/html"); w.Code != 404 || w.Body.String() != `{"error":"not found"}` {
			t.Errorf("without tenants, %s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestLinksReachNoLog(t *testing.T) {
	var log strings.Builder
	l, h := linkRooms(t, "s3cret message", func(c *api.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for _, path := range []string{liveToken, liveToken + ".png", goneToken, noToken, liveToken + ".svg"} {
		visit(h, "GET", "/m/"+path)
	}
	l.err = fmt.Errorf("find %s: bad page", liveToken)
	visit(h, "GET", "/m/"+liveToken)
	if n := strings.Count(log.String(), "message link could not be answered"); n != 1 || !strings.Contains(log.String(), "bad page") || !strings.Contains(log.String(), "room=links") {
		t.Errorf("told %d times: %s", n, &log)
	}
	l.err = fmt.Errorf("find: %w", instance.ErrUnavailable) // told already, by who has found it out
	visit(h, "GET", "/m/"+liveToken)
	if n := strings.Count(log.String(), "could not be answered"); n != 1 {
		t.Errorf("told %d times", n)
	}
	for _, never := range []string{liveToken, goneToken, noToken, "s3cret", "5511999990000"} {
		if strings.Contains(log.String(), never) {
			t.Errorf("%q in the log: %s", never, &log)
		}
	}
}

func TestManyFollowLinksAtOnce(t *testing.T) {
	l, h := linkRooms(t, "hi")
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			path, status := liveToken, 302
			if i%3 == 0 {
				path, status = goneToken, 410
			}
			if w := visit(h, "GET", "/m/"+path, "Accept-Language: he"); w.Code != status {
				t.Errorf("%s: %d", path, w.Code)
			}
		})
	}
	wg.Wait()
	if n := l.scans.Load(); n != 300 {
		t.Errorf("%d scans", n)
	}
}
