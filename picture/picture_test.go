package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/switchhook/switchhook/picture"
)

// quarters is a picture whose four quarters tell which way up it is: red and green
// above, blue and white below.
func quarters(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, [2][2]color.Color{{red, green}, {blue, white}}[2*y/h][2*x/w])
		}
	}
	return img
}

var (
	red   = color.RGBA{0xff, 0, 0, 0xff}
	green = color.RGBA{0, 0xff, 0, 0xff}
	blue  = color.RGBA{0, 0, 0xff, 0xff}
	white = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

func encoded(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodedPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// with puts segments behind a JPEG's first marker.
func with(file []byte, segments ...[]byte) []byte {
	out := bytes.Clone(file[:2])
	for _, s := range segments {
		out = append(out, s...)
	}
	return append(out, file[2:]...)
}

func decoded(t testing.TB, file []byte) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// shows holds the four quarters of a JPEG against colours, row by row.
func shows(t *testing.T, what string, file []byte, side int, want ...color.RGBA) {
	t.Helper()
	img := decoded(t, file)
	if img.Bounds() != image.Rect(0, 0, side, side) {
		t.Fatalf("%s: %v, want a square of %d", what, img.Bounds(), side)
	}
	for i, w := range want {
		x, y := side/4+side/2*(i%2), side/4+side/2*(i/2)
		got := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
		if far(got.R, w.R) || far(got.G, w.G) || far(got.B, w.B) {
			t.Errorf("%s: quarter %d is %v, want %v", what, i+1, got, w)
		}
	}
}

func far(a, b uint8) bool { return max(a, b)-min(a, b) > 24 }

func TestMake(t *testing.T) {
	m := picture.NewMaker()
	for name, c := range map[string]struct {
		w, h, side int
	}{
		"large":      {1600, 1600, 640},
		"wide":       {1500, 900, 640},
		"high":       {700, 2100, 640},
		"just right": {640, 640, 640},
		"small":      {200, 100, 100}, // it is never enlarged
		"one pixel":  {1, 1, 1},
		"a line":     {900, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := m.Make(t.Context(), bytes.NewReader(encoded(t, quarters(c.w, c.h))))
			if err != nil {
				t.Fatal(err)
			}
			if got.Side != c.side {
				t.Errorf("side %d, want %d", got.Side, c.side)
			}
			if c.side == 1 {
				shows(t, name, got.JPEG, 1)
				return
			}
			shows(t, name, got.JPEG, c.side, red, green, blue, white)
			shows(t, name+", thumbnail", got.Thumbnail, min(c.side, 96), red, green, blue, white)
		})
	}
}

// TestMiddle: what is beside the square is not in it.
func TestMiddle(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 1000, 400))
	for y := range 400 {
		for x := range 1000 {
			img.Set(x, y, red)
			if x >= 300 && x < 700 {
				img.Set(x, y, blue)
			}
		}
	}
	got, err := picture.NewMaker().Make(t.Context(), bytes.NewReader(encoded(t, img)))
	if err != nil {
		t.Fatal(err)
	}
	shows(t, "the middle", got.JPEG, 400, blue, blue, blue, blue)
}

func TestOrientation(t *testing.T) {
	upright := []color.RGBA{red, green, blue, white}
	// Where each quarter of the upright picture lies as the camera stores it.
	stored := map[uint16][4]int{
		1: {0, 1, 2, 3}, 2: {1, 0, 3, 2}, 3: {3, 2, 1, 0}, 4: {2, 3, 0, 1},
		5: {0, 2, 1, 3}, 6: {1, 3, 0, 2}, 7: {3, 1, 2, 0}, 8: {2, 0, 3, 1},
	}
	m := picture.NewMaker()
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		for o := range uint16(10) {
			lies, known := stored[o]
			if !known {
				lies = stored[1] // it means nothing
			}
			w, h := 150, 100
			if o >= 5 && o <= 8 {
				w, h = h, w
			}
			img := image.NewRGBA(image.Rect(0, 0, w, h))
			for y := range h {
				for x := range w {
					img.Set(x, y, upright[lies[2*(2*y/h)+2*x/w]])
				}
			}
			got, err := m.Make(t.Context(), bytes.NewReader(with(encoded(t, img), exif(order, o))))
			if err != nil {
				t.Fatal(err)
			}
			shows(t, "orientation "+string(rune('0'+o)), got.JPEG, 100, upright...)
			shows(t, "its thumbnail", got.Thumbnail, 96, upright...)
			if bytes.Contains(got.JPEG, []byte("Exif")) || bytes.Contains(got.Thumbnail, []byte("Exif")) {
				t.Error("the camera's notes are still there")
			}
		}
	}
}

// TestMetadataIsDropped: nothing but pixels comes out.
func TestMetadataIsDropped(t *testing.T) {
	const place = "38.7223 N 9.1393 W"
	file := with(encoded(t, quarters(64, 64)), segment(0xfe, []byte(place)), segment(app1, []byte("http://ns.adobe.com/xap/1.0/\x00"+place)))
	file = append(file, place...) // and behind the end, where phones put films
	got, err := picture.NewMaker().Make(t.Context(), bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got.JPEG, []byte(place)) || bytes.Contains(got.Thumbnail, []byte(place)) {
		t.Error("the place is still there")
	}
}

func TestKindsOfJPEG(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range gray.Pix {
		gray.Pix[i] = 0x80
	}
	middle := color.RGBA{0x80, 0x80, 0x80, 0xff}
	// In YCbCr: red in the left half, blue in the right.
	halves := func(i, x, _ int) int {
		return [2][3]int{{76, 85, 255}, {29, 255, 107}}[map[bool]int{true: 1}[x >= 4]][i]
	}
	halved := func(i, x, y int) int { // in 4:2:0 the colours have half as many blocks
		if i > 0 {
			x *= 2
		}
		return halves(i, x, y)
	}
	sub := []byte{0x22, 0x11, 0x11}
	inks := func(i, x, _ int) int { // as Adobe stores them, inverted: cyan and yellow is green
		if x >= 4 {
			return []int{255, 0, 0, 255}[i] // magenta and yellow: red
		}
		return []int{0, 255, 0, 255}[i]
	}
	for name, c := range map[string]struct {
		file []byte
		want [2]color.RGBA
	}{
		"grey":               {encoded(t, gray), [2]color.RGBA{middle, middle}},
		"grey, progressive":  {crafted{width: 64, height: 64, components: 1, progressive: true, passes: 3}.bytes(func(int, int, int) int { return 0x80 }), [2]color.RGBA{middle, middle}},
		"baseline by hand":   {crafted{width: 64, height: 64, components: 3}.bytes(halves), [2]color.RGBA{red, blue}},
		"progressive":        {crafted{width: 64, height: 64, components: 3, progressive: true, passes: 10}.bytes(halves), [2]color.RGBA{red, blue}},
		"progressive, 4:2:0": {crafted{width: 64, height: 64, components: 3, progressive: true, sampling: sub}.bytes(halved), [2]color.RGBA{red, blue}},
		"RGB": {crafted{width: 64, height: 64, components: 3, ids: []byte("RGB")}.bytes(func(i, x, _ int) int {
			return map[bool]int{true: 255}[i == 0 && x < 4 || i == 2 && x >= 4]
		}), [2]color.RGBA{red, blue}},
		"CMYK": {crafted{width: 64, height: 64, components: 4, segments: adobe()}.bytes(inks), [2]color.RGBA{green, red}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := picture.NewMaker().Make(t.Context(), bytes.NewReader(c.file))
			if err != nil {
				t.Fatal(err)
			}
			shows(t, name, got.JPEG, 64, c.want[0], c.want[1], c.want[0], c.want[1])
		})
	}
}

// endless is a file that never ends.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, "\xff\xd8\xff\xe0")
	clear(b[n:])
	e.read += len(b)
	return len(b), nil
}

// idle is a reader that answers nothing, for ever.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestRefusals(t *testing.T) {
	m := picture.NewMaker()
	whole := encoded(t, quarters(640, 640))
	never := func(int, int, int) int { return 0 }
	for name, c := range map[string]struct {
		file io.Reader
		says string
	}{
		"10 MiB and a byte":     {bytes.NewReader(append(bytes.Clone(whole), make([]byte, picture.MaxFile+1-len(whole))...)), "larger than 10 MiB"},
		"endless":               {&endless{}, "larger than 10 MiB"},
		"nothing comes":         {idle{}, "did not arrive whole"},
		"breaks off":            {io.MultiReader(bytes.NewReader(whole[:1000]), iotest.ErrReader(io.ErrUnexpectedEOF)), "did not arrive whole"},
		"empty":                 {strings.NewReader(""), "is empty"},
		"text":                  {strings.NewReader("<?php phpinfo();"), "is not a JPEG file"},
		"PNG named .jpg":        {bytes.NewReader(encodedPNG(t, quarters(64, 64))), "is a PNG file"},
		"truncated":             {bytes.NewReader(whole[:len(whole)/2]), "cut off or damaged"},
		"truncated, then ended": {bytes.NewReader(append(bytes.Clone(whole[:len(whole)/2]), 0xff, eoi)), "cut off or damaged"},
		"only the head":         {bytes.NewReader(whole[:20]), "cut off or damaged"},
		"without its end":       {bytes.NewReader(whole[:len(whole)-2]), "cut off or damaged"},
		"30,000 by 30,000":      {bytes.NewReader(crafted{width: 30000, height: 30000, components: 3, empty: true}.bytes(never)), "64 megapixels"},
		"65,535 by 65,535":      {bytes.NewReader(crafted{width: 65535, height: 65535, components: 1, empty: true}.bytes(never)), "64 megapixels"},
		"heavy":                 {bytes.NewReader(crafted{width: 8160, height: 6120, components: 3, progressive: true, empty: true}.bytes(never)), "too much memory"},
		"no width":              {bytes.NewReader(crafted{width: 0, height: 8, components: 3, empty: true}.bytes(never)), "no pixels"},
		"a pixel, many passes":  {bytes.NewReader(crafted{width: 8, height: 8, components: 1, progressive: true, passes: 64}.bytes(never)), "64 passes"},
		"two frames":            {bytes.NewReader(with(whole, segment(sof0, []byte{8, 0, 8, 0, 8, 1, 1, 0x11, 0}))), "cut off or damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := m.Make(t.Context(), c.file)
			var bad *picture.Error
			if !errors.As(err, &bad) || !strings.Contains(bad.Reason, c.says) {
				t.Errorf("%v, want one that says %q", err, c.says)
			}
			if e, ok := c.file.(*endless); ok && e.read > picture.MaxFile+1 {
				t.Errorf("%d bytes of an endless file were read", e.read)
			}
		})
	}
	// Nothing of what was refused holds anything.
	if _, err := m.Make(t.Context(), bytes.NewReader(whole)); err != nil {
		t.Error(err)
	}
}

// TestExactlyTheMost: a file of just 10 MiB is taken.
func TestExactlyTheMost(t *testing.T) {
	whole := encoded(t, quarters(640, 640))
	file := append(bytes.Clone(whole), make([]byte, picture.MaxFile-len(whole))...)
	if _, err := picture.NewMaker().Make(t.Context(), iotest.HalfReader(bytes.NewReader(file))); err != nil {
		t.Error(err)
	}
}

// TestOtherFormats: only whoever asks for them.
func TestOtherFormats(t *testing.T) {
	m := picture.NewMaker()
	file := encodedPNG(t, quarters(800, 700))
	got, err := m.Make(t.Context(), bytes.NewReader(file), picture.PNG, picture.WebP)
	if err != nil {
		t.Fatal(err)
	}
	shows(t, "PNG", got.JPEG, 640, red, green, blue, white)
	// A transparent picture lies on white.
	got, err = m.Make(t.Context(), bytes.NewReader(encodedPNG(t, image.NewNRGBA(image.Rect(0, 0, 64, 64)))), picture.PNG)
	if err != nil {
		t.Fatal(err)
	}
	shows(t, "transparent", got.JPEG, 64, white, white, white, white)
	got, err = m.Make(t.Context(), bytes.NewReader(redWebP()), picture.WebP)
	if err != nil {
		t.Fatal(err)
	}
	if got.Side != 1 {
		t.Errorf("WebP of side %d", got.Side)
	}
	for name, bad := range map[string][]byte{
		"JPEG": encoded(t, quarters(8, 8)), "PNG cut off": file[:len(file)/2], "PNG head": file[:20], "large PNG": hugePNG(20000, 20000), "WebP": []byte("RIFF\x04\x00\x00\x00WEBP"),
	} {
		var refused *picture.Error
		if _, err := m.Make(t.Context(), bytes.NewReader(bad), picture.PNG, picture.WebP); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTogether: where the memory is enough for one, all are made, one after another.
func TestTogether(t *testing.T) {
	m := picture.NewMaker()
	file := encoded(t, quarters(64, 64))
	defer m.Occupy(picture.Weighs(file) * 3 / 2)()
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			if _, err := m.Make(t.Context(), bytes.NewReader(file)); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
}

// TestWaitEnds: who waits for memory goes when nobody waits for them any more.
func TestWaitEnds(t *testing.T) {
	m := picture.NewMaker()
	free := m.Occupy(0)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	waits := make(chan struct{})
	go func() {
		_, err := m.Make(ctx, io.MultiReader(bytes.NewReader(encoded(t, quarters(64, 64))), closing(waits)))
		failed <- err
	}()
	<-waits
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("it got %v", err)
	}
	free()
	if _, err := m.Make(t.Context(), bytes.NewReader(encoded(t, quarters(64, 64)))); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// closing is the end of a file that tells when it was read.
func closing(told chan struct{}) io.Reader {
	var once sync.Once
	return readerFunc(func([]byte) (int, error) {
		once.Do(func() { close(told) })
		return 0, io.EOF
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestSlowUploads: a thousand that have sent a byte hold a thousand pieces at most,
// and those beyond what all may hold are told to come again.
func TestSlowUploads(t *testing.T) {
	m := picture.NewMaker()
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1000)
	var g sync.WaitGroup
	for range 1000 {
		g.Go(func() {
			first := true
			_, err := m.Make(ctx, readerFunc(func(b []byte) (int, error) {
				if first {
					first = false
					return copy(b, "\xff"), nil
				}
				<-ctx.Done()
				return 0, ctx.Err()
			}))
			errs <- err
		})
	}
	busy := 0
	for range 1000 - picture.Pieces {
		if err := <-errs; errors.Is(err, picture.ErrBusy) {
			busy++
		} else {
			t.Error(err)
		}
	}
	if busy != 1000-picture.Pieces {
		t.Errorf("%d were busy", busy)
	}
	cancel()
	g.Wait()
	if _, err := m.Make(t.Context(), bytes.NewReader(encoded(t, quarters(64, 64)))); err != nil {
		t.Errorf("after them: %v", err)
	}
}

func FuzzMake(f *testing.F) {
	level := func(i, x, y int) int { return (40*i + 30*x + 20*y) % 256 }
	f.Add(encoded(f, quarters(32, 20)))
	f.Add(with(encoded(f, quarters(16, 16)), exif(binary.BigEndian, 6)))
	f.Add(with(encoded(f, quarters(16, 16)), exif(binary.LittleEndian, 3)))
	f.Add(crafted{width: 24, height: 16, components: 3, progressive: true, passes: 3, sampling: []byte{0x22, 0x11, 0x11}}.bytes(level))
	f.Add(crafted{width: 24, height: 16, components: 4, segments: adobe()}.bytes(level))
	f.Add(crafted{width: 24, height: 16, components: 3, ids: []byte("RGB")}.bytes(level))
	f.Add(crafted{width: 30000, height: 30000, components: 3, empty: true}.bytes(level))
	f.Add(encodedPNG(f, quarters(20, 10)))
	f.Add(redWebP())
	m := picture.NewMaker()
	f.Fuzz(func(t *testing.T, file []byte) {
		if picture.Weighs(file) > 48<<20 {
			t.Skip("large, and allowed: it would only take long")
		}
		got, err := m.Make(t.Context(), bytes.NewReader(file), picture.JPEG, picture.PNG, picture.WebP)
		var bad *picture.Error
		switch {
		case errors.As(err, &bad):
			return
		case err != nil:
			t.Fatal(err)
		}
		for side, made := range map[int][]byte{640: got.JPEG, 96: got.Thumbnail} {
			img := decoded(t, made).Bounds()
			if img.Dx() != img.Dy() || img.Dx() != min(got.Side, side) || got.Side < 1 || got.Side > 640 {
				t.Fatalf("%v of side %d", img, got.Side)
			}
		}
	})
}

// TestWeights holds what the documents say of a phone's photo of 50 megapixels.
func TestWeights(t *testing.T) {
	never := func(int, int, int) int { return 0 }
	for name, c := range map[string]struct {
		file crafted
		mib  int64
	}{
		"as phones make it":  {crafted{sampling: []byte{0x22, 0x11, 0x11}}, 112},
		"the worst sampling": {crafted{}, 183},
		"progressive":        {crafted{sampling: []byte{0x22, 0x11, 0x11}, progressive: true}, 0},
	} {
		c.file.width, c.file.height, c.file.components, c.file.empty = 8160, 6120, 3, true
		if got := (picture.Weighs(c.file.bytes(never)) + 1<<20 - 1) >> 20; got != c.mib {
			t.Errorf("%s: %d MiB, want %d", name, got, c.mib)
		}
	}
}

// TestBombsTakeNoMemory: what is refused by its head takes about what its file does.
func TestBombsTakeNoMemory(t *testing.T) {
	m := picture.NewMaker()
	never := func(int, int, int) int { return 0 }
	for name, file := range map[string][]byte{
		"30,000 by 30,000": crafted{width: 30000, height: 30000, components: 3, empty: true}.bytes(never),
		"heavy":            crafted{width: 8160, height: 6120, components: 3, progressive: true, empty: true}.bytes(never),
		"large PNG":        hugePNG(20000, 20000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := m.Make(t.Context(), bytes.NewReader(file), picture.JPEG, picture.PNG)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<20 {
			t.Errorf("%s: %d KiB, %v", name, took>>10, err)
		}
	}
}
