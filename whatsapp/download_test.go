package whatsapp_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

func TestDownload(t *testing.T) {
	spool := t.TempDir()
	inRig(t, whatsapp.Config{Spool: spool}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		for _, kind := range []string{"image", "video", "audio", "document", "sticker"} {
			for _, size := range []int{1, 15, 16, 17, 1 << 20} {
				want := bytes.Repeat([]byte{byte(size)}, size)
				r.send(sandbox.SendSpec{Media: &sandbox.Media{Kind: kind, Bytes: want}})
				_, m := r.one()
				var got bytes.Buffer
				if err := a.Download(t.Context(), *m.Media, &got); err != nil || !bytes.Equal(got.Bytes(), want) {
					t.Errorf("%s of %d bytes: %d, %v", kind, size, got.Len(), err)
				}
			}
		}
		if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

func TestDownloadFails(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		r.send(sandbox.SendSpec{Media: &sandbox.Media{Kind: "image", Bytes: make([]byte, 1000)}})
		_, m := r.one()
		behave := func(d sandbox.Downloads) {
			t.Helper()
			if err := r.network.Behave(t.Context(), friend, sandbox.Behaviour{Downloads: d}); err != nil {
				t.Fatal(err)
			}
		}
		var nothing bytes.Buffer
		var invalid *instance.InvalidError
		for _, d := range []sandbox.Downloads{sandbox.DownloadsNotFound, sandbox.DownloadsGone} {
			behave(d)
			if err := a.Download(t.Context(), *m.Media, &nothing); !errors.Is(err, whatsapp.ErrGone) || !errors.As(err, &invalid) {
				t.Errorf("%s: %v", d, err)
			}
		}
		behave(sandbox.DownloadsSlow)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Download(ctx, *m.Media, &nothing); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("slow: %v", err)
		}
		behave(sandbox.DownloadsWork)
		short := *m.Media
		short.Bytes = 100
		if err := a.Download(t.Context(), short, &nothing); err == nil {
			t.Error("took more than was said")
		}
		for name, ref := range map[string][]byte{"none": nil, "damaged": {1, 1, 0xff}, "newer": append([]byte{9}, m.Media.Ref[1:]...)} {
			if err := a.Download(t.Context(), record.Media{Ref: ref}, &nothing); !errors.As(err, &invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		wrong := *m.Media
		wrong.Ref = bytes.Clone(wrong.Ref)
		wrong.Ref[1] = 2 // a video's keys
		if err := a.Download(t.Context(), wrong, &nothing); err == nil || errors.As(err, &invalid) {
			t.Errorf("with another key: %v", err)
		}
		if nothing.Len() != 0 {
			t.Errorf("%d bytes came out", nothing.Len())
		}
		if err := a.Download(t.Context(), *m.Media, full{}); !errors.Is(err, instance.ErrFull) {
			t.Errorf("full: %v", err)
		}
		if err := a.Download(t.Context(), *m.Media, &nothing); err != nil || nothing.Len() != 1000 {
			t.Errorf("afterwards: %d bytes, %v", nothing.Len(), err)
		}
	})
}

// full is where nothing fits any more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, instance.ErrFull }
