package cli_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
)

func TestOverHTTPWithAToken(t *testing.T) {
	r := newRig(t)
	srv := httptest.NewServer(r.api)
	defer srv.Close()
	r.play(t, []line{
		{"instance list --url " + srv.URL + " --token " + token, 0, "shop", ""},
		{"instance list --url " + srv.URL + "/ --token wrong", 1, "", "give it with --token or SWITCHHOOK_TOKEN"},
		{"instance list --url " + srv.URL, 1, "", "give it with --token or SWITCHHOOK_TOKEN"},
	})
	r.env["SWITCHHOOK_TOKEN"] = token
	r.play(t, []line{
		{"instance list --url " + srv.URL, 0, "shop", ""},
		{"instance add till --url " + srv.URL, 0, "switchhook link till --url " + srv.URL, ""},
	})
	r.env["SWITCHHOOK_URL"] = srv.URL
	r.play(t, []line{{"instance show shop", 0, "shop (i1)", ""}})
}

func TestTokenIsNotServedByThisDaemon(t *testing.T) {
	r := newRig(t)
	srv := httptest.NewServer(api.New(api.Config{Instances: r, System: r}))
	defer srv.Close()
	_, errs, code := r.run(t, "instance", "list", "--url", srv.URL, "--token", "s3cret")
	if code != 1 || !strings.Contains(errs, "admin.token") || strings.Contains(errs, "s3cret") {
		t.Errorf("%d %s", code, errs)
	}
}
