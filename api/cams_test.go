package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/record"
)

// keyless are tenants without an access key.
type keyless struct{ allTenants }

type allTenants = api.Tenants // by a name that is none of its methods'

func (keyless) AccessKey(context.Context, string) (record.Tenant, record.AccessKey, error) {
	return record.Tenant{}, record.AccessKey{}, cams.ErrNoKey
}

// TestRootIsCAMS, but for a browser that shows no sign of a call.
func TestRootIsCAMS(t *testing.T) {
	const (
		html = "text/html,application/xhtml+xml;q=0.9"
		v1   = "/?AccessKeyId=x&Action=ListPhoneMessageQrdl&Signature=x&SignatureMethod=HMAC-SHA1&SignatureNonce=n&SignatureVersion=1.0&Timestamp=x"
	)
	for _, c := range []struct {
		method, target, accept, auth, body string
		status                             int
		holds                              string
	}{
		{"GET", "/", html, "", "", 302, "/ui/"},
		{"HEAD", "/", html, "", "", 302, ""},
		{"GET", "//", html, "", "", 302, "/ui/"},
		{"GET", "/?signature=x&lang=en", html, "Bearer x", "", 302, "/ui/"},
		{"GET", "/", "", "", "", 400, `"Code":"MissingAccessKeyId"`},
		{"GET", "/", "application/json", "", "", 400, `"Code":"MissingAccessKeyId"`},
		{"POST", "/", html, "", "", 400, `"Code":"MissingAccessKeyId"`},
		{"GET", "/?AccessKeyId=x", html, "", "", 400, `"Code":"MissingAccessKeyId"`},
		{"GET", "/?Action=x", html, "", "", 400, `"Code":"MissingAccessKeyId"`},
		{"GET", "/?Signature=x", html, "", "", 400, `"Code":"MissingAccessKeyId"`},
		{"GET", "/", html, "ACS3-HMAC-SHA256 Credential=x", "", 400, `"Code":"IncompleteSignature"`},
		{"GET", "/", html, "ACS3-HMAC-SM3 Credential=x", "", 400, `"Code":"InvalidSignatureMethod"`},
		{"GET", v1, html, "", "", 404, `"Code":"InvalidAccessKeyId.NotFound"`},
		{"POST", "/" + v1, "", "", "", 404, `"Code":"InvalidAccessKeyId.NotFound"`},
		{"POST", "/", "", "", v1[2:], 404, `"Code":"InvalidAccessKeyId.NotFound"`},
		{"DELETE", "/", "", "", "", 405, `"Code":"InvalidAction.NotFound"`},
		{"OPTIONS", "/", "", "", "", 405, `"Code":"InvalidAction.NotFound"`},
		{"POST", "/", "", "", "x=" + strings.Repeat("y", 1<<20-2), 400, `"Code":"MissingAccessKeyId"`},
		{"POST", "/", "", "", "x=" + strings.Repeat("y", 1<<20), 400, `"Code":"InvalidBody"`},
		{"POST", "http://example.com", "", "", "", 400, `"Code":"MissingAccessKeyId"`},
		{"POST", "http://example.com" + v1[1:], "", "", "", 404, `"Code":"InvalidAccessKeyId.NotFound"`},
		{"POST", "/cams", "", "", "", 404, `{"error":"not found"}`},
	} {
		t.Run(c.method+" "+c.target+" "+c.accept+" "+c.auth, func(t *testing.T) {
			_, h := rooms(t, func(cfg *api.Config) { cfg.Tenants = keyless{} })
			w := do(h, c.method, c.target, c.body, "Accept: "+c.accept, "Authorization: "+c.auth)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.holds) {
				t.Errorf("%d: %s", w.Code, w.Body)
			}
			if w.Code != http.StatusFound && w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%s", w.Header())
			}
		})
	}
}

// TestRootWithoutTenants is nobody's but a browser's, whatever it shows.
func TestRootWithoutTenants(t *testing.T) {
	_, h := rooms(t, func(cfg *api.Config) { cfg.Tenants = nil })
	for accept, status := range map[string]int{"text/html": 302, "application/json": 404} {
		if w := do(h, "GET", "/?Signature=x", "", "Accept: "+accept, "Authorization: ACS3-HMAC-SHA256 x"); w.Code != status {
			t.Errorf("%s: %d %s", accept, w.Code, w.Body)
		}
	}
}
