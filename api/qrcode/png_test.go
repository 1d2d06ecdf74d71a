package qrcode_test

import (
	"bytes"
	"image/png"
	"testing"

	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/api/qrcode/qrcodetest"
)

func TestPNGScans(t *testing.T) {
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			sym, err := qrcode.New(text)
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(sym.PNG()))
			if err != nil {
				t.Fatal(err)
			}
			if side := (sym.Size() + 8) * 8; img.Bounds().Dx() != side || img.Bounds().Dy() != side {
				t.Errorf("%v, want a side of %d", img.Bounds(), side)
			}
			if got := qrcodetest.Scan(t, img); got != text {
				t.Errorf("scanned %q, want %q", got, text)
			}
		})
	}
}
