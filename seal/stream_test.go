package seal_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/seal"
)

const phrase = "correct horse battery"

// cheap keeps the tests quick; the cost stands in the header.
var cheap = seal.Cost{Time: 1, Memory: 64, Threads: 1}

func packed(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := seal.NewWriter(&b, phrase, cheap)
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(plain, 10_000) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("more")); err == nil {
		t.Fatal("a finished file takes more")
	}
	return b.Bytes()
}

func unpacked(file []byte, phrase string) ([]byte, error) {
	r, err := seal.NewReader(bytes.NewReader(file), phrase)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func noise(n int) []byte {
	r, out := rand.New(rand.NewPCG(1, uint64(n))), make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

func TestStream(t *testing.T) {
	for _, n := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 3 * 64 << 10, 200_000} {
		plain := noise(n)
		file := packed(t, plain)
		got, err := unpacked(file, phrase)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes came back as %d: %v", n, len(got), err)
		}
		if n > 8 && bytes.Contains(file, plain[:8]) {
			t.Errorf("%d bytes: the plain text is in the file", n)
		}
		if _, err := unpacked(file, phrase+"x"); !errors.Is(err, seal.ErrPassphrase) {
			t.Errorf("%d bytes, wrong passphrase: %v", n, err)
		}
		if _, err := unpacked(append(slices.Clone(file), 0), phrase); !errors.Is(err, seal.ErrStream) {
			t.Errorf("%d bytes and one more: %v", n, err)
		}
	}
}

func TestStreamDamage(t *testing.T) {
	plain := noise(150_000)
	file := packed(t, plain)
	const first = 44 + 4 + 64<<10 + 16
	for at := 0; at < len(file); at += 1 + at/7 {
		bad := slices.Clone(file)
		bad[at] ^= 0x40
		if at == 9 || at >= 12 && at < 20 {
			continue // a cost beyond the test's patience
		}
		if got, err := unpacked(bad, phrase); err == nil || !bytes.HasPrefix(plain, got) {
			t.Errorf("with byte %d changed it opens", at)
		}
		if _, err := unpacked(file[:at], phrase); err == nil {
			t.Errorf("cut at %d it opens", at)
		}
	}
	second := file[first : 2*first-44]
	for name, bad := range map[string][]byte{
		"cut after a chunk": file[:first],
		"a chunk twice":     slices.Concat(file[:first], second, file[first:]),
		"a chunk missing":   slices.Concat(file[:first], file[2*first-44:]),
		"chunks swapped":    slices.Concat(file[:44], second, file[44:first], file[2*first-44:]),
		"another's header":  slices.Concat(packed(t, nil)[:44], file[44:]),
	} {
		if got, err := unpacked(bad, phrase); err == nil || !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: it opens", name)
		}
	}
}

func TestStreamHeader(t *testing.T) {
	file := packed(t, []byte("plain"))
	edit := func(at int, b ...byte) []byte {
		bad := slices.Clone(file)
		copy(bad[at:], b)
		return bad
	}
	for name, bad := range map[string][]byte{
		"no file": nil, "text": []byte("-----BEGIN SOMETHING ELSE-----, and long enough for a header"),
		"version": edit(8, 2), "threads": edit(9, 0), "many threads": edit(9, 255), "no passes": edit(12, 0, 0, 0, 0),
		"many passes": edit(12, 1), "much memory": edit(16, 1), "reserved": edit(10, 1),
	} {
		if _, err := unpacked(bad, phrase); !errors.Is(err, seal.ErrNoStream) && !errors.Is(err, seal.ErrStream) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := seal.NewWriter(io.Discard, "short", cheap); err == nil {
		t.Error("a short passphrase is taken")
	}
}

// FuzzStream holds that damage is always noticed and nothing unauthenticated is
// answered. The header stays, as deriving keys takes its time.
func FuzzStream(f *testing.F) {
	plain := noise(70_000)
	file := packed(f, plain)
	f.Add(file[44:])
	f.Add(file[44:100])
	f.Add([]byte{0, 0, 0, 16})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, chunks []byte) {
		got, err := unpacked(slices.Concat(file[:44], chunks), phrase)
		if !bytes.HasPrefix(plain, got) || err == nil && !bytes.Equal(chunks, file[44:]) {
			t.Fatalf("%d bytes of chunks open to %d: %v", len(chunks), len(got), err)
		}
	})
}

// FuzzStreamHeader holds that no header makes the reader panic or work hard.
func FuzzStreamHeader(f *testing.F) {
	f.Add(packed(f, []byte("plain")))
	f.Add([]byte("SWHKFILE"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) >= 20 && (file[9] > 2 || file[12]|file[13]|file[14] != 0 || file[15] > 2 || file[16]|file[17] != 0) {
			file = slices.Clone(file)
			copy(file[12:], []byte{255, 255, 255, 255, 255, 255, 255, 255}) // beyond the bounds
		}
		_, _ = unpacked(file, phrase)
	})
}
