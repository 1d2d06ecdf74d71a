// Package qrcodetest reads QR symbols as a phone's camera would, with another
// library than the one that draws them.
package qrcodetest

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	zxing "github.com/makiuchi-d/gozxing/qrcode"
)

// Scan reads the symbol in img as a phone would.
func Scan(t testing.TB, img image.Image) string {
	t.Helper()
	return scan(t, img).GetText()
}

// Level reads the symbol's error correction level, "L", "M", "Q" or "H".
func Level(t testing.TB, img image.Image) string {
	t.Helper()
	level, ok := scan(t, img).GetResultMetadata()[gozxing.ResultMetadataType_ERROR_CORRECTION_LEVEL].(string)
	if !ok {
		t.Fatal("the reader tells no error correction level")
	}
	return level
}

func scan(t testing.TB, img image.Image) *gozxing.Result {
	t.Helper()
	bmp, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	res, err := zxing.NewQRCodeReader().Decode(bmp, nil)
	if err != nil {
		t.Fatalf("does not scan: %v", err)
	}
	return res
}

// ScanSVG reads the symbol in an SVG of package qrcode.
func ScanSVG(t testing.TB, svg []byte) string {
	t.Helper()
	return Scan(t, rasterise(t, svg))
}

// ScanDataURL reads the symbol in a data URL of such an SVG.
func ScanDataURL(t testing.TB, url string) string {
	t.Helper()
	text, ok := strings.CutPrefix(url, "data:image/svg+xml;base64,")
	if !ok {
		t.Fatalf("no data URL of an SVG: %.60s", url)
	}
	svg, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return ScanSVG(t, svg)
}

// rasterise draws what an SVG viewer would: the ground, then the bars of the
// path, four pixels a unit.
func rasterise(t testing.TB, svg []byte) image.Image {
	t.Helper()
	var doc struct {
		ViewBox string `xml:"viewBox,attr"`
		Path    struct {
			D string `xml:"d,attr"`
		} `xml:"path"`
	}
	if err := xml.Unmarshal(svg, &doc); err != nil {
		t.Fatal(err)
	}
	var zero, side, side2 int
	if _, err := fmt.Sscanf(doc.ViewBox, "%d %d %d %d", &zero, &zero, &side, &side2); err != nil || side != side2 {
		t.Fatalf("viewBox %q: %v", doc.ViewBox, err)
	}
	img := image.NewGray(image.Rect(0, 0, side*4, side*4))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for bar := range strings.SplitSeq(strings.TrimSuffix(doc.Path.D, "z"), "z") {
		var x, y, w, back int
		if _, err := fmt.Sscanf(bar, "M%d %dh%dv1h-%d", &x, &y, &w, &back); err != nil || w != back {
			t.Fatalf("bar %q: %v", bar, err)
		}
		for py := y * 4; py < (y+1)*4; py++ {
			for px := x * 4; px < (x+w)*4; px++ {
				img.SetGray(px, py, color.Gray{})
			}
		}
	}
	return img
}
