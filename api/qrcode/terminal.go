package qrcode

import "strings"

// margin is the light border in a terminal. Two modules are enough where the
// screen around them is still, and save rows.
const margin = 2

// Columns is how wide [Symbol.HalfBlocks] is.
func (s Symbol) Columns() int { return s.Size() + 2*margin }

// Rows is how many lines [Symbol.HalfBlocks] has.
func (s Symbol) Rows() int { return (s.Columns() + 1) / 2 }

// HalfBlocks draws the symbol in text, two rows of modules a line, each line
// ended by a newline. With colour it says itself what is black and what is
// white; without, light modules are drawn, which is right on a terminal with a
// dark ground.
func (s Symbol) HalfBlocks(colour bool) string {
	var b strings.Builder
	for y := -margin; y < s.Size()+margin; y += 2 {
		if colour {
			b.WriteString("\x1b[38;5;231m\x1b[48;5;16m") // white on black, of the fixed part of the palette
		}
		for x := -margin; x < s.Size()+margin; x++ {
			upper := !s.dark(x, y)
			lower := !s.dark(x, y+1) && y+1 < s.Size()+margin
			b.WriteString(block(upper, lower))
		}
		if colour {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// block is the character whose upper and lower half are drawn or not.
func block(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	default:
		return " "
	}
}
