package whatsapp

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/sync/semaphore"
)

func previewer() *Driver { return &Driver{previews: semaphore.NewWeighted(1)} }

func pngOf(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claims is a PNG whose header says another size than it has.
func claims(t testing.TB) []byte {
	// 30,000 × 30,000 in grey, with the checksum of that header.
	head := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x75\x30\x00\x00\x75\x30\x08\x00\x00\x00\x00"
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(head[12:])))
	return append(append([]byte(head), sum...), pngOf(t, 1, 1)[33:]...)
}

func TestPreview(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	large := jpegOf(t, 800, 600)
	for name, c := range map[string]struct {
		ctx     context.Context
		mime    string
		content []byte
		w, h    int
		tw, th  int // of the thumbnail; 0: there is none
	}{
		"picture":         {t.Context(), "image/jpeg", large, 800, 600, 96, 72},
		"PNG":             {t.Context(), "image/PNG; x=y", pngOf(t, 10, 20), 10, 20, 10, 20},
		"a line":          {t.Context(), "image/png", pngOf(t, 5000, 1), 5000, 1, 96, 1},
		"one point":       {t.Context(), "image/png", pngOf(t, 1, 1), 1, 1, 1, 1},
		"cut off":         {t.Context(), "image/jpeg", large[:len(large)/2], 800, 600, 0, 0},
		"only a header":   {t.Context(), "image/jpeg", large[:20], 0, 0, 0, 0},
		"another type":    {t.Context(), "image/jpeg", pngOf(t, 10, 20), 0, 0, 0, 0},
		"too many pixels": {t.Context(), "image/png", claims(t), 30_000, 30_000, 0, 0},
		"nothing":         {t.Context(), "image/png", nil, 0, 0, 0, 0},
		"no time":         {ended, "image/png", pngOf(t, 10, 20), 0, 0, 0, 0},
	} {
		p := previewer().preview(c.ctx, c.mime, bytes.NewReader(c.content))
		if p.width != c.w || p.height != c.h || (p.thumbnail != nil) != (c.tw > 0) {
			t.Errorf("%s: %d × %d, thumbnail of %d bytes", name, p.width, p.height, len(p.thumbnail))
		}
		if p.thumbnail == nil {
			continue
		}
		if m, err := jpeg.DecodeConfig(bytes.NewReader(p.thumbnail)); err != nil || m.Width != c.tw || m.Height != c.th {
			t.Errorf("%s: thumbnail %d × %d, %v", name, m.Width, m.Height, err)
		}
	}
}

// TestPreviewsTakeTurns: who comes while one is being made, and has no time, goes
// without.
func TestPreviewsTakeTurns(t *testing.T) {
	d := previewer()
	if err := d.previews.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p := d.preview(ctx, "image/png", bytes.NewReader(pngOf(t, 2, 2))); p.width != 0 {
		t.Errorf("made two at once: %+v", p)
	}
	d.previews.Release(1)
	if p := d.preview(t.Context(), "image/png", bytes.NewReader(pngOf(t, 2, 2))); p.thumbnail == nil {
		t.Errorf("its turn, and %+v", p)
	}
}

// FuzzPreview: whatever a picture is, a thumbnail is small and is a picture.
func FuzzPreview(f *testing.F) {
	f.Add(pngOf(f, 10, 20), true)
	f.Add(jpegOf(f, 20, 10), false)
	f.Add(claims(f), true)
	f.Add([]byte(strings.Repeat("\xff\xd8\xff\xc2", 10)), false)
	d := previewer()
	f.Fuzz(func(t *testing.T, content []byte, isPNG bool) {
		mime := "image/jpeg"
		if isPNG {
			mime = "image/png"
		}
		p := d.preview(t.Context(), mime, bytes.NewReader(content))
		if p.thumbnail == nil {
			return
		}
		m, err := jpeg.DecodeConfig(bytes.NewReader(p.thumbnail))
		if err != nil || m.Width > previewEdge || m.Height > previewEdge || p.width <= 0 || p.height <= 0 {
			t.Fatalf("%d × %d became %d × %d, %v", p.width, p.height, m.Width, m.Height, err)
		}
	})
}
