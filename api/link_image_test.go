package api_test

import (
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/qrcode/qrcodetest"
)

// scanned is what a phone reads from the answer to a request for a picture.
func scanned(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	switch kind := w.Header().Get("Content-Type"); {
	case w.Code != 200:
		t.Fatalf("%d %s", w.Code, w.Body)
	case kind == "image/svg+xml":
		return qrcodetest.ScanSVG(t, w.Body.Bytes())
	case kind != "image/png":
		t.Fatal(kind)
	}
	return qrcodetest.Scan(t, decodePNG(t, w.Body.Bytes()))
}

func decodePNG(t *testing.T, file []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestImageLeadsToTheLink(t *testing.T) {
	for name, c := range map[string]struct {
		public, host string
		tls          bool
		want         string
	}{
		"public_url":             {"https://hook.example", "127.0.0.1:8080", false, "https://hook.example/m/"},
		"below a path":           {"https://hook.example/switch/", "", false, "https://hook.example/switch/m/"},
		"international":          {"https://xn--bcher-kva.example/b%C3%BCcher", "", false, "https://xn--bcher-kva.example/b%C3%BCcher/m/"},
		"long":                   {"https://hook.example/" + strings.Repeat("a-long-path/", 80), "", false, "https://hook.example/" + strings.Repeat("a-long-path/", 80) + "m/"},
		"the host that was used": {"", "shop.local:8080", false, "http://shop.local:8080/m/"},
		"over TLS":               {"", "shop.local", true, "https://shop.local/m/"},
		"an odd host":            {"", `a&b'c"<d>`, false, `http://a&b'c"<d>/m/`},
		"no host":                {"", "", false, "http://127.0.0.1:8080/m/"},
	} {
		t.Run(name, func(t *testing.T) {
			_, h := linkRooms(t, "hi", func(cfg *api.Config) { cfg.PublicURL, cfg.LocalURL = c.public, "http://127.0.0.1:8080" })
			for _, image := range []string{".png", ".svg"} {
				r := httptest.NewRequest("GET", "/m/"+liveToken+image, http.NoBody)
				r.Host = c.host
				if c.tls {
					r.TLS = &tls.ConnectionState{}
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if got := scanned(t, w); got != c.want+liveToken {
					t.Errorf("%s leads to %s, want %s", image, got, c.want+liveToken)
				}
			}
		})
	}
}

// TestImagesOfManyTokens: no token makes a symbol that is hard to read.
func TestImagesOfManyTokens(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	_, h := linkRooms(t, "hi")
	dice := rand.New(rand.NewPCG(7, 7))
	for range 10 {
		token := make([]byte, 24)
		for i := range token {
			token[i] = letters[dice.IntN(len(letters))]
		}
		for _, image := range []string{".png", ".svg"} {
			if got, want := scanned(t, visit(h, "GET", "/m/"+string(token)+image)), "https://hook.example/m/"+string(token); got != want {
				t.Errorf("%s leads to %s, want %s", image, got, want)
			}
		}
	}
}

func TestImageIsFitForPrint(t *testing.T) {
	_, h := linkRooms(t, "hi")
	file := visit(h, "GET", "/m/"+liveToken+".png").Body.Bytes()
	img := decodePNG(t, file)
	if b := img.Bounds(); b.Dx() < 1024 || b.Dx() != b.Dy() || len(file) > 20<<10 {
		t.Errorf("%v in %d bytes", b, len(file))
	}
	if depth := file[24]; depth != 1 { // of IHDR
		t.Errorf("%d bits a pixel", depth)
	}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if c := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y; c != 0 && c != 255 {
				t.Fatalf("grey %d at %d, %d", c, x, y)
			}
		}
	}
	if level := qrcodetest.Level(t, img); level == "L" {
		t.Error("the level is L")
	}
	var doc struct {
		Width   string `xml:"width,attr"`
		Height  string `xml:"height,attr"`
		ViewBox string `xml:"viewBox,attr"`
		Title   string `xml:"title"`
	}
	svg := visit(h, "GET", "/m/"+liveToken+".svg").Body.Bytes()
	if err := xml.Unmarshal(svg, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Width == "" || doc.Width != doc.Height || doc.ViewBox == "" || doc.Title != "QR code: https://hook.example/m/"+liveToken {
		t.Errorf("%+v", doc)
	}
}

func TestImageHeaders(t *testing.T) {
	_, h := linkRooms(t, "hi")
	seen := make(map[string]string)
	for _, name := range []string{liveToken + ".png", liveToken + ".svg", strings.Repeat("a", 24) + ".png"} {
		w := visit(h, "GET", "/m/"+name)
		for k, want := range map[string]string{
			"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex",
			"Content-Type": map[bool]string{true: "image/svg+xml", false: "image/png"}[strings.HasSuffix(name, ".svg")],
		} {
			if got := w.Header().Get(k); got != want {
				t.Errorf("%s: %s is %q, want %q", name, k, got, want)
			}
		}
		etag := w.Header().Get("ETag")
		if other, again := seen[etag]; again || len(etag) < 10 || strings.Contains(etag, liveToken) {
			t.Errorf("%s: ETag %s, of %q too", name, etag, other)
		}
		seen[etag] = name
		if w := visit(h, "GET", "/m/"+name, "If-None-Match: "+etag); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s, known already: %d, %d bytes", name, w.Code, w.Body.Len())
		}
	}
}

// TestImageOfADeadLinkIsGoneAtOnce: also for who has a copy.
func TestImageOfADeadLinkIsGoneAtOnce(t *testing.T) {
	l, h := linkRooms(t, "hi")
	etag := visit(h, "GET", "/m/"+liveToken+".png").Header().Get("ETag")
	l.err = api.ErrQRDLGone
	if w := visit(h, "GET", "/m/"+liveToken+".png", "If-None-Match: "+etag); w.Code != 410 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestAddressThatNoSymbolHolds(t *testing.T) {
	long := strings.Repeat("x", 2400)
	var log strings.Builder
	logged := func(c *api.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }
	_, h := linkRooms(t, "hi", logged, func(c *api.Config) { c.PublicURL = "" })
	r := httptest.NewRequest("GET", "/m/"+liveToken+".png", http.NoBody)
	r.Host = long
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "Host header") || log.Len() != 0 {
		t.Errorf("a stranger's: %d %s, logged %s", w.Code, w.Body, &log)
	}
	_, h = linkRooms(t, "hi", logged, func(c *api.Config) { c.PublicURL = "https://" + long })
	if w := visit(h, "GET", "/m/"+liveToken+".svg"); w.Code != 500 || strings.Contains(w.Body.String(), "xxx") || !strings.Contains(log.String(), "public_url is too long") {
		t.Errorf("the operator's: %d %s, logged %s", w.Code, w.Body, &log)
	}
	if w := visit(h, "GET", "/m/"+liveToken); w.Code != 302 {
		t.Errorf("the link itself: %d", w.Code)
	}
}

// TestAThousandImages: they are the same for all, and would not take much memory even if
// all were drawn in the same moment.
func TestAThousandImages(t *testing.T) {
	_, h := linkRooms(t, "hi")
	address := "/m/" + liveToken
	want := map[string][]byte{".png": nil, ".svg": nil}
	for image := range want {
		want[image] = visit(h, "GET", address+image).Body.Bytes()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for i := range 1000 {
		image := ".svg"
		if i%8 == 0 { // the detector makes them slow
			image = ".png"
		}
		wg.Go(func() {
			if w := visit(h, "GET", address+image); !bytes.Equal(w.Body.Bytes(), want[image]) {
				t.Errorf("%s: %d, another picture", image, w.Code)
			}
		})
	}
	wg.Wait()
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / 1000; got > 100<<10 {
		t.Errorf("%d bytes of memory for a request", got)
	}
}

func BenchmarkLinkImage(b *testing.B) {
	_, h := linkRooms(b, "hi")
	for _, image := range []string{"png", "svg"} {
		b.Run(image, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if w := visit(h, "GET", "/m/"+liveToken+"."+image); w.Code != 200 {
						b.Error(w.Code)
					}
				}
			})
		})
	}
}
