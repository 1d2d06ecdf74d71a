package api_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
)

func TestAdminWantsTheToken(t *testing.T) {
	_, h := rooms(t)
	for header, want := range map[string]int{
		"Bearer " + token:        200,
		"bearer  " + token:       200,
		"":                       401,
		"Bearer":                 401,
		"Bearer " + token + "x":  401,
		"Bearer " + token[1:]:    401,
		"Basic " + token:         401,
		token:                    401,
		"Bearer " + token + " a": 401,
	} {
		w := do(h, "GET", "/api/v1/system", "", "Authorization: "+header)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", header, w.Code, want)
		}
		if w.Code == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%q: no challenge", header)
		}
	}
}

func TestWithoutATokenThereIsNoAdminOverTCP(t *testing.T) {
	_, h := rooms(t, func(c *api.Config) { c.Token = "" })
	for _, header := range []string{"", "Bearer ", "Bearer x"} {
		w := do(h, "GET", "/api/v1/instances", "", "Authorization: "+header)
		if w.Code != 403 || !strings.Contains(w.Body.String(), "admin.token") {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
}

// Refused requests are refused before anything is looked at or done.
func TestForeignPagesAreRefused(t *testing.T) {
	for _, c := range []struct {
		host, origin, site string
		want               int
	}{
		{"127.0.0.1:8080", "", "", 200},
		{"127.0.0.1:8080", "http://127.0.0.1:8080", "same-origin", 200},
		{"localhost:8080", "http://localhost:8080", "", 200},
		{"[::1]:8080", "http://[::1]:8080", "", 200},
		{"hook.example", "https://hook.example", "", 200},           // the public URL, behind a proxy
		{"127.0.0.1:8080", "https://Hook.Example", "", 200},         // a proxy that rewrites Host
		{"127.0.0.1:8080", "https://evil.example", "", 403},         // another site
		{"evil.example", "http://evil.example", "", 403},            // a rebound name
		{"127.0.0.1:8080", "http://127.0.0.1:9999", "", 403},        // another server of this machine
		{"127.0.0.1:8080", "null", "", 403},                         // a sandboxed frame
		{"127.0.0.1:8080", "://", "", 403},                          // nonsense
		{"127.0.0.1:8080", "", "cross-site", 403},                   // an image, say
		{"hook.example.evil", "https://hook.example.evil", "", 403}, // only looks alike
	} {
		f, h := rooms(t, func(cfg *api.Config) { cfg.PublicURL = "https://hook.example" })
		headers := []string{}
		if c.origin != "" {
			headers = append(headers, "Origin: "+c.origin)
		}
		if c.site != "" {
			headers = append(headers, "Sec-Fetch-Site: "+c.site)
		}
		before := len(f.Calls())
		w := do(h, "POST", "http://"+c.host+"/api/v1/instances/acme/clear", "", headers...)
		if w.Code != c.want {
			t.Errorf("host %s, origin %q, site %q: %d %s", c.host, c.origin, c.site, w.Code, w.Body)
		}
		if ran := len(f.Calls()) - before; (ran > 0) != (c.want == 200) {
			t.Errorf("host %s, origin %q: %d commands ran", c.host, c.origin, ran)
		}
	}
}
