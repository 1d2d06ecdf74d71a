package picture

import (
	"encoding/binary"
)

// maxScans bounds the passes over the pixels that a JPEG may ask for. Programs that
// make progressive files use about ten; one pass costs a few bytes of the file and
// can touch every pixel.
const maxScans = 64

// The markers that matter here (ITU-T T.81, table B.1).
const (
	markSOF0 = 0xc0
	markSOF2 = 0xc2
	markRST0 = 0xd0
	markRST7 = 0xd7
	markSOI  = 0xd8
	markEOI  = 0xd9
	markSOS  = 0xda
	markAPP1 = 0xe1
	markAPPe = 0xee
	markTEM  = 0x01
)

// header is what the segments of a JPEG say of it.
type header struct {
	width, height int
	samples       int64 // of all components together, whole blocks
	components    int
	rgb           bool // it may be: what Adobe's segment says, or the components' names
	progressive   bool
	scans         int
	orientation   int // as EXIF numbers them, 1 if it says nothing
	end           int // where the image ends; what follows is none of it
}

// walk reads the segments of a JPEG and passes over the rest. It decodes nothing
// and allocates nothing.
func walk(file []byte) (header, error) {
	h := header{orientation: 1}
	for at := 2; ; {
		marker, next := nextMarker(file, at)
		switch {
		case next < 0:
			return h, errCut
		case marker == markEOI:
			h.end = next
			err := h.check()
			return h, err
		case marker == markSOI, marker == markTEM, marker >= markRST0 && marker <= markRST7:
			at = next
			continue
		case next+2 > len(file):
			return h, errCut
		}
		length := int(binary.BigEndian.Uint16(file[next:]))
		if length < 2 || next+length > len(file) {
			return h, errCut
		}
		if err := h.segment(marker, file[next+2:next+length]); err != nil {
			return h, err
		}
		at = next + length
	}
}

// nextMarker finds the marker that is at a place or follows it, and where what
// belongs to it begins: -1 if the file ends first. It passes over the pixels, where
// an 0xff is followed by a nought.
func nextMarker(file []byte, at int) (marker byte, next int) {
	for ; at+1 < len(file); at++ {
		if file[at] == 0xff && file[at+1] != 0 && file[at+1] != 0xff {
			return file[at+1], at + 2
		}
	}
	return 0, -1
}

// segment takes what one segment says.
func (h *header) segment(marker byte, body []byte) error {
	switch marker {
	case markSOF0, markSOF0 + 1, markSOF2:
		return h.frame(body, marker == markSOF2)
	case markSOS:
		if h.scans++; h.scans > maxScans {
			return errScans
		}
	case markAPP1:
		if o := orientation(body); o != 0 && h.orientation == 1 {
			h.orientation = o
		}
	case markAPPe:
		if len(body) >= 12 && string(body[:5]) == "Adobe" && body[11] == 0 {
			h.rgb = true
		}
	}
	return nil
}

// frame reads dimensions and sampling (T.81, B.2.2).
func (h *header) frame(body []byte, progressive bool) error {
	if len(body) < 6 || h.components != 0 || len(body) != 6+3*int(body[5]) {
		return errCut
	}
	h.height = int(binary.BigEndian.Uint16(body[1:]))
	h.width = int(binary.BigEndian.Uint16(body[3:]))
	h.components, h.progressive = int(body[5]), progressive
	if h.components == 3 && body[6] == 'R' && body[9] == 'G' && body[12] == 'B' {
		h.rgb = true
	}
	wide, high, area := 1, 1, 0
	for i := range h.components {
		x, y := int(body[7+3*i]>>4), int(body[7+3*i]&15)
		if h.components == 1 {
			x, y = 1, 1 // its own factors mean nothing
		}
		wide, high, area = max(wide, x), max(high, y), area+x*y
	}
	units := int64((h.width+8*wide-1)/(8*wide)) * int64((h.height+8*high-1)/(8*high))
	h.samples = units * int64(area) * 64
	return nil
}

// check refuses what no image can be.
func (h *header) check() error {
	switch {
	case h.components == 0 || h.scans == 0:
		return errCut
	case h.width == 0 || h.height == 0:
		return errNothing
	}
	return nil
}

// memory is how much decoding takes, in bytes: see the package comment.
func (h *header) memory() int64 {
	need := h.samples
	if h.progressive {
		need += 4 * h.samples
	}
	if h.components == 4 || h.rgb { // decoded into planes first, and then into pixels
		need += 4 * int64(h.width) * int64(h.height)
	}
	return need
}
