package qrcode_test

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/api/qrcode/qrcodetest"
)

// texts are of the kinds that are drawn: a pairing code of WhatsApp's size, and
// the edges.
var texts = map[string]string{
	"pairing code": "2@" + strings.Repeat("aB3/xY+9", 13) + "," + strings.Repeat("k", 43) + "=," + strings.Repeat("Q", 43) + "=," + strings.Repeat("7", 43) + "=",
	"one letter":   "x",
	"digits":       "0123456789",
	"not latin":    "שלום, 世界",
	"long":         strings.Repeat("switchhook ", 120),
}

func TestSVGScans(t *testing.T) {
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			sym, err := qrcode.New(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := qrcodetest.ScanSVG(t, sym.SVG()); got != text {
				t.Errorf("scanned %q, want %q", got, text)
			}
		})
	}
}

func TestSVGHasTheFormViewersNeed(t *testing.T) {
	sym, err := qrcode.New("hello")
	if err != nil {
		t.Fatal(err)
	}
	svg := string(sym.SVG())
	if !strings.HasPrefix(svg, "<?xml") {
		t.Errorf("begins with %.20q", svg)
	}
	if n := strings.Count(svg, "<path"); n != 1 {
		t.Errorf("%d paths, want 1", n)
	}
	side := sym.Size() + 8
	if want := fmt.Sprintf(`viewBox="0 0 %d %d"`, side, side); !strings.Contains(svg, want) {
		t.Errorf("no %s in %.200s", want, svg)
	}
	if !strings.HasPrefix(sym.DataURL(), "data:image/svg+xml;base64,PD94b") {
		t.Errorf("data URL begins %.40s", sym.DataURL())
	}
}

func TestHalfBlocksScan(t *testing.T) {
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			sym, err := qrcode.New(text)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(sym.HalfBlocks(false), "\n"), "\n")
			if len(lines) != sym.Rows() {
				t.Errorf("%d lines, Rows says %d", len(lines), sym.Rows())
			}
			light := make([][]bool, 0, 2*len(lines))
			for _, line := range lines {
				var upper, lower []bool
				for _, c := range line {
					upper = append(upper, c == '█' || c == '▀')
					lower = append(lower, c == '█' || c == '▄')
				}
				if len(upper) != sym.Columns() {
					t.Fatalf("a line of %d columns, Columns says %d", len(upper), sym.Columns())
				}
				light = append(light, upper, lower)
			}
			img := image.NewGray(image.Rect(0, 0, sym.Columns()*4, len(light)*4))
			for y := range img.Bounds().Dy() {
				for x := range img.Bounds().Dx() {
					if light[y/4][x/4] {
						img.SetGray(x, y, color.Gray{Y: 255})
					}
				}
			}
			if got := qrcodetest.Scan(t, img); got != text {
				t.Errorf("scanned %q, want %q", got, text)
			}
		})
	}
}

func TestColourNamesBothAndIsReset(t *testing.T) {
	sym, err := qrcode.New("x")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(sym.HalfBlocks(true)) {
		if !strings.HasPrefix(line, "\x1b[38;5;231m\x1b[48;5;16m") || !strings.HasSuffix(line, "\x1b[0m\n") {
			t.Fatalf("line %q", line)
		}
	}
}

func TestTooLongIsRefused(t *testing.T) {
	if _, err := qrcode.New(strings.Repeat("x", 3000)); err == nil {
		t.Fatal("3000 bytes were drawn")
	}
}
