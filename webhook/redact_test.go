package webhook

import (
	"context"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

var discard = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)

func contextFor(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// inetAton reads a host as resolvers in C do: one to four numbers, decimal,
// octal or hexadecimal, the last filling what is left.
func inetAton(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	sum := new(big.Int)
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 0, 32)
		last := i == len(parts)-1
		if err != nil || strings.ContainsAny(p, "_boBO") || !last && n > 255 || last && n>>(8*(5-len(parts))) != 0 {
			return netip.Addr{}, false
		}
		sum.Lsh(sum, 8)
		if last {
			sum.Lsh(sum, uint(8*(4-len(parts))))
		}
		sum.Add(sum, new(big.Int).SetUint64(n))
	}
	var b [4]byte
	sum.FillBytes(b[:])
	return netip.AddrFrom4(b), true
}

func TestInetAton(t *testing.T) {
	for s, want := range map[string]string{
		"127.1": "127.0.0.1", "2130706433": "127.0.0.1", "0x7f.1": "127.0.0.1", "0177.0.0.01": "127.0.0.1",
		"1.2.3": "1.2.0.3", "256.1": "", "a": "", "1.2.3.4.5": "", "1..2": "",
	} {
		got, ok := inetAton(s)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %v %v", s, got, ok)
		}
	}
}

// rawServer answers every connection with what answer makes of the request's
// first bytes.
func rawServer(t *testing.T, answer func(request string) string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			n, _ := c.Read(buf)
			_, _ = io.WriteString(c, answer(string(buf[:n])))
			c.Close()
		}
	}()
	return l.Addr().String()
}

// Whatever goes wrong, what is said of it holds no secret of the address.
func TestNothingSecretIsSaid(t *testing.T) {
	const secrets = "alice:pa55word@"
	const rest = "/s3cretpath/x?wid=6D6307C3-2973&token=t0ken%20two#fr4gment"
	echoLine := rawServer(t, func(r string) string { line, _, _ := strings.Cut(r, "\r\n"); return line + "\r\n\r\n" })
	echoHeader := rawServer(t, func(r string) string {
		line, _, _ := strings.Cut(r, "\r\n")
		return "HTTP/1.1 200 OK\r\n" + line + "\r\n\r\n"
	})
	echoAll := rawServer(t, func(r string) string {
		return "HTTP/1.1 500 Oops\r\nContent-Length: " + strconv.Itoa(len(r)) + "\r\n\r\n" + r
	})
	silent := rawServer(t, func(string) string { return "" })
	redirect := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) })
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = discard
	secure.StartTLS()
	t.Cleanup(secure.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	s := senderFor(t, Config{AllowLoopback: true, Timeout: 2 * time.Second}) // for a resolver without a network
	host := func(s string) string { u, _ := url.Parse(s); return u.Host }

	for name, tc := range map[string]struct{ url, want string }{
		"echoed as a status line": {"http://" + secrets + echoLine + rest, "not valid HTTP"},
		"echoed as a header":      {"http://" + secrets + echoHeader + rest, "not valid HTTP"},
		"echoed as a body":        {"http://" + secrets + echoAll + rest, "status 500"},
		"connection closed":       {"http://" + secrets + silent + rest, ""},
		"redirect":                {"http://" + secrets + host(redirect.URL) + rest, "status 302"},
		"not trusted":             {"https://" + secrets + host(secure.URL) + rest, "unknown authority"},
		"not TLS":                 {"https://" + secrets + host(redirect.URL) + rest, "does not speak TLS"},
		"refused":                 {"http://" + secrets + host(closed.URL) + rest, "connection refused"},
		"forbidden":               {"http://" + secrets + "10.0.0.1" + rest, "private"},
		"no such host":            {"http://" + secrets + "nowhere.invalid" + rest, ""},
		"query in the host":       {"http://nowhere.invalid&wid=6D6307C3-2973", "post to http://nowhere.invalid:"},
		"no URL":                  {"http://" + secrets + "[::1" + rest, "no usable URL"},
		"no scheme":               {"//" + secrets + "receiver.example" + rest, "no usable URL"},
		"another scheme":          {"ftp://" + secrets + "receiver.example" + rest, "no usable URL"},
		"control characters":      {"http://" + secrets + "receiver.example/\n" + rest, "no usable URL"},
	} {
		t.Run(name, func(t *testing.T) {
			v := send(t, s, tc.url)
			if v.Err == nil || !strings.Contains(v.Err.Error(), tc.want) {
				t.Fatalf("%+v, want %q", v, tc.want)
			}
			said := v.Err.Error() + v.Excerpt
			for _, secret := range []string{"alice", "pa55word", "s3cretpath", "6D6307C3", "t0ken", "fr4gment"} {
				if strings.Contains(said, secret) {
					t.Errorf("%q is said: %q, %q", secret, v.Err, v.Excerpt)
				}
			}
			if again := send(t, s, tc.url); again.Err.Error() != v.Err.Error() {
				t.Errorf("said differently each time: %q, %q", v.Err, again.Err)
			}
		})
	}
}

// A secret that the end of what is read cuts off is as hidden as a whole one,
// also where another secret is part of it or ends in its beginning.
func TestScrubTakesWhatIsCutOff(t *testing.T) {
	const token = "tok-0123456789abcdef0123456789abcdef"
	u, err := url.Parse("https://h.example/hooks/s3cr3t?key=hunter22")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text string
		cut  bool
		want string
	}{
		"whole":           {"a " + token + " b", false, "a … b"},
		"all but one":     {"a " + token[:len(token)-1], true, "a …"},
		"the least":       {"a tok-", true, "a …"},
		"less":            {"a tok", true, "a tok"},
		"not cut off":     {"a tok-0123", false, "a tok-0123"},
		"elsewhere":       {"tok-0123 a", true, "tok-0123 a"},
		"of an address":   {"a /hooks/s3cr3t?key=hunt", true, "a …"},
		"overlapping":     {"a before-tok-0123", true, "a …"},
		"after others":    {strings.Repeat(token+" ", 3) + token[:9], true, "… … … …"},
		"nothing at all":  {"", true, ""},
		"in its own tail": {"a " + token + token[:5], true, "a …"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := scrub(tc.text, tc.cut, u, []string{token, "before-tok-"}); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
