package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook/store"
)

// FuzzParseHeader holds that a header says one thing in one way.
func FuzzParseHeader(f *testing.F) {
	f.Add(append(store.AppendHeader(nil, "k3f9", 1, 42, moment), "body"...))
	f.Add(store.AppendHeader(nil, "", 0, 0, moment))
	f.Add(store.AppendHeader(nil, "daemon", 1<<32-1, 1<<64-1, moment)[:25])
	f.Add([]byte{1, 255, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, v []byte) {
		stream, epoch, seq, nanos, body, err := store.ParseHeader(v)
		if err != nil {
			return
		}
		again := append(store.AppendHeader(nil, stream, epoch, seq, time.Unix(0, nanos)), body...)
		if !bytes.Equal(v, again) {
			t.Fatalf("%x parses to %q, %d, %d, %d, %x and becomes %x", v, stream, epoch, seq, nanos, body, again)
		}
	})
}

// FuzzVerifyPages gives it files whose meta pages carry right checksums, so
// that the tree behind them is reached: the data itself, or a real file with
// the data's patches, each an offset of three bytes and a byte to write there.
// What it accepts, bbolt must open.
func FuzzVerifyPages(f *testing.F) {
	bases := [][]byte{nil, populated(f, 40, false), populated(f, 40, true)}
	for n, base := range bases {
		f.Add(uint8(n), []byte{})
		f.Add(uint8(n), []byte{0, 0, 32, 5, 0, 48, 10, 255})
		for at := 0; at < len(base); at += pageSize {
			f.Add(uint8(n), []byte{0, byte(at >> 8), 10, 1, 0, byte(at >> 8), 40, 7})
		}
	}
	f.Add(uint8(0), []byte("not a database"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, base uint8, data []byte) {
		image := data
		if n := int(base) % len(bases); n > 0 {
			image = bytes.Clone(bases[n])
			for ; len(data) >= 4; data = data[4:] {
				image[(int(data[0])<<16|int(data[1])<<8|int(data[2]))%len(image)] = data[3]
			}
		}
		rightSums(image)
		path := filepath.Join(dir, "fuzz.db") // each worker has a directory of its own
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		verified := store.VerifyPages(path, pageSize)
		s, err := store.Open(path, store.Options{Network: "sandbox"})
		if err == nil {
			for question, err := range readEverything(s) {
				if err != nil && !damage(err) {
					t.Errorf("%s: %v", question, err)
				}
			}
			err = s.Close()
		}
		var corrupt *store.CorruptError
		if verified != nil && len(image) > 0 && !errors.As(err, &corrupt) {
			t.Fatalf("Open answers %v for a file with %v", err, verified)
		}
	})
}
