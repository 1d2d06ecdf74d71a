package picture

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// MaxPixels bounds a picture, whatever its sides.
const MaxPixels = 64_000_000

// MaxMemory bounds what all decodes take together, in bytes.
const MaxMemory = 256 << 20

// overhead is what a decode takes whatever its size: the picture as it is scaled,
// and the file.
const overhead = 40 << 20

// plan is what is known of a picture before it is decoded.
type plan struct {
	file        []byte
	width       int
	height      int
	memory      int64
	orientation int
	decode      func(io.Reader) (image.Image, error)
}

// look reads what the file says of itself, and refuses what is too much.
func look(file []byte, format Format) (p plan, err error) {
	p = plan{file: file, orientation: 1}
	switch format {
	case JPEG:
		p.decode = jpeg.Decode
		var h header
		if h, err = walk(file); err != nil {
			return p, err
		}
		p.file, p.width, p.height, p.orientation, p.memory = file[:h.end], h.width, h.height, h.orientation, h.memory()
	case PNG:
		p.decode = png.Decode
		err = p.config(png.DecodeConfig, 16) // 16 bits a sample, and interlaced
	case WebP:
		p.decode = webp.Decode
		err = p.config(webp.DecodeConfig, 12)
	}
	p.memory += overhead
	switch {
	case err != nil:
		return p, err
	case int64(p.width)*int64(p.height) > MaxPixels:
		return p, errPixels
	case p.memory > MaxMemory:
		return p, errHeavy
	}
	return p, nil
}

// config takes the dimensions as a decoder reads them, and so many bytes a pixel.
func (p *plan) config(read func(io.Reader) (image.Config, error), bytesEach int64) error {
	c, err := read(bytes.NewReader(p.file))
	if err != nil {
		return &Error{errCut.Reason, err}
	}
	if c.Width < 1 || c.Height < 1 {
		return errNothing
	}
	p.width, p.height = c.Width, c.Height
	p.memory = bytesEach * int64(c.Width) * int64(c.Height)
	return nil
}

// pixels decodes the picture.
func (p *plan) pixels(ctx context.Context) (image.RGBA64Image, error) {
	img, err := p.decode(&tied{ctx, bytes.NewReader(p.file)})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &Error{errCut.Reason, err}
	case img.Bounds().Size() != image.Pt(p.width, p.height):
		return nil, errCut // it is not what was weighed
	}
	out, ok := img.(image.RGBA64Image)
	if !ok {
		return nil, errCut // no image of these decoders is without
	}
	return out, nil
}

// tied is a reader that ends with a context: decoders know of none.
type tied struct {
	ctx context.Context
	r   io.Reader
}

func (t *tied) Read(b []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	return t.r.Read(b)
}
