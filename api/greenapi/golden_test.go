package greenapi_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/dialecttest"
	"github.com/switchhook/switchhook/api/greenapi"
)

// TestMethods plays every method, its successes and its errors. All that is logged
// meanwhile holds no token, and nothing that stands in a path.
func TestMethods(t *testing.T) {
	var log bytes.Buffer
	handlers := make(map[string]func(t *testing.T) http.Handler)
	for name, prepare := range situations {
		handlers[name] = func(t *testing.T) http.Handler {
			w := newWorld(t)
			prepare(t, w)
			cfg := w.cfg
			w.cfg = func(c *api.Config) {
				if cfg != nil {
					cfg(c)
				}
				c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			}
			if name == "hurried" {
				return again{w.handler()}
			}
			return w.handler()
		}
	}
	dialecttest.Run(t, "testdata/methods", handlers)
	if !strings.Contains(log.String(), "method failed") || !strings.Contains(log.String(), "request answered") {
		t.Error("nothing was logged: this test cannot fail")
	}
	for _, secret := range []string{token, token[:20], "waInstance", "79876543210", "5511999990000", "GREEN-API", "p1ctur3", "shop.example"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// TestEveryMethodIsGolden: each has an answer of success, a 429, and those that want
// a connection a 400 without one.
func TestEveryMethodIsGolden(t *testing.T) {
	for _, name := range greenapi.Methods() {
		var ok, fast bool
		paths, err := filepath.Glob("testdata/methods/*/" + name + "*.golden")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			ok = ok || bytes.HasPrefix(text, []byte("200\n"))
			fast = fast || bytes.HasPrefix(text, []byte("429\n"))
		}
		if name == "scanqrcode" {
			ok = true // a socket: see TestScan
		}
		if !ok || !fast {
			t.Errorf("%s: success %t, 429 %t, of %d answers", name, ok, fast, len(paths))
		}
	}
}
