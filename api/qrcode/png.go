package qrcode

// PNG draws the symbol as a picture with its quiet zone, black on white, eight pixels
// a module.
func (s Symbol) PNG() []byte { return s.code.PNG() }

// LargePNG is [Symbol.PNG] with as many pixels a module as make it at least side
// pixels wide. It has one bit a pixel.
func (s Symbol) LargePNG(side int) []byte {
	code := *s.code
	code.Scale = max(s.scale(side), 2) // the encoder needs a byte of margin at the right
	return code.PNG()
}
