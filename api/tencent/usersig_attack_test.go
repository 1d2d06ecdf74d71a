package tencent

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/tencent/tencenttest"
)

// TestSignatureIsTheKeys: a bit more or less in the signature, or what it is over, and it
// is refused.
func TestSignatureIsTheKeys(t *testing.T) {
	v := theVector(t)
	for i := range v.Document {
		for _, bit := range []byte{1, 2, 4, 0x20, 0x80} {
			text := []byte(v.Document)
			text[i] ^= bit
			if err := v.verify(tencenttest.Pack(text, zlib.NoCompression), v.Time); err == nil {
				t.Errorf("taken: %s", text)
			}
		}
	}
	packed, err := swapped.DecodeString(v.UserSig)
	if err != nil {
		t.Fatal(err)
	}
	for i := range packed {
		for bit := range 8 {
			p := bytes.Clone(packed)
			p[i] ^= 1 << bit
			if v.verify(tencenttest.Swap(p), v.Time) != nil {
				continue
			}
			// A few bits of the packing mean nothing.
			if text, err := inflate(p); err != nil || string(text) != v.Document {
				t.Errorf("taken with bit %d of byte %d: %s, %v", bit, i, text, err)
			}
		}
	}
}

// TestLinesAreNotForged: who may choose an identifier, and has it signed, may not make of
// it a document that says something else.
func TestLinesAreNotForged(t *testing.T) {
	v := theVector(t)
	// The text that the app signs for this identifier is also that of a longer life of the
	// admin's, with the rest as the userbuf.
	tail := fmt.Sprintf("\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", v.App, v.Time, v.Expire)
	chosen := v.Identifier + fmt.Sprintf("\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:999999999\nTLS.userbuf:x", v.App, v.Time)
	issued := tencenttest.Document{Version: "2.0", Identifier: chosen, App: v.App, Time: v.Time, Expire: v.Expire}.Sign(v.Key)
	forged := tencenttest.Document{
		Version: "2.0", Identifier: v.Identifier, App: v.App, Time: v.Time, Expire: 999999999,
		Userbuf: strings.TrimSuffix("x"+tail, "\n"),
	}
	if forged.Sign(v.Key).Sig != issued.Sig {
		t.Fatal("the texts differ: this test cannot fail")
	}
	forged.Sig = issued.Sig
	for identifier, doc := range map[string]tencenttest.Document{v.Identifier: forged, chosen: issued} {
		err := verify(tencenttest.Pack(doc.JSON(), 6), identifier, v.App, v.Key, time.Unix(v.Time, 0))
		if code(err) != codeBadSig {
			t.Errorf("%q: %v", identifier, err)
		}
	}
}

// TestPacking is what can be wrong with the outer layers.
func TestPacking(t *testing.T) {
	v := theVector(t)
	packed, err := swapped.DecodeString(tencenttest.Pack([]byte(v.Document), 6))
	if err != nil {
		t.Fatal(err)
	}
	var raw, dictionary bytes.Buffer
	f, err := flate.NewWriter(&raw, 6)
	if err != nil {
		t.Fatal(err)
	}
	d, err := zlib.NewWriterLevelDict(&dictionary, 6, []byte("administrator"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []interface {
		Write(p []byte) (int, error)
		Close() error
	}{f, d} {
		if _, err := w.Write([]byte(v.Document)); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
	}
	wrong := bytes.Clone(packed)
	wrong[len(wrong)-1] ^= 1
	for name, p := range map[string][]byte{
		"nothing":            {},
		"no zlib":            []byte(v.Document),
		"deflate":            raw.Bytes(),
		"a dictionary":       dictionary.Bytes(),
		"another checksum":   wrong,
		"no checksum":        packed[:len(packed)-4],
		"half":               packed[:len(packed)/2],
		"something behind":   append(bytes.Clone(packed), 0),
		"twice":              append(bytes.Clone(packed), packed...),
		"nothing compressed": {0x78, 0x9c},
	} {
		if err := v.verify(tencenttest.Swap(p), v.Time); code(err) != codeBadSig {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := v.verify(tencenttest.Swap(packed), v.Time); err != nil {
		t.Error(err)
	}
	if err := v.verify(base64.StdEncoding.EncodeToString(packed), v.Time); code(err) != codeBadSig {
		t.Errorf("not swapped: %v", err)
	}
}

// TestUserSigIsBounded: what is small and grows, and what is large, costs little.
func TestUserSigIsBounded(t *testing.T) {
	v := theVector(t)
	bomb := tencenttest.Pack(bytes.Repeat([]byte(" "), 5<<20), 9)
	if len(bomb) > maxSig {
		t.Fatalf("%d bytes: this test cannot fail", len(bomb))
	}
	for name, usersig := range map[string]string{
		"a bomb":                bomb,
		"a megabyte":            strings.Repeat("A", 1<<20),
		"a megabyte that grows": tencenttest.Pack(bytes.Repeat([]byte(" "), 16<<20), 1),
		"numbers":               tencenttest.Pack([]byte("["+strings.Repeat("1,", 2000)+"1]"), 9),
		"brackets":              tencenttest.Pack([]byte(strings.Repeat("[", 4000)), 9),
	} {
		if got := code(v.verify(usersig, v.Time)); got != codeBadSig {
			t.Errorf("%s: %d", name, got)
		}
		if spent := allocated(func() { _ = v.verify(usersig, v.Time) }); spent > 512<<10 {
			t.Errorf("%s takes %d bytes", name, spent)
		}
	}
}

// allocated is how many bytes f takes, at best of a few times.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// FuzzUserSig: whatever a UserSig or its document is, it is taken only where the key has
// signed what it says, and otherwise refused with a code of its own.
func FuzzUserSig(f *testing.F) {
	v := theVector(f)
	f.Add(v.UserSig)
	f.Add(v.Document)
	f.Add(string(tencenttest.Document{Version: "2.0", Identifier: v.Identifier, App: v.App, Time: v.Time, Expire: 1, Userbuf: "eA=="}.Sign(v.Key).JSON()))
	f.Add(tencenttest.Pack([]byte(v.Document+"\n"), 0))
	f.Add(tencenttest.Pack(bytes.Repeat([]byte(" "), 1<<20), 9))
	f.Add(`{"TLS.ver":"2.0","TLS.expire":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, usersig := range []string{text, tencenttest.Pack([]byte(text), 6)} {
			err := v.verify(usersig, v.Time)
			switch code(err) {
			case 0:
				wasSigned(t, usersig, v)
			case codeExpired, codeBadSig, codeWrongSig, codeOtherIdentifier, codeOtherApp:
			default:
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

// wasSigned reads a UserSig anew, with nothing of the verifier.
func wasSigned(t *testing.T, usersig string, v vector) {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(strings.NewReplacer("*", "+", "-", "/", "_", "=").Replace(usersig))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Identifier string  `json:"TLS.identifier"`
		App        int64   `json:"TLS.sdkappid"`
		Time       int64   `json:"TLS.time"`
		Expire     int64   `json:"TLS.expire"`
		Userbuf    *string `json:"TLS.userbuf"`
		Sig        []byte  `json:"TLS.sig"`
	}
	if err := json.NewDecoder(z).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", doc.Identifier, doc.App, doc.Time, doc.Expire)
	if doc.Userbuf != nil {
		text += fmt.Sprintf("TLS.userbuf:%s\n", *doc.Userbuf)
	}
	mac := hmac.New(sha256.New, []byte(v.Key))
	mac.Write([]byte(text))
	if !bytes.Equal(doc.Sig, mac.Sum(nil)) || doc.Identifier != v.Identifier || doc.App != v.App || v.Time > doc.Time+doc.Expire {
		t.Fatalf("taken, and not signed: %+v", doc)
	}
}
