// Package qrcode draws a text as a QR symbol: as an SVG picture for the
// dialects and browsers, and as half blocks for a terminal. Both are made to
// be scanned from a screen, so the symbol is as small as the text allows
// (error correction level L).
package qrcode

import (
	"fmt"

	"rsc.io/qr"
)

// Symbol is one QR symbol. Any goroutine may use it.
type Symbol struct {
	code *qr.Code
}

// New encodes text. It fails for a text that no symbol can hold, which begins
// at 2,953 bytes.
func New(text string) (Symbol, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return Symbol{}, fmt.Errorf("draw QR symbol of %d bytes: %w", len(text), err)
	}
	return Symbol{code}, nil
}

// Size is the number of modules on a side, without the quiet zone.
func (s Symbol) Size() int { return s.code.Size }

// dark reports whether the module in column x of row y is dark; everything
// outside the symbol is light.
func (s Symbol) dark(x, y int) bool { return s.code.Black(x, y) }
