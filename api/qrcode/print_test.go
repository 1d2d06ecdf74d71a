package qrcode_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/api/qrcode/qrcodetest"
)

// addresses are what is printed, from short to the longest that fits.
var addresses = map[string]string{
	"short":    "https://a.example/m/abcdefghijklmnopqrstuvwx",
	"usual":    "https://hooks.shop.example/m/2345672345672345672345ab",
	"path":     "https://example.com/whatsapp/switchhook/m/zzzzzzzzzzzzzzzzzzzzzzzz",
	"long":     "https://" + strings.Repeat("a-long-name.", 20) + "example/m/abcdefghijklmnopqrstuvwx",
	"the most": "https://" + strings.Repeat("x", 2331-8),
}

func forPrint(t testing.TB, text string) qrcode.Symbol {
	t.Helper()
	sym, err := qrcode.ForPrint(text)
	if err != nil {
		t.Fatal(err)
	}
	return sym
}

func TestPrintedPNG(t *testing.T) {
	for name, text := range addresses {
		for _, side := range []int{1, 300, 1024} {
			t.Run(fmt.Sprintf("%s at %d", name, side), func(t *testing.T) {
				sym := forPrint(t, text)
				img := decode(t, sym.LargePNG(side))
				modules := sym.Size() + 8
				b := img.Bounds()
				if b.Dx() != b.Dy() || b.Dx() < side || b.Dx()%modules != 0 || b.Dx() > max(side, modules)+modules {
					t.Errorf("%v for %d modules", b, modules)
				}
				margin := b.Dx() / modules * 4
				for i := range b.Dx() {
					for _, p := range []image.Point{{i, margin - 1}, {i, b.Dy() - margin}, {margin - 1, i}, {b.Dx() - margin, i}} {
						if r, _, _, _ := img.At(p.X, p.Y).RGBA(); r != 0xffff {
							t.Fatalf("the quiet zone is dark at %v", p)
						}
					}
				}
				if got := qrcodetest.Scan(t, img); got != text {
					t.Errorf("scanned %q", got)
				}
				if level := qrcodetest.Level(t, img); level == "L" {
					t.Error("the level is L")
				}
			})
		}
	}
}

// TestPrintBearsWear: a blot in the middle, as large as level L could not bear.
func TestPrintBearsWear(t *testing.T) {
	for _, text := range []string{addresses["short"], addresses["usual"], addresses["long"]} {
		sym := forPrint(t, text)
		img := decode(t, sym.LargePNG(1024))
		worn := image.NewGray(img.Bounds())
		draw.Draw(worn, worn.Bounds(), img, image.Point{}, draw.Src)
		module := img.Bounds().Dx() / (sym.Size() + 8)
		side := sym.Size() * 3 / 10 * module // of the symbol a little less than a tenth
		at := (img.Bounds().Dx() - side) / 2
		draw.Draw(worn, image.Rect(at, at, at+side, at+side), image.White, image.Point{}, draw.Src)
		if got := qrcodetest.Scan(t, worn); got != text {
			t.Errorf("scanned %q, want %q", got, text)
		}
	}
}

func TestPrintedSVG(t *testing.T) {
	for name, text := range addresses {
		t.Run(name, func(t *testing.T) {
			sym := forPrint(t, text)
			title := `QR <code> & "more" ` + "\x00\xff" + text
			svg := sym.LargeSVG(1024, title)
			if got := qrcodetest.ScanSVG(t, svg); got != text {
				t.Errorf("scanned %q", got)
			}
			var doc struct {
				Width   int    `xml:"width,attr"`
				Height  int    `xml:"height,attr"`
				ViewBox string `xml:"viewBox,attr"`
				Role    string `xml:"role,attr"`
				Title   string `xml:"title"`
			}
			if err := xml.Unmarshal(svg, &doc); err != nil {
				t.Fatal(err)
			}
			side := sym.Size() + 8
			if doc.Width < 1024 || doc.Width != doc.Height || doc.Width%side != 0 || doc.ViewBox != fmt.Sprintf("0 0 %d %d", side, side) {
				t.Errorf("%d × %d, viewBox %s", doc.Width, doc.Height, doc.ViewBox)
			}
			if want := `QR <code> & "more" ` + "\ufffd\ufffd" + text; doc.Role != "img" || doc.Title != want {
				t.Errorf("role %q, title %q, want %q", doc.Role, doc.Title, want)
			}
		})
	}
}

func TestTooLongForPrint(t *testing.T) {
	if _, err := qrcode.ForPrint(strings.Repeat("x", 2332)); err == nil {
		t.Fatal("2332 bytes were drawn")
	}
}

// BenchmarkPrint draws what a request for a picture of a usual address draws.
func BenchmarkPrint(b *testing.B) {
	for name, picture := range map[string]func(qrcode.Symbol) []byte{
		"PNG": func(s qrcode.Symbol) []byte { return s.LargePNG(1024) },
		"SVG": func(s qrcode.Symbol) []byte { return s.LargeSVG(1024, "QR code") },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var size int
			for b.Loop() {
				size = len(picture(forPrint(b, addresses["usual"])))
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

func decode(t testing.TB, file []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return img
}
