package picture_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// crafted is a JPEG made by hand, of flat blocks, because the library's encoder makes
// no progressive ones, none of four components, and none that lie.
type crafted struct {
	width, height int
	ids           []byte // of the components; 1, 2, 3, 4 without
	sampling      []byte // of each, as 0x11; nil is no subsampling
	components    int
	progressive   bool
	passes        int    // further ones over the first component
	segments      []byte // before the frame
	empty         bool   // no pixels
}

// level is what a component's block has everywhere, 0 to 255.
type level func(component, x, y int) int

const (
	sof0 = 0xc0
	sof2 = 0xc2
	sos  = 0xda
	eoi  = 0xd9
	app1 = 0xe1
	appE = 0xee
)

func segment(marker byte, body []byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2))
	return append(out, body...)
}

// exif says how the camera was held.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	mark := map[bool]string{true: "MM", false: "II"}[order.String() == "BigEndian"]
	b := append([]byte("Exif\x00\x00"), mark...)
	b = order.AppendUint16(b, 42)
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for tag, value := range map[uint16]uint16{0x0112: orientation, 0x0100: 1} { // one of them is of no interest
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, value)
		b = append(b, 0, 0)
	}
	return segment(app1, order.AppendUint32(b, 0))
}

// adobe says that the components are what they are, inverted.
func adobe() []byte { return segment(appE, append([]byte("Adobe\x00d\x00\x00\x00\x00"), 0)) }

func (c crafted) bytes(at level) []byte {
	out := append([]byte{0xff, 0xd8}, c.segments...)
	out = append(out, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...))...)
	frame := binary.BigEndian.AppendUint16([]byte{8}, uint16(c.height))
	frame = binary.BigEndian.AppendUint16(frame, uint16(c.width))
	frame = append(frame, byte(c.components))
	for i := range c.components {
		frame = append(frame, c.id(i), c.factors(i), 0)
	}
	marker := byte(sof0)
	if c.progressive {
		marker = sof2
	}
	out = append(out, segment(marker, frame)...)
	// Twelve lengths of a difference, of four bits each; and of further
	// coefficients only that there are none, of one bit.
	out = append(out, segment(0xc4, append([]byte{0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11))...)
	out = append(out, segment(0xc4, append([]byte{0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0))...)
	out = append(out, c.first(at)...)
	for i := range c.passes {
		zig := byte(1 + i%63)
		out = append(out, segment(sos, []byte{1, c.id(0), 0, zig, zig, 0})...)
		out = append(out, c.nothing()...)
	}
	return append(out, 0xff, eoi)
}

func (c crafted) id(i int) byte {
	if c.ids != nil {
		return c.ids[i]
	}
	return byte(i + 1)
}

func (c crafted) factors(i int) byte {
	if c.sampling != nil {
		return c.sampling[i]
	}
	return 0x11
}

// first is the pass with all pixels.
func (c crafted) first(at level) []byte {
	head := []byte{byte(c.components)}
	for i := range c.components {
		head = append(head, c.id(i), 0)
	}
	last := byte(63)
	if c.progressive {
		last = 0
	}
	out := segment(sos, append(head, 0, last, 0))
	if c.empty {
		return out
	}
	wide, high := int(c.factors(0)>>4), int(c.factors(0)&15)
	var w bitWriter
	before := make([]int, c.components)
	for y := range (c.height + 8*high - 1) / (8 * high) {
		for x := range (c.width + 8*wide - 1) / (8 * wide) {
			for i := range c.components {
				h, v := int(c.factors(i)>>4), int(c.factors(i)&15)
				for n := range h * v {
					dc := 8 * (at(i, x*h+n%h, y*v+n/h) - 128)
					w.difference(dc - before[i])
					before[i] = dc
					if !c.progressive {
						w.put(0, 1)
					}
				}
			}
		}
	}
	return append(out, w.end()...)
}

// nothing is a pass in which no block of the first component has anything.
func (c crafted) nothing() []byte {
	var w bitWriter
	for range ((c.width + 7) / 8) * ((c.height + 7) / 8) {
		w.put(0, 1)
	}
	return w.end()
}

// bitWriter writes entropy-coded bits.
type bitWriter struct {
	out []byte
	acc uint64
	n   int
}

func (w *bitWriter) put(value uint64, n int) {
	w.acc = w.acc<<n | value
	for w.n += n; w.n >= 8; w.n -= 8 {
		b := byte(w.acc >> (w.n - 8))
		if w.out = append(w.out, b); b == 0xff {
			w.out = append(w.out, 0)
		}
	}
}

func (w *bitWriter) difference(d int) {
	abs := d
	if d < 0 {
		abs = -d
		d--
	}
	size := bits.Len(uint(abs))
	w.put(uint64(size), 4)
	if size > 0 {
		w.put(uint64(d)&(1<<size-1), size)
	}
}

func (w *bitWriter) end() []byte {
	if w.n > 0 {
		w.put(1<<(8-w.n)-1, 8-w.n)
	}
	return w.out
}

// redWebP is a lossless WebP (RFC 9649) of one red pixel.
func redWebP() []byte {
	var value, n uint64
	put := func(v, size uint64) { value, n = value|v<<n, n+size }
	put(0, 14) // width less one
	put(0, 14) // height less one
	put(0, 4)  // no alpha, version 0
	body := binary.LittleEndian.AppendUint32([]byte{0x2f}, uint32(value))
	value, n = 0, 0
	put(0, 3)                                      // no transform, no cache, one group of codes
	for _, c := range []uint64{0, 0xff, 0, 0xff} { // green, red, blue, alpha
		put(0b101, 3) // a simple code of one symbol, of eight bits
		put(c, 8)
	}
	put(0b0001, 4) // distances: a simple code of one symbol, of one bit
	body = binary.LittleEndian.AppendUint64(body, value)
	chunk := binary.LittleEndian.AppendUint32([]byte("VP8L"), uint32(len(body)))
	chunk = append(append(chunk, body...), make([]byte, len(body)%2)...)
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(chunk)+4))
	return append(append(out, "WEBP"...), chunk...)
}

// hugePNG is the head of a PNG of that size, with nothing behind it.
func hugePNG(width, height uint32) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	head = append(binary.BigEndian.AppendUint32(head, height), 8, 6, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}
