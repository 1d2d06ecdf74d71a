package whatsapp_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

func portrait(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (r *rig) behave(digits string, how sandbox.Behaviour) {
	r.t.Helper()
	if err := r.network.Behave(r.t.Context(), digits, how); err != nil {
		r.t.Fatal(err)
	}
}

func TestSetPicture(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		want := portrait(t)
		id, err := a.SetPicture(t.Context(), want)
		if err != nil || id == "" {
			t.Fatalf("%q, %v", id, err)
		}
		if got, err := r.network.Picture(t.Context(), phone); err != nil || !bytes.Equal(got, want) {
			t.Errorf("WhatsApp has %d bytes, %v", len(got), err)
		}
		var invalid *instance.InvalidError
		if _, err := a.SetPicture(t.Context(), nil); !errors.As(err, &invalid) {
			t.Errorf("nothing: %v", err)
		}
		for how, says := range map[sandbox.Portraits]string{
			sandbox.PortraitsRefused: "too often", sandbox.PortraitsUnacceptable: "does not take this image",
		} {
			r.behave(phone, sandbox.Behaviour{Portraits: how})
			if _, err := a.SetPicture(t.Context(), want); !errors.Is(err, instance.ErrPictureRefused) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", how, err)
			}
		}
		r.behave(phone, sandbox.Behaviour{Portraits: sandbox.PortraitsSilent})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := a.SetPicture(ctx, want); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, instance.ErrPictureRefused) || time.Since(began) != 3*time.Second {
			t.Errorf("silent: %v after %v", err, time.Since(began))
		}
	})
}

// TestSetPictureCutOff: the connection is lost, or closed, before the answer comes:
// it may have been set, and nobody waits long to hear that.
func TestSetPictureCutOff(t *testing.T) {
	for name, cut := range map[string]func(*testing.T, *rig, *attempt){
		"lost": func(t *testing.T, r *rig, _ *attempt) {
			if err := r.network.Fault(t.Context(), sandbox.Target{Phone: phone}, sandbox.FaultDrop, sandbox.FaultOptions{}); err != nil {
				t.Error(err)
			}
		},
		"closed": func(_ *testing.T, _ *rig, a *attempt) { a.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
				a := r.pair()
				defer a.Close()
				r.behave(phone, sandbox.Behaviour{Portraits: sandbox.PortraitsSilent})
				failed := make(chan error, 1)
				go func() { _, err := a.SetPicture(t.Context(), portrait(t)); failed <- err }()
				synctest.Wait()
				began := time.Now()
				cut(t, r, a)
				err := <-failed
				if err == nil || errors.Is(err, instance.ErrPictureRefused) || strings.Contains(err.Error(), "<") || time.Since(began) > 10*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				if _, err := a.SetPicture(t.Context(), portrait(t)); !errors.Is(err, instance.ErrNotConnected) {
					t.Errorf("afterwards: %v", err)
				}
				if _, err := a.Contact(t.Context(), friend); !errors.Is(err, instance.ErrNotConnected) {
					t.Errorf("a look-up afterwards: %v", err)
				}
			})
		})
	}
}

func TestContact(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		const shy, plain, nobody = "15550007771", "15550007772", "15550007779"
		a := r.pair()
		defer a.Close()
		for _, digits := range []string{friend, shy} {
			if err := r.network.SetPicture(t.Context(), digits, portrait(t)); err != nil {
				t.Fatal(err)
			}
		}
		r.behave(shy, sandbox.Behaviour{Portraits: sandbox.PortraitsHidden})
		r.behave(plain, sandbox.Behaviour{})
		for of, want := range map[string]struct {
			jid      string
			exists   bool
			pictured bool
		}{
			friend:                     {friend + "@s.whatsapp.net", true, true},
			friend + "@s.whatsapp.net": {friend + "@s.whatsapp.net", true, true},
			friend + "@c.us":           {friend + "@s.whatsapp.net", true, true},
			shy:                        {shy + "@s.whatsapp.net", true, false},
			plain:                      {plain + "@s.whatsapp.net", true, false},
			nobody:                     {nobody + "@s.whatsapp.net", false, false},
			"120363000000000001@g.us":  {"120363000000000001@g.us", true, false},
			"100000000000099@lid":      {"100000000000099@lid", true, false},
		} {
			got, err := a.Contact(t.Context(), of)
			if err != nil || got.JID != want.jid || got.Exists != want.exists || strings.HasPrefix(got.PictureURL, "https://") != want.pictured {
				t.Errorf("%s: %+v, %v", of, got, err)
			}
		}
		for _, bad := range []string{"", "nobody", "+" + friend, "123", "x@g.us", "1-2-3@g.us", "1@newsletter", friend + ":3@s.whatsapp.net"} {
			var invalid *instance.InvalidError
			if _, err := a.Contact(t.Context(), bad); !errors.As(err, &invalid) || invalid.Field != "jid" {
				t.Errorf("%q: %v", bad, err)
			}
		}
		r.behave(friend, sandbox.Behaviour{Portraits: sandbox.PortraitsSilent})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := a.Contact(ctx, friend); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), friend) {
			t.Errorf("silent: %v", err)
		}
	})
}

// TestPictureKeepsSecrets: neither the picture's address nor a number is logged.
func TestPictureKeepsSecrets(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		if err := r.network.SetPicture(t.Context(), friend, portrait(t)); err != nil {
			t.Fatal(err)
		}
		got, err := a.Contact(t.Context(), friend)
		if err != nil {
			t.Fatal(err)
		}
		if log := r.log.String(); strings.Contains(log, got.PictureURL) || strings.Contains(log, friend) {
			t.Error("the log holds a number or an address")
		}
	})
}
