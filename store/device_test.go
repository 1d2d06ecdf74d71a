package store_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

func TestDevice(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	d, other := s.Device("a", "one"), s.Device("a", "two")
	apply := func(d *store.Device, writes map[string][]byte) {
		t.Helper()
		if err := d.Apply(t.Context(), writes); err != nil {
			t.Fatal(err)
		}
	}
	apply(d, map[string][]byte{"p:2": []byte("two"), "p:1": []byte("one"), "p:10": []byte("ten"), "q": {}, "bin\x00\xff": {0, 255}})
	apply(other, map[string][]byte{"p:1": []byte("foreign")})
	apply(d, map[string][]byte{"p:2": nil, "p:3": []byte("three"), "never": nil})
	apply(d, nil)

	get := func(d *store.Device, key string, want []byte) {
		t.Helper()
		got, err := d.Get([]byte(key))
		if err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q is %q, %v; want %q", key, got, err, want)
		}
	}
	get(d, "p:1", []byte("one"))
	get(d, "p:2", nil)
	get(d, "q", []byte{})
	get(d, "bin\x00\xff", []byte{0, 255})
	get(d, "nothing", nil)
	get(other, "p:1", []byte("foreign"))
	get(s.Device("b", "one"), "p:1", nil)

	var keys []string
	err := d.Scan([]byte("p:"), func(k, v []byte) error {
		keys = append(keys, string(k)+"="+string(v))
		return nil
	})
	if want := []string{"p:1=one", "p:10=ten", "p:3=three"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("scan: %v, %v", keys, err)
	}
	enough, n := errors.New("enough"), 0
	err = d.Scan(nil, func([]byte, []byte) error {
		n++
		return enough
	})
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("a scan that had enough: %v after %d", err, n)
	}
	stop()

	s, _ = started(t, path)
	d = s.Device("a", "one")
	get(d, "p:3", []byte("three"))
	all := map[string]bool{}
	if err := d.Scan(nil, func(k, _ []byte) error { all[string(k)] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, []string{"bin\x00\xff", "p:1", "p:10", "p:3", "q"}) {
		t.Errorf("after reopen: %q", got)
	}
}

// TestDeviceAnswersCopies: whoever keeps or changes an answer changes nothing.
func TestDeviceAnswersCopies(t *testing.T) {
	s, _ := started(t, newPath(t))
	d := s.Device("a", "one")
	value := bytes.Repeat([]byte("ratchet "), 1000) // too large to be kept inline, which is a copy anyway
	want := bytes.Clone(value)
	if err := d.Apply(t.Context(), map[string][]byte{"k": value}); err != nil {
		t.Fatal(err)
	}
	clear(value)
	one, err1 := d.Get([]byte("k"))
	two, err2 := d.Get([]byte("k"))
	if err := errors.Join(err1, err2); err != nil || !bytes.Equal(one, want) || !bytes.Equal(two, want) {
		t.Fatalf("%d and %d bytes, %v", len(one), len(two), err)
	}
	if &one[0] == &two[0] {
		t.Error("two answers share their bytes: they lie in the mapped file")
	}
}

func TestDeviceRefusesBadNames(t *testing.T) {
	s, _ := started(t, newPath(t))
	for _, d := range []*store.Device{s.Device("", "s"), s.Device("a", ""), s.Device("a\x00b", "s"), s.Device("a", "s\x00")} {
		_, err := d.Get([]byte("k"))
		scan := d.Scan(nil, func([]byte, []byte) error { return nil })
		if apply := d.Apply(t.Context(), map[string][]byte{"k": {1}}); err == nil || scan == nil || apply == nil {
			t.Errorf("a device without a place answers %v, %v, %v", err, scan, apply)
		}
	}
}

// TestPutDevice: key material and the event it belongs to are one change.
func TestPutDevice(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path, sealedBy(mask{}))
	commit(t, s, func(c *store.Change) {
		c.PutDevice("a", "one", map[string][]byte{"k": []byte("v"), "gone": []byte("soon")})
		c.PutDevice("a", "two", map[string][]byte{"k": []byte("foreign")})
	})
	commit(t, s, func(c *store.Change) {
		c.PutDevice("a", "one", map[string][]byte{"gone": nil, "empty": {}})
		c.Append(record.Event{Stream: "a", Kind: "test", At: moment})
	})
	bad := s.Change()
	bad.Append(record.Event{Stream: "a", Kind: "test", At: moment})
	bad.PutDevice("a", "", map[string][]byte{"k": []byte("nowhere")})
	if _, err := s.Commit(t.Context(), bad); err == nil {
		t.Error("a change with a key that has no place was taken")
	}
	got := map[string]string{}
	err := s.Device("a", "one").Scan(nil, func(k, v []byte) error { got[string(k)] = string(v); return nil })
	if want := map[string]string{"k": "v", "empty": ""}; err != nil || !maps.Equal(got, want) {
		t.Errorf("the device holds %q, %v", got, err)
	}
	stop()
	if n := transactions(t, path); n != 4 { // two made the file and opened it
		t.Errorf("%d transactions for two changes", n-2)
	}
}
