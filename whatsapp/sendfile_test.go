package whatsapp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

// drawing is a picture that is red above and transparent below.
func drawing(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h / 2 {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{R: 255, A: 255})
		}
	}
	return m
}

func asJPEG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sendFile uploads a file and sends it.
func (a *attempt) sendFile(ctx context.Context, f instance.File, content io.ReadSeeker) (record.Message, error) {
	send, err := a.Upload(ctx, f, content)
	if err != nil {
		return record.Message{}, err
	}
	return send(ctx)
}

// TestSendFile: the phone gets the file and can open it, the receipts come back, and
// what was sent can be fetched again.
func TestSendFile(t *testing.T) {
	spool := t.TempDir()
	inRig(t, whatsapp.Config{Spool: spool}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		if err := r.network.Behave(t.Context(), friend, sandbox.Behaviour{Receipts: sandbox.ReceiptsRead}); err != nil {
			t.Fatal(err)
		}
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		for name, c := range map[string]struct {
			file          instance.File
			content       []byte
			kind          string
			width, height int
		}{
			"picture":              {instance.File{Name: "a.jpg", MIME: "image/jpeg", Caption: "look", ID: "MINE-1"}, asJPEG(t, drawing(300, 200)), "image", 300, 200},
			"picture as PNG":       {instance.File{Name: "a.png", MIME: "image/png"}, asPNG(t, drawing(40, 1000)), "image", 40, 1000},
			"no picture after all": {instance.File{Name: "a.jpg", MIME: "image/jpeg"}, []byte("nothing to see"), "image", 0, 0},
			"document":             {instance.File{Name: "contract.pdf", MIME: "application/pdf"}, []byte("%PDF-"), "document", 0, 0},
			"with a caption":       {instance.File{Name: "räkning.pdf", MIME: "application/pdf", Caption: "read\nthis"}, large, "document", 0, 0},
			"another picture":      {instance.File{Name: "a.gif", MIME: "image/gif"}, []byte("GIF89a"), "document", 0, 0},
		} {
			c.file.To = friend
			content := bytes.NewReader(c.content)
			_, _ = content.Seek(0, io.SeekEnd) // it is read from its beginning all the same
			sent, err := a.sendFile(t.Context(), c.file, content)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			sum := sha256.Sum256(c.content)
			to := friend + "@s.whatsapp.net"
			if sent.Text != c.file.Caption || sent.Type != c.kind || sent.To != to || sent.Chat != to || !sent.FromMe || c.file.ID != "" && sent.ID != c.file.ID || sent.SentAt.IsZero() {
				t.Errorf("%s: sent %+v", name, sent)
			}
			if m := sent.Media; m == nil || m.MIME != c.file.MIME || m.Bytes != int64(len(c.content)) || m.SHA256 != hex.EncodeToString(sum[:]) || m.FileName != c.file.Name {
				t.Fatalf("%s: media %+v", name, m)
			}
			synctest.Wait()
			inbox, err := r.network.Received(t.Context(), friend)
			if err != nil || len(inbox) == 0 {
				t.Fatal(err)
			}
			got := inbox[len(inbox)-1]
			if got.ID != sent.ID || got.Kind != c.kind || got.Text != c.file.Caption || got.MIME != c.file.MIME || got.Bytes != int64(len(c.content)) ||
				c.kind == "document" && got.FileName != c.file.Name || got.Width != c.width || got.Height != c.height {
				t.Errorf("%s: received %+v", name, got)
			}
			var opened, fetched bytes.Buffer
			if err := r.network.ReadFile(t.Context(), friend, sent.ID, &opened); err != nil || !bytes.Equal(opened.Bytes(), c.content) {
				t.Errorf("%s: the phone opened %d bytes, %v", name, opened.Len(), err)
			}
			if err := a.Download(t.Context(), *sent.Media, &fetched); err != nil || !bytes.Equal(fetched.Bytes(), c.content) {
				t.Errorf("%s: fetched %d bytes, %v", name, fetched.Len(), err)
			}
			if told := r.told(); len(told) != 2 || told[0].Message.Type != "delivered" || told[1].Message.Targets[0] != sent.ID {
				t.Errorf("%s: told %+v", name, told)
			}
			if (got.Thumbnail != nil) != (c.width > 0) {
				t.Errorf("%s: thumbnail of %d bytes", name, len(got.Thumbnail))
			}
			if got.Thumbnail != nil {
				checkThumbnail(t, name, got)
			}
		}
		if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

// checkThumbnail: it is small, of the same shape, and shows the drawing.
func checkThumbnail(t *testing.T, name string, got sandbox.ReceivedMessage) {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(got.Thumbnail))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	b := m.Bounds()
	if max(b.Dx(), b.Dy()) != 96 || len(got.Thumbnail) > 4096 {
		t.Errorf("%s: %v in %d bytes", name, b, len(got.Thumbnail))
	}
	if r, g, _, _ := m.At(b.Dx()/2, b.Dy()/4).RGBA(); r>>8 < 200 || g>>8 > 60 {
		t.Errorf("%s: not red above", name)
	}
	if r, g, _, _ := m.At(b.Dx()/2, b.Dy()*3/4).RGBA(); name == "picture as PNG" && (r>>8 < 200 || g>>8 < 200) {
		t.Errorf("%s: not white below", name)
	}
}

// TestSendFileFails: whatever the media server does, there is a clear error that
// holds no credential, and no message.
func TestSendFileFails(t *testing.T) {
	spool := t.TempDir()
	inRig(t, whatsapp.Config{Spool: spool, Answer: 20 * time.Second}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		small, large := []byte("a letter"), make([]byte, 4<<20)
		letter := instance.File{To: friend, Name: "letter.txt", MIME: "text/plain"}
		for name, c := range map[string]struct {
			how     sandbox.Uploads
			content []byte
			says    string
			took    time.Duration
		}{
			"refused":       {sandbox.UploadsRefused, small, "answered with status 403", 0},
			"fails":         {sandbox.UploadsFail, small, "answered with status 500", 0},
			"full":          {sandbox.UploadsFull, small, "answered with status 507", 0},
			"cut":           {sandbox.UploadsCut, large, "", 0},
			"loses it":      {sandbox.UploadsLost, small, "does not say where it has put the file", 0},
			"never ends":    {sandbox.UploadsBabble, small, "upload: ", 0},
			"says nothing":  {sandbox.UploadsMute, small, "no answer in time", 20 * time.Second},
			"takes nothing": {sandbox.UploadsHang, large, "no answer in time", 30 * time.Second},
		} {
			if err := r.network.Behave(t.Context(), phone, sandbox.Behaviour{Uploads: c.how}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			began := time.Now()
			send, err := a.Upload(ctx, letter, bytes.NewReader(c.content))
			cancel()
			if err == nil || send != nil || !strings.Contains(err.Error(), c.says) || time.Since(began) != c.took {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
			if s := err.Error(); strings.Contains(s, "auth") || strings.Contains(s, "mms") || strings.Contains(s, "http") || strings.Contains(s, phone) {
				t.Errorf("%s: the error shows the address: %v", name, err)
			}
		}
		if err := r.network.Behave(t.Context(), phone, sandbox.Behaviour{}); err != nil {
			t.Fatal(err)
		}
		for to, id := range map[string]string{"nobody": "", "120363000000000001@g.us": "", friend: "a b"} {
			var invalid *instance.InvalidError
			if _, err := a.Upload(t.Context(), instance.File{ID: id, To: to, Name: "a", MIME: "a/b"}, bytes.NewReader(small)); !errors.As(err, &invalid) {
				t.Errorf("to %s as %q: %v", to, id, err)
			}
		}
		if _, err := r.network.Received(t.Context(), friend); !errors.Is(err, sandbox.ErrUnknownPhone) {
			t.Errorf("the phone has heard of it: %v", err)
		}
		if _, err := a.sendFile(t.Context(), letter, bytes.NewReader(small)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

// TestUploadToNobody: WhatsApp names no media server.
func TestUploadToNobody(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		if err := r.network.Behave(t.Context(), phone, sandbox.Behaviour{Uploads: sandbox.UploadsNowhere}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Upload(t.Context(), instance.File{To: friend, Name: "a", MIME: "a/b"}, strings.NewReader("x")); err == nil || !strings.Contains(err.Error(), "names no server for files") {
			t.Errorf("%v", err)
		}
	})
}

// TestUploadEndsWithTheConnection at once, and holds up no text meanwhile.
func TestUploadEndsWithTheConnection(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		if err := r.network.Behave(t.Context(), phone, sandbox.Behaviour{Uploads: sandbox.UploadsHang}); err != nil {
			t.Fatal(err)
		}
		failed := make(chan error, 1)
		go func() {
			_, err := a.Upload(t.Context(), instance.File{To: friend, Name: "a", MIME: "a/b"}, bytes.NewReader(make([]byte, 4<<20)))
			failed <- err
		}()
		synctest.Wait()
		if _, err := a.SendText(t.Context(), instance.Text{To: friend, Body: "meanwhile"}); err != nil {
			t.Errorf("a text: %v", err)
		}
		began := time.Now()
		a.Close()
		if err := <-failed; !errors.Is(err, instance.ErrNotConnected) || time.Since(began) > time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if _, err := a.Upload(t.Context(), instance.File{To: friend, Name: "a", MIME: "a/b"}, bytes.NewReader([]byte("x"))); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("closed: %v", err)
		}
	})
}

// TestFileUploadedAndNotSent: the connection ends between the two.
func TestFileUploadedAndNotSent(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		send, err := a.Upload(t.Context(), instance.File{To: friend, Name: "a", MIME: "a/b"}, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
		if _, err := send(t.Context()); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("sent all the same: %v", err)
		}
	})
}

// TestUploadWithoutADisk: the place for what is on its way cannot be written.
func TestUploadWithoutADisk(t *testing.T) {
	inRig(t, whatsapp.Config{Spool: filepath.Join(t.TempDir(), "none")}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		_, err := a.Upload(t.Context(), instance.File{To: friend, Name: "a", MIME: "a/b"}, strings.NewReader("x"))
		if err == nil || !strings.Contains(err.Error(), "the data directory cannot be written: no such file") {
			t.Errorf("%v", err)
		}
	})
}

// zeros is a file of nothing, of any length.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// TestLargeFileCostsNoMemory: of 64 MB, all that is ever allocated, here and at
// the far end, is a fraction; a picture of too many pixels is not decoded.
func TestLargeFileCostsNoMemory(t *testing.T) {
	inRig(t, whatsapp.Config{Spool: t.TempDir()}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		if err := r.network.Behave(t.Context(), friend, sandbox.Behaviour{}); err != nil { // there is such a phone
			t.Fatal(err)
		}
		const size = 64 << 20
		bomb := asPNG(t, image.NewGray(image.Rect(0, 0, 6000, 6000)))
		for name, c := range map[string]struct {
			mime    string
			content io.ReadSeeker
			limit   uint64
		}{
			"document": {"application/zip", io.NewSectionReader(zeros{}, 0, size), size / 8},
			"picture":  {"image/png", bytes.NewReader(bomb), 8 << 20},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			sent, err := a.sendFile(t.Context(), instance.File{To: friend, Name: "a.bin", MIME: c.mime}, c.content)
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > c.limit {
				t.Errorf("%s of %d bytes took %d", name, sent.Media.Bytes, used)
			}
			inbox, err := r.network.Received(t.Context(), friend)
			if err != nil {
				t.Fatal(err)
			}
			if got := inbox[len(inbox)-1]; c.mime == "image/png" && (got.Width != 6000 || got.Thumbnail != nil) {
				t.Errorf("%s: %d pixels wide, thumbnail of %d bytes", name, got.Width, len(got.Thumbnail))
			}
			if err := r.network.ReadFile(t.Context(), friend, sent.ID, io.Discard); err != nil {
				t.Error(err)
			}
		}
	})
}
