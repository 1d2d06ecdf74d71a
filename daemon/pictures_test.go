package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
)

// photo is a JPEG of one colour, wider than high.
func photo(t testing.TB, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 900, 700))
	for y := range 700 {
		for x := range 900 {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var (
	red  = color.RGBA{0xff, 0, 0, 0xff}
	blue = color.RGBA{0, 0, 0xff, 0xff}
)

// get asks for an address as anybody would.
func get(t testing.TB, url string) (status int, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// shows holds a JPEG's side and colour.
func shows(t testing.TB, what string, file []byte, side int, want color.RGBA) {
	t.Helper()
	img, err := stdjpeg.Decode(bytes.NewReader(file))
	if err != nil || img.Bounds() != image.Rect(0, 0, side, side) {
		t.Fatalf("%s is no square of %d: %v", what, side, err)
	}
	got := color.RGBAModel.Convert(img.At(side/2, side/2)).(color.RGBA)
	if got.R/32 != want.R/32 || got.B/32 != want.B/32 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// shopPictures answers what the instance shop has in its folders for pictures.
func (d door) shopPictures() (files int, bytes int64) {
	for _, leaf := range d.find("shop").Storage.Subs {
		if leaf.Name == "profile" || leaf.Name == "thumb" {
			files, bytes = files+leaf.Files, bytes+leaf.Bytes
		}
	}
	return files, bytes
}

// TestPicture sets a picture through the whole daemon: WhatsApp has it, it is
// stored, counted, told and served, also after a restart; the next one takes its
// place, and clearing takes it away.
func TestPicture(t *testing.T) {
	url := sharedSandbox(t)
	network := sandbox.NewClient(url)
	dir := shortDir(t)
	d := runDaemon(t, dir, onSandbox(url))
	e := d.pair("shop", "")
	phone := d.find("shop").Phone

	before := d.find("shop").Seq
	first, err := d.admin.SetPicture(t.Context(), "shop", bytes.NewReader(photo(t, red)))
	if err != nil {
		t.Fatal(err)
	}
	taken, err := network.Picture(t.Context(), phone)
	if err != nil {
		t.Fatal(err)
	}
	shows(t, "what WhatsApp has", taken, 640, red)
	status, served := get(t, first.URL)
	if status != http.StatusOK || !bytes.Equal(served, taken) || int64(len(served)) != first.Bytes {
		t.Errorf("served with %d: %d bytes", status, len(served))
	}
	if status, small := get(t, first.ThumbURL); status != http.StatusOK {
		t.Errorf("the thumbnail is served with %d", status)
	} else {
		shows(t, "the thumbnail", small, 96, red)
	}
	if files, n := d.shopPictures(); files != 2 || n <= first.Bytes {
		t.Errorf("%d files with %d bytes are counted", files, n)
	}
	told := d.event("shop", before, "the picture", kind(record.PictureUpdated))
	if text := string(told.Data.Detail); !strings.Contains(text, `"picture":"`+first.ID+`"`) || strings.Contains(text, first.URL[strings.LastIndexByte(first.URL, '/')+1:]) {
		t.Errorf("told %s", text)
	}

	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	// What a crash has left between two steps goes at the next start.
	for _, folder := range []string{"profile", "thumb"} {
		if err := os.WriteFile(filepath.Join(dir, "files", e.ID, folder, "left.jpg"), []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d = runDaemon(t, dir, onSandbox(url))
	d.reach("shop", fsm.Authenticated)
	again, err := d.admin.Picture(t.Context(), "shop")
	if err != nil || again.ID != first.ID || pathOf(again.URL) != pathOf(first.URL) || !again.At.Equal(first.At) {
		t.Fatalf("after a restart it is %+v, %v", again, err)
	}
	if status, same := get(t, again.URL); status != http.StatusOK || !bytes.Equal(same, taken) {
		t.Errorf("after a restart it is served with %d", status)
	}
	if files, _ := d.shopPictures(); files != 2 {
		t.Errorf("after a restart there are %d files", files)
	}

	second, err := d.admin.SetPicture(t.Context(), "shop", bytes.NewReader(photo(t, blue)))
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, again.URL); status != http.StatusNotFound {
		t.Errorf("the one before is served with %d", status)
	}
	if _, body := get(t, second.URL); len(body) > 0 {
		shows(t, "the second", body, 640, blue)
	}
	d.until("shop", "two files", func(api.Entry) bool { files, _ := d.shopPictures(); return files == 2 })

	if _, err := d.admin.Clear(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.Picture(t.Context(), "shop"); !errors.Is(err, api.ErrNoPicture) {
		t.Errorf("cleared: %v", err)
	}
	if status, _ := get(t, second.URL); status != http.StatusNotFound {
		t.Errorf("cleared, it is served with %d", status)
	}
	if files, n := d.shopPictures(); files != 0 || n != 0 {
		t.Errorf("cleared, %d files with %d bytes are counted", files, n)
	}
}

// pathOf is an address without the host, which changes with each start of a test's
// daemon.
func pathOf(url string) string {
	_, token, _ := strings.Cut(url, "/media/")
	return token
}

// TestPictureRefused: of what is refused, by us or by WhatsApp, nothing is stored and
// nothing told, and the picture before stays.
func TestPictureRefused(t *testing.T) {
	url := sharedSandbox(t)
	network := sandbox.NewClient(url)
	d := runDaemon(t, shortDir(t), func(c *configs.Config) {
		onSandbox(url)(c)
		c.Files.PerInstance = 100 * configs.KiB
	})
	if _, err := d.admin.SetPicture(t.Context(), d.add("idle", "").Name, &endless{}); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("not connected: %v", err)
	}
	d.pair("shop", "")
	phone := d.find("shop").Phone
	whole := photo(t, red)
	first, err := d.admin.SetPicture(t.Context(), "shop", bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	taken, _ := network.Picture(t.Context(), phone)
	last := d.find("shop").Seq
	var pngFile bytes.Buffer
	if err := png.Encode(&pngFile, image.NewRGBA(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	noisy := make([]byte, 900*900)
	for i := range noisy {
		noisy[i] = byte(i * 7919 >> 3)
	}
	var large bytes.Buffer
	if err := stdjpeg.Encode(&large, &image.Gray{Pix: noisy, Stride: 900, Rect: image.Rect(0, 0, 900, 900)}, &stdjpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file      io.Reader
		portraits sandbox.Portraits
		ok        func(error) bool
	}{
		"10 MiB and a byte": {io.MultiReader(bytes.NewReader(whole), io.LimitReader(zeros{}, int64(10<<20+1-len(whole)))), "", isImage("larger than 10 MiB")},
		"never ends":        {&endless{}, "", func(err error) bool { return err != nil }}, // the daemon stops listening in the middle
		"truncated":         {bytes.NewReader(whole[:len(whole)/2]), "", isImage("cut off")},
		"PNG named .jpg":    {&pngFile, "", isImage("is a PNG")},
		"30,000 by 30,000":  {bytes.NewReader(resized(whole, 30000)), "", isImage("64 megapixels")},
		"WhatsApp refuses":  {bytes.NewReader(whole), sandbox.PortraitsRefused, says("too often")},
		"not acceptable":    {bytes.NewReader(whole), sandbox.PortraitsUnacceptable, says("does not take this image")},
		"full":              {&large, "", func(err error) bool { return errors.Is(err, instance.ErrFull) }},
	} {
		if err := network.Behave(t.Context(), phone, sandbox.Behaviour{Portraits: c.portraits}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.admin.SetPicture(t.Context(), "shop", c.file); !c.ok(err) {
			t.Errorf("%s: %v", name, err)
		}
		if files, n := d.shopPictures(); files != 2 || n > 2*first.Bytes {
			t.Errorf("%s: %d files with %d bytes are stored", name, files, n)
		}
		if has, err := network.Picture(t.Context(), phone); err != nil || !bytes.Equal(has, taken) {
			t.Errorf("%s: WhatsApp has another picture, %v", name, err)
		}
		if own, err := d.admin.Picture(t.Context(), "shop"); err != nil || own != first {
			t.Errorf("%s: the picture is %+v, %v", name, own, err)
		}
	}
	if got := d.find("shop").Seq; got != last {
		t.Errorf("%d events were told", got-last)
	}
}

func isImage(what string) func(error) bool {
	return func(err error) bool {
		return err != nil && strings.Contains(err.Error(), "image: ") && strings.Contains(err.Error(), what)
	}
}

func says(what string) func(error) bool {
	return func(err error) bool { return err != nil && strings.Contains(err.Error(), what) }
}

// resized is a JPEG whose head says that both sides have so many pixels.
func resized(file []byte, side uint16) []byte {
	out := bytes.Clone(file)
	at := bytes.Index(out, []byte{0xff, 0xc0})
	for _, i := range []int{at + 5, at + 7} {
		out[i], out[i+1] = byte(side>>8), byte(side)
	}
	return out
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// endless is a JPEG that never ends.
type endless struct{ begun bool }

func (e *endless) Read(b []byte) (int, error) {
	clear(b)
	if !e.begun {
		e.begun = true
		copy(b, "\xff\xd8\xff")
	}
	return len(b), nil
}

// TestPictureCutOff: the connection is lost while WhatsApp has the picture. The
// caller hears that it may have been set, nothing is stored, and the next one works.
func TestPictureCutOff(t *testing.T) {
	url := sharedSandbox(t)
	network := sandbox.NewClient(url)
	d := runDaemon(t, shortDir(t), onSandbox(url))
	d.pair("shop", "")
	phone := d.find("shop").Phone
	if err := network.Behave(t.Context(), phone, sandbox.Behaviour{Portraits: sandbox.PortraitsSilent}); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	before := d.find("shop").Seq
	go func() {
		_, err := d.admin.SetPicture(context.WithoutCancel(t.Context()), "shop", bytes.NewReader(photo(t, red)))
		failed <- err
	}()
	d.until("shop", "two files", func(api.Entry) bool { files, _ := d.shopPictures(); return files == 2 })
	if err := network.Fault(t.Context(), sandbox.Target{Phone: phone}, sandbox.FaultDrop, sandbox.FaultOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "it may have been set") {
		t.Errorf("it got %v", err)
	}
	if files, _ := d.shopPictures(); files != 0 {
		t.Errorf("%d files are stored", files)
	}
	if err := network.Behave(t.Context(), phone, sandbox.Behaviour{}); err != nil {
		t.Fatal(err)
	}
	d.event("shop", before, "the way back", func(e client.Event) bool {
		return e.Data.Transition != nil && e.Data.Transition.To == fsm.Authenticated
	})
	if p, err := d.admin.SetPicture(t.Context(), "shop", bytes.NewReader(photo(t, red))); err != nil || p.URL == "" {
		t.Errorf("the next one: %+v, %v", p, err)
	}
}

// TestPicturesAtOnce: all are set, and the last one is what WhatsApp, the record and
// the disk agree on.
func TestPicturesAtOnce(t *testing.T) {
	url := sharedSandbox(t)
	network := sandbox.NewClient(url)
	d := runDaemon(t, shortDir(t), onSandbox(url))
	d.pair("shop", "")
	var g sync.WaitGroup
	for _, c := range []color.Color{red, blue} {
		g.Go(func() {
			if _, err := d.admin.SetPicture(t.Context(), "shop", bytes.NewReader(photo(t, c))); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	p, err := d.admin.Picture(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	_, served := get(t, p.URL)
	if has, err := network.Picture(t.Context(), d.find("shop").Phone); err != nil || !bytes.Equal(has, served) {
		t.Errorf("WhatsApp has %d bytes and %d are served, %v", len(has), len(served), err)
	}
	d.until("shop", "two files", func(api.Entry) bool { files, _ := d.shopPictures(); return files == 2 })
}

// TestPictureEnds with the account, and with the instance: its address leads nowhere
// at once.
func TestPictureEnds(t *testing.T) {
	url := sharedSandbox(t)
	d := runDaemon(t, shortDir(t), onSandbox(url))
	for name, end := range map[string]func(name string) error{
		"disconnect": func(name string) error { _, err := d.admin.Disconnect(t.Context(), name); return err },
		"delete":     func(name string) error { _, err := d.admin.Delete(t.Context(), name); return err },
	} {
		d.pair(name, "")
		p, err := d.admin.SetPicture(t.Context(), name, bytes.NewReader(photo(t, red)))
		if err != nil {
			t.Fatal(err)
		}
		if err := end(name); err != nil {
			t.Fatal(err)
		}
		if status, _ := get(t, p.URL); status != http.StatusNotFound {
			t.Errorf("%s: it is served with %d", name, status)
		}
		if name == "disconnect" {
			if _, err := d.admin.Picture(t.Context(), name); !errors.Is(err, api.ErrNoPicture) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestContact(t *testing.T) {
	url := sharedSandbox(t)
	network := sandbox.NewClient(url)
	d := runDaemon(t, shortDir(t), onSandbox(url))
	d.pair("shop", "")
	if err := network.SetPicture(t.Context(), contact, photo(t, blue)); err != nil {
		t.Fatal(err)
	}
	found, err := d.admin.Contact(t.Context(), "shop", contact)
	if err != nil || !found.Exists || found.JID != contact+"@s.whatsapp.net" || !strings.HasPrefix(found.PictureURL, "https://") {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := d.admin.Contact(t.Context(), "shop", "5511977770009"); err != nil || found.Exists || found.PictureURL != "" {
		t.Errorf("nobody: %+v, %v", found, err)
	}
	if _, err := d.admin.Contact(t.Context(), "shop", "x"); !isInvalid(err, "jid") {
		t.Errorf("no JID: %v", err)
	}
}
