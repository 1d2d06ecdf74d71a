package daemon

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/record"
)

func newParcel() *parcel {
	return &parcel{
		manifest: manifest{
			Export: "E", Network: "sandbox", Epoch: 2, Seq: 40,
			Instance: record.Instance{ID: "i1", Name: "shop"},
			Session:  record.Session{ID: "s1", JID: "1:1@s.whatsapp.net"},
		},
		keys: map[string][]byte{"p1": []byte("prekey"), "s\x00two": bytes.Repeat([]byte{7}, 100_000), "empty": {}},
	}
}

func packedParcel(t testing.TB, p *parcel) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParcel(t *testing.T) {
	want := newParcel()
	file := packedParcel(t, want)
	got, err := readParcel(bytes.NewReader(file))
	if err != nil || got.Session.JID != want.Session.JID || got.Seq != 40 || !maps.EqualFunc(got.keys, want.keys, bytes.Equal) {
		t.Fatalf("%+v, %v", got, err)
	}
	for at := 0; at < len(file); at += 1 + at/20 {
		if _, err := readParcel(bytes.NewReader(file[:at])); !errors.Is(err, errParcel) {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
	for name, edit := range map[string]func(*parcel){
		"no export":         func(p *parcel) { p.Export = "" },
		"no id":             func(p *parcel) { p.Instance.ID = "" },
		"an id of a path":   func(p *parcel) { p.Instance.ID = "../i1" },
		"the daemon's own":  func(p *parcel) { p.Instance.ID = "daemon" },
		"an id of two":      func(p *parcel) { p.Instance.ID = "i1\x00s1" },
		"no session":        func(p *parcel) { p.Session.ID = "" },
		"a session of none": func(p *parcel) { p.Session.JID = "" },
	} {
		p := newParcel()
		edit(p)
		if _, err := readParcel(bytes.NewReader(packedParcel(t, p))); !errors.Is(err, errParcel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readParcel(bytes.NewReader(append(slices.Clone(file), 0))); !errors.Is(err, errParcel) {
		t.Errorf("one byte more: %v", err)
	}
}

// FuzzReadParcel holds that whatever the sealed stream holds is an instance or
// refused, and that what is taken is written the same.
func FuzzReadParcel(f *testing.F) {
	f.Add(packedParcel(f, newParcel()))
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readParcel(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := readParcel(bytes.NewReader(packedParcel(t, p)))
		if err != nil || !maps.EqualFunc(again.keys, p.keys, bytes.Equal) || again.Instance.ID != p.Instance.ID {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
	})
}
