package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/sandbox"
)

// portrait is a JPEG of one shade.
func portrait(t testing.TB, shade uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 32, 32))
	for i := range img.Pix {
		img.Pix[i] = shade
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	if img.At(0, 0) != (color.Gray{shade}) {
		t.Fatal("the picture has another shade")
	}
	return b.Bytes()
}

// setOwn sets the account's picture as WHATSAPP.md §7 proves: no target, which is
// the group of nobody.
func (w *writer) setOwn(ctx context.Context, body []byte) (string, error) {
	return w.client.SetGroupPhoto(ctx, types.EmptyJID, body)
}

func (w *writer) pictureOf(t *testing.T, jid types.JID, known string) (*types.ProfilePictureInfo, error) {
	t.Helper()
	return w.client.GetProfilePictureInfo(t.Context(), jid, &whatsmeow.GetProfilePictureParams{ExistingID: known})
}

// fetch gets what a picture's address leads to.
func (r *rig) fetch(t *testing.T, url string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

func TestOwnPicture(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w, other := r.enrol(t, someone), r.enrol(t, contact)
		defer w.hangUp()
		defer other.hangUp()
		if _, err := w.pictureOf(t, pn(someone), ""); !errors.Is(err, whatsmeow.ErrProfilePictureNotSet) {
			t.Errorf("before there is one: %v", err)
		}
		first, err := w.setOwn(t.Context(), portrait(t, 10))
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.setOwn(t.Context(), portrait(t, 200))
		if err != nil {
			t.Fatal(err)
		}
		a, _ := strconv.Atoi(first)
		b, _ := strconv.Atoi(second)
		if a <= 0 || b <= a {
			t.Errorf("numbers %q and %q do not grow", first, second)
		}
		for name, who := range map[string]*writer{"the account": w, "another": other} {
			info, err := who.pictureOf(t, pn(someone), first)
			if err != nil || info == nil || info.ID != second || info.Type != "image" {
				t.Fatalf("%s is told %+v, %v", name, info, err)
			}
			if status, got := r.fetch(t, info.URL); status != http.StatusOK || !bytes.Equal(got, portrait(t, 200)) {
				t.Errorf("%s is served %d, %d bytes", name, status, len(got))
			}
			if again, err := who.pictureOf(t, pn(someone), second); again != nil || err != nil {
				t.Errorf("%s has it already, and is told %+v, %v", name, again, err)
			}
		}
		if got, err := r.network.Picture(t.Context(), someone); err != nil || !bytes.Equal(got, portrait(t, 200)) {
			t.Errorf("the phone has %d bytes, %v", len(got), err)
		}
		if _, err := w.setOwn(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := other.pictureOf(t, pn(someone), ""); !errors.Is(err, whatsmeow.ErrProfilePictureNotSet) {
			t.Errorf("removed: %v", err)
		}
	})
}

func TestPictureRefused(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		for name, body := range map[string][]byte{"text": []byte("no picture"), "half": portrait(t, 1)[:20], "large": append(portrait(t, 1), make([]byte, 1<<20)...)} {
			if _, err := w.setOwn(t.Context(), body); !errors.Is(err, whatsmeow.ErrInvalidImageFormat) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for how, want := range map[sandbox.Portraits]error{
			sandbox.PortraitsRefused: whatsmeow.ErrIQRateOverLimit, sandbox.PortraitsUnacceptable: whatsmeow.ErrInvalidImageFormat,
		} {
			r.behaves(t, someone, sandbox.Behaviour{Portraits: how})
			if _, err := w.setOwn(t.Context(), portrait(t, 1)); !errors.Is(err, want) {
				t.Errorf("%s: %v", how, err)
			}
		}
		r.behaves(t, someone, sandbox.Behaviour{Portraits: sandbox.PortraitsSilent})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := w.setOwn(ctx, portrait(t, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("silent: %v", err)
		}
		if _, err := w.client.SetGroupPhoto(t.Context(), types.NewJID("1203630001", types.GroupServer), portrait(t, 1)); err == nil {
			t.Error("a group that there is not has a picture now")
		}
		if got, err := r.network.Picture(t.Context(), someone); err != nil || got != nil {
			t.Errorf("the phone has %d bytes, %v", len(got), err)
		}
		if err := r.network.Behave(t.Context(), someone, sandbox.Behaviour{Portraits: "odd"}); !errors.Is(err, sandbox.ErrBadBehaviour) {
			t.Errorf("an odd behaviour: %v", err)
		}
	})
}

func (r *rig) behaves(t *testing.T, digits string, how sandbox.Behaviour) {
	t.Helper()
	if err := r.network.Behave(t.Context(), digits, how); err != nil {
		t.Fatal(err)
	}
}

// TestContacts: who is there, and what they show.
func TestContacts(t *testing.T) {
	const shy, nobody = "4915112340002", "4915112349999"
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		for _, digits := range []string{contact, shy} {
			if err := r.network.SetPicture(t.Context(), digits, portrait(t, 77)); err != nil {
				t.Fatal(err)
			}
		}
		r.behaves(t, shy, sandbox.Behaviour{Portraits: sandbox.PortraitsHidden})
		found, err := w.client.IsOnWhatsApp(t.Context(), []string{"+" + contact, "+" + nobody})
		if err != nil || len(found) != 2 || !found[0].IsIn || found[0].JID != pn(contact) || found[1].IsIn {
			t.Errorf("found %+v, %v", found, err)
		}
		info, err := w.pictureOf(t, pn(contact), "")
		if err != nil {
			t.Fatal(err)
		}
		if status, got := r.fetch(t, info.URL); status != http.StatusOK || !bytes.Equal(got, portrait(t, 77)) {
			t.Errorf("served %d, %d bytes", status, len(got))
		}
		if _, err := w.pictureOf(t, pn(shy), ""); !errors.Is(err, whatsmeow.ErrProfilePictureUnauthorized) {
			t.Errorf("hidden: %v", err)
		}
		if _, err := w.pictureOf(t, pn(nobody), ""); !errors.Is(err, whatsmeow.ErrProfilePictureNotSet) {
			t.Errorf("nobody: %v", err)
		}
		if err := r.network.SetPicture(t.Context(), contact, nil); err != nil {
			t.Fatal(err)
		}
		if status, _ := r.fetch(t, info.URL); status != http.StatusNotFound {
			t.Errorf("taken away, and served with %d", status)
		}
	})
}

// TestPictureOutlastsTheSandbox in its file, and over the control API.
func TestPictureOutlastsTheSandbox(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "sandbox.db")
	for i := range 2 {
		n, err := sandbox.Open(sandbox.Config{StateFile: state})
		if err != nil {
			t.Fatal(err)
		}
		r := serveTCP(t, n)
		far := sandbox.NewClient("http://" + r.addr)
		if i == 0 {
			if err := far.SetPicture(t.Context(), contact, portrait(t, 5)); err != nil {
				t.Fatal(err)
			}
			if err := far.SetPicture(t.Context(), contact, []byte("no")); !errors.Is(err, sandbox.ErrBadPicture) {
				t.Errorf("no picture: %v", err)
			}
			if _, err := far.Picture(t.Context(), "4915112349999"); !errors.Is(err, sandbox.ErrUnknownPhone) {
				t.Errorf("nobody's: %v", err)
			}
			if err := far.SetPicture(t.Context(), "12", nil); !errors.Is(err, sandbox.ErrBadPhone) {
				t.Errorf("no phone: %v", err)
			}
		}
		if got, err := far.Picture(t.Context(), contact); err != nil || !bytes.Equal(got, portrait(t, 5)) {
			t.Errorf("round %d: %d bytes, %v", i, len(got), err)
		}
		far.HTTP.CloseIdleConnections()
		r.stop()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
