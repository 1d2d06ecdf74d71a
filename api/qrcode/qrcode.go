// Package qrcode draws a text as a QR symbol: as an SVG or PNG picture for the
// dialects and browsers, and as half blocks for a terminal. What [New] makes is
// scanned from a screen, so the symbol is as small as the text allows (error
// correction level L). What [ForPrint] makes bears wear and dirt.
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
func New(text string) (Symbol, error) { return encode(text, qr.L) }

// ForPrint encodes text for paper: 15 % of the symbol may become illegible (error
// correction level M). More would take smaller modules, which print worse. It fails
// for a text that no symbol can hold, which begins at 2,332 bytes.
func ForPrint(text string) (Symbol, error) { return encode(text, qr.M) }

func encode(text string, level qr.Level) (Symbol, error) {
	code, err := qr.Encode(text, level)
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

// scale is how many pixels a module has in a picture that is at least side pixels
// wide, with its quiet zone.
func (s Symbol) scale(side int) int {
	modules := s.Size() + 2*quietZone
	return (side + modules - 1) / modules
}
