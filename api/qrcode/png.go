package qrcode

// PNG draws the symbol as a picture with its quiet zone, black on white, eight pixels
// a module.
func (s Symbol) PNG() []byte { return s.code.PNG() }
