package seal_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/seal"
)

// FuzzParseKey holds that what is taken comes back the same, and that no error
// shows what was given.
func FuzzParseKey(f *testing.F) {
	k := seal.NewKey()
	for _, s := range []string{
		k.Text(), strings.TrimSpace(k.Text()), strings.Repeat("0f", 32), strings.Repeat("A", 43),
		strings.Repeat("A", 44), "", "=", "\n", strings.Repeat("-_", 21) + "w", strings.Repeat("é", 22),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := seal.ParseKey(s)
		if err != nil {
			if len(s) > 8 && strings.Contains(err.Error(), strings.TrimSpace(s)) && !strings.Contains(seal.ErrKeyText.Error(), strings.TrimSpace(s)) {
				t.Fatalf("the error shows %q", s)
			}
			return
		}
		again, err := seal.ParseKey(k.Text())
		if err != nil || again != k {
			t.Fatalf("%q came back as another key: %v", s, err)
		}
	})
}

// FuzzOpen holds that only what was sealed opens, whatever else is tried.
func FuzzOpen(f *testing.F) {
	ring := seal.NewRing(seal.NewKey(), true)
	good, err := ring.Seal(nil, []byte("place"), []byte("plain"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add([]byte{0, 1, 2})
	f.Add([]byte{1, 0, 1})
	f.Add(good[:len(good)-1])
	f.Add(append([]byte{2}, good[1:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if plain, err := ring.Open([]byte("place"), b); err == nil && !bytes.Equal(b, good) {
			t.Fatalf("%x opens to %q", b, plain)
		}
		_ = ring.Stale(b)
	})
}

// FuzzRecord holds that no record but a ring's own opens.
func FuzzRecord(f *testing.F) {
	key := seal.NewKey()
	ring := seal.NewRing(key, false)
	f.Add(ring.Record())
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"version":1,"slots":[{"id":"` + key.ID() + `"}]}`))
	f.Add([]byte(`{"version":1,"slots":[{"id":"` + key.ID() + `","key":"AAAA"}],"box":"AAAA"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = seal.KeyIDs(b)
		r, err := seal.OpenRing(b, key)
		if err != nil {
			return
		}
		v, err := ring.Seal(nil, nil, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Open(nil, v); err != nil {
			t.Fatalf("a record of other keys opens: %q", b)
		}
	})
}
