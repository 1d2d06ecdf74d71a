package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/seal"
)

var place, elsewhere = []byte("device\x00a"), []byte("device\x00b")

func sealed(t testing.TB, r *seal.Ring, plain string) []byte {
	t.Helper()
	v, err := r.Seal(nil, place, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func opens(t testing.TB, r *seal.Ring, v []byte, want string) {
	t.Helper()
	got, err := r.Open(place, v)
	if err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func reopened(t testing.TB, r *seal.Ring, k seal.Key) *seal.Ring {
	t.Helper()
	again, err := seal.OpenRing(r.Record(), k)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestRing(t *testing.T) {
	key := seal.NewKey()
	r := seal.NewRing(key, true)
	for _, plain := range []string{"", "x", strings.Repeat("long ", 5000)} {
		v := sealed(t, r, plain)
		if len(v) != len(plain)+seal.Overhead || len(plain) > 1 && bytes.Contains(v, []byte(plain[:5])) {
			t.Errorf("%d bytes became %d", len(plain), len(v))
		}
		opens(t, r, v, plain)
		opens(t, reopened(t, r, key), v, plain)
		if other := sealed(t, r, plain); bytes.Equal(v, other) {
			t.Error("the same plain text is sealed the same twice")
		}
		if _, err := r.Open(elsewhere, v); !errors.Is(err, seal.ErrValue) {
			t.Errorf("it opens in another place: %v", err)
		}
		for i := range min(len(v), 60) {
			bad := slices.Clone(v)
			bad[i] ^= 1
			if _, err := r.Open(place, bad); err == nil {
				t.Errorf("with byte %d changed it opens", i)
			}
		}
	}
	if _, err := r.Open(place, append([]byte{0}, "clear"...)); !errors.Is(err, seal.ErrClear) {
		t.Errorf("a value in the clear: %v", err)
	}
}

func TestValuesInTheClear(t *testing.T) {
	key := seal.NewKey()
	r := seal.NewRing(key, false)
	plain := append([]byte{0}, "clear"...)
	opens(t, r, plain, "clear")
	if r.Settled() || !r.Stale(plain) || r.Stale(sealed(t, r, "x")) {
		t.Error("what has to be sealed is not known")
	}
	_, stored := r.Settle()
	stored()
	if _, err := r.Open(place, plain); !errors.Is(err, seal.ErrClear) || !r.Settled() {
		t.Errorf("settled, it takes a value in the clear: %v", err)
	}
	if _, err := reopened(t, r, key).Open(place, plain); !errors.Is(err, seal.ErrClear) {
		t.Errorf("opened again, it takes a value in the clear: %v", err)
	}
}

func TestWrongKey(t *testing.T) {
	right, wrong := seal.NewKey(), seal.NewKey()
	record := seal.NewRing(right, true).Record()
	_, err := seal.OpenRing(record, wrong)
	var e *seal.WrongKeyError
	if !errors.As(err, &e) || !slices.Equal(e.Wants, []string{right.ID()}) || e.Given != wrong.ID() {
		t.Errorf("%v", err)
	}
	if ids, err := seal.KeyIDs(record); err != nil || !slices.Equal(ids, []string{right.ID()}) {
		t.Errorf("%v, %v", ids, err)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "no JSON": []byte("x"), "too long": make([]byte, 65<<10),
		"another version": bytes.Replace(record, []byte(`"version":1`), []byte(`"version":2`), 1),
		"a changed box":   bytes.Replace(record, []byte(`"box":"`), []byte(`"box":"AAAA`), 1),
		"a changed slot":  bytes.Replace(record, []byte(`"key":"`), []byte(`"key":"AAAA`), 1),
	} {
		if _, err := seal.OpenRing(bad, right); !errors.Is(err, seal.ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRotate changes the operator's key step by step: after each, the record
// opens with the old key or the new one, as promised.
func TestRotate(t *testing.T) {
	old, next := seal.NewKey(), seal.NewKey()
	r := seal.NewRing(old, true)
	v := sealed(t, r, "kept")
	check := func(record []byte, step string, withOld, withNew bool) {
		t.Helper()
		for key, want := range map[seal.Key]bool{old: withOld, next: withNew} {
			got, err := seal.OpenRing(record, key)
			if (err == nil) != want {
				t.Errorf("%s: opens: %v, want %t", step, err, want)
			}
			if err == nil {
				opens(t, got, v, "kept")
				if got.Newest() != (key == next || !withNew) || got.KeyID() != key.ID() {
					t.Errorf("%s: newest %t, key %s", step, got.Newest(), got.KeyID())
				}
			}
		}
	}
	check(r.Record(), "before", true, false)
	record, stored, err := r.AddKey(next)
	if err != nil {
		t.Fatal(err)
	}
	check(r.Record(), "not stored", true, false)
	check(record, "added", true, true)
	stored()
	check(r.Record(), "stored", true, true)
	if _, _, err := r.AddKey(next); err == nil {
		t.Error("the same key is added twice")
	}
	record, stored = r.OnlyKey(next)
	check(record, "only", false, true)
	stored()
	opens(t, r, v, "kept")
	if !r.Newest() || !slices.Equal(r.KeyIDs(), []string{next.ID()}) {
		t.Errorf("keys %v", r.KeyIDs())
	}
}

func TestDataKeys(t *testing.T) {
	key := seal.NewKey()
	r := seal.NewRing(key, true)
	first := sealed(t, r, "first")
	_, stored, err := r.AddDataKey()
	if err != nil {
		t.Fatal(err)
	}
	if !r.Settled() {
		t.Error("a key that is not stored is in use")
	}
	stored()
	second := sealed(t, r, "second")
	if r.Settled() || !r.Stale(first) || r.Stale(second) {
		t.Error("the first value is not stale")
	}
	if _, _, err := r.AddDataKey(); err == nil {
		t.Error("a third key is made while values wait for the second")
	}
	again := reopened(t, r, key)
	opens(t, again, first, "first")
	opens(t, again, second, "second")
	_, stored = again.Settle()
	stored()
	opens(t, again, second, "second")
	if _, err := again.Open(place, first); !errors.Is(err, seal.ErrValue) || !again.Settled() {
		t.Errorf("the old data key is still there: %v", err)
	}
}

func TestKeysHide(t *testing.T) {
	k := seal.NewKey()
	text := strings.TrimSpace(k.Text())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if s := fmt.Sprintf(verb, k); s != "[redacted]" {
			t.Errorf("%s prints %s", verb, s)
		}
	}
	if strings.Contains(text, k.ID()) || len(k.ID()) != 16 {
		t.Errorf("the id is %s", k.ID())
	}
}

func BenchmarkSeal(b *testing.B) {
	r := seal.NewRing(seal.NewKey(), true)
	for _, n := range []int{100, 800, 8000} {
		plain := make([]byte, n)
		v, err := r.Seal(nil, place, plain)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("seal/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = r.Seal(nil, place, plain)
			}
		})
		b.Run(fmt.Sprintf("open/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = r.Open(place, v)
			}
		})
	}
}
