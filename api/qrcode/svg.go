package qrcode

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// quietZone is the light margin that ISO 18004 asks for, in modules.
const quietZone = 4

// pixels is how large a module is drawn where nobody says otherwise: a viewer
// that ignores the viewBox still gets something a phone can focus on.
const pixels = 4

// SVG draws the symbol as a picture with its quiet zone: dark modules are one
// path on a light ground, one unit of the viewBox a module.
func (s Symbol) SVG() []byte { return s.svg(pixels, "", "") }

// LargeSVG is [Symbol.SVG] with a size of its own of at least side pixels, and with
// a title for who cannot see it.
func (s Symbol) LargeSVG(side int, title string) []byte {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(title)) // a strings.Builder takes everything
	return s.svg(s.scale(side), ` role="img"`, "<title>"+escaped.String()+"</title>")
}

// svg draws with so many pixels a module, and with more attributes and a first
// element.
func (s Symbol) svg(scale int, attributes, first string) []byte {
	side := s.Size() + 2*quietZone
	b := fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="%[2]d" height="%[2]d" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"%[3]s>%[4]s`+
		`<rect width="%[1]d" height="%[1]d" fill="#fff"/><path fill="#000" d="`, side, side*scale, attributes, first)
	for y := range s.Size() {
		for x := 0; x < s.Size(); {
			run := 0
			for s.dark(x+run, y) {
				run++
			}
			if run > 0 {
				b = appendRun(b, x+quietZone, y+quietZone, run)
			}
			x += run + 1
		}
	}
	return append(b, `"/></svg>`...)
}

// appendRun adds one horizontal bar of dark modules to the path.
func appendRun(b []byte, x, y, n int) []byte {
	b = append(b, 'M')
	b = strconv.AppendInt(b, int64(x), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(y), 10)
	b = append(b, 'h')
	b = strconv.AppendInt(b, int64(n), 10)
	b = append(b, "v1h-"...)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, 'z')
}

// DataURL is the SVG picture as a data URL, ready for an img element.
func (s Symbol) DataURL() string {
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(s.SVG())
}
