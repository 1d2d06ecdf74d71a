package picture

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"

	"golang.org/x/image/draw"
)

const (
	side    = 640 // of what WhatsApp shows, in pixels
	thumb   = 96
	quality = 88
)

// square cuts the middle out of a picture and scales it down to at most 640 pixels
// a side, on white where it is transparent.
func square(ctx context.Context, img image.RGBA64Image) (*image.RGBA, error) {
	all := img.Bounds()
	n := min(all.Dx(), all.Dy())
	corner := all.Min.Add(image.Pt((all.Dx()-n)/2, (all.Dy()-n)/2))
	small, err := average(ctx, img, corner, n, max(1, n/side))
	if err != nil {
		return nil, err
	}
	return scaled(small, side), nil
}

// average makes one pixel of each f by f. What is left is less than twice as large
// as wanted: the scaler, which is better at it, keeps 32 bytes for each of its
// lines' pixels.
func average(ctx context.Context, img image.RGBA64Image, corner image.Point, n, f int) (*image.RGBA, error) {
	out := image.NewRGBA(image.Rect(0, 0, n/f, n/f))
	for y := range n / f {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for x := range n / f {
			out.SetRGBA(x, y, mean(img, corner.X+x*f, corner.Y+y*f, f))
		}
	}
	return out, nil
}

// mean is the mean of f by f pixels, on white.
func mean(img image.RGBA64Image, x, y, f int) color.RGBA {
	var r, g, b, a uint64
	for dy := range f {
		for dx := range f {
			c := img.RGBA64At(x+dx, y+dy)
			r, g, b, a = r+uint64(c.R), g+uint64(c.G), b+uint64(c.B), a+uint64(c.A)
		}
	}
	full := uint64(f) * uint64(f) * 0xffff
	on := func(v uint64) uint8 { return uint8((min(v+full-a, full)*0xff + full/2) / full) } // premultiplied by a
	return color.RGBA{on(r), on(g), on(b), 0xff}
}

// scaled is a square of at most so many pixels a side; it is never enlarged.
func scaled(img *image.RGBA, most int) *image.RGBA {
	if img.Rect.Dx() <= most {
		return img
	}
	out := image.NewRGBA(image.Rect(0, 0, most, most))
	draw.CatmullRom.Scale(out, out.Rect, img, img.Rect, draw.Src, nil)
	return out
}

// upright turns and mirrors a square as its orientation says (EXIF 2.32, 4.6.4).
func upright(img *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return img
	}
	out := image.NewRGBA(img.Rect)
	last := img.Rect.Dx() - 1
	for y := range last + 1 {
		for x := range last + 1 {
			sx, sy := x, y
			if orientation >= 5 { // lying
				sx, sy = y, x
			}
			switch orientation {
			case 2, 8:
				sx = last - sx
			case 3, 7:
				sx, sy = last-sx, last-sy
			case 4, 6:
				sy = last - sy
			}
			out.SetRGBA(x, y, img.RGBAAt(sx, sy))
		}
	}
	return out
}

// encode makes a JPEG of a square.
func encode(img *image.RGBA) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
