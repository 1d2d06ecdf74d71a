package whatsapp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"time"
)

// What a preview may cost. A picture of that many pixels takes up to 150 MB while
// it is decoded, so there is one at a time in the process; those of larger ones are
// done without.
const (
	maxPixels   = 12 << 20
	previewTime = 5 * time.Second
	previewEdge = 96 // pixels of the longer edge
	previewTry  = 4  // points looked at for one pixel, each way
	previewGood = 60 // of 100, as JPEG
)

// preview is what a recipient sees of a picture before it is downloaded. Zero
// values are not known.
type preview struct {
	width, height int
	thumbnail     []byte // a JPEG
}

// preview looks at a picture. It is no matter if it fails: the picture is sent
// without.
func (d *Driver) preview(ctx context.Context, mime string, content io.ReadSeeker) (p preview) {
	ctx, cancel := context.WithTimeout(ctx, previewTime)
	defer cancel()
	if d.previews.Acquire(ctx, 1) != nil {
		return p
	}
	defer d.previews.Release(1)
	config, decode := jpeg.DecodeConfig, jpeg.Decode
	if strings.HasPrefix(strings.ToLower(mime), "image/png") {
		config, decode = png.DecodeConfig, png.Decode
	}
	from, err := fromStart(ctx, content)
	if err != nil {
		return p
	}
	c, err := config(from)
	if err != nil || c.Width <= 0 || c.Height <= 0 {
		return p
	}
	p.width, p.height = c.Width, c.Height
	if c.Width > maxPixels/c.Height {
		return p
	}
	if from, err = fromStart(ctx, content); err != nil {
		return p
	}
	whole, err := decode(from)
	if err != nil {
		return p
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shrunk(whole), &jpeg.Options{Quality: previewGood}); err == nil {
		p.thumbnail = out.Bytes()
	}
	return p
}

// fromStart reads content from its beginning, and no longer than ctx.
func fromStart(ctx context.Context, content io.ReadSeeker) (io.Reader, error) {
	_, err := content.Seek(0, io.SeekStart)
	return bufio.NewReader(&until{ctx, content}), err
}

// until reads as long as its context lives: a decoder heeds none.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, errLate
	}
	return u.r.Read(p)
}

var errLate = errors.New("it takes too long")

// shrunk is a picture in little. What is transparent becomes white.
func shrunk(from image.Image) image.Image {
	b := from.Bounds()
	longer := max(b.Dx(), b.Dy())
	edge := min(previewEdge, longer)
	w, h := max(1, b.Dx()*edge/longer), max(1, b.Dy()*edge/longer)
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			to.SetRGBA(x, y, average(from, image.Rect(
				b.Min.X+x*b.Dx()/w, b.Min.Y+y*b.Dy()/h, b.Min.X+(x+1)*b.Dx()/w, b.Min.Y+(y+1)*b.Dy()/h)))
		}
	}
	return to
}

// average is the colour of a part of a picture, by some of its points.
func average(from image.Image, part image.Rectangle) color.RGBA {
	var r, g, b, n uint32
	for y := part.Min.Y; y < part.Max.Y; y += max(1, part.Dy()/previewTry) {
		for x := part.Min.X; x < part.Max.X; x += max(1, part.Dx()/previewTry) {
			cr, cg, cb, ca := from.At(x, y).RGBA() // already weighed by ca
			white := 0xffff - ca
			r, g, b, n = r+(cr+white)>>8, g+(cg+white)>>8, b+(cb+white)>>8, n+1
		}
	}
	if n == 0 {
		return color.RGBA{0xff, 0xff, 0xff, 0xff}
	}
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 0xff}
}
