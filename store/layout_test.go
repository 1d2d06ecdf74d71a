package store_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// drawn is a line of the drawing in doc.go.
type drawn struct{ bucket, key, value string }

// drawing reads doc.go. A line without a bucket belongs to the one above.
func drawing(t *testing.T) (lines []drawn) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	shape := regexp.MustCompile(`^\t(\w*)\s+(\S.*?)\s+-> (.+)$`)
	bucket := ""
	for line := range strings.Lines(f.Doc.Text()) {
		if m := shape.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			if m[1] != "" {
				bucket = m[1]
			}
			lines = append(lines, drawn{bucket, m[2], m[3]})
		}
	}
	return lines
}

// TestLayout writes one of everything and holds what the file then has against
// the drawing in doc.go.
func TestLayout(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path, sealedBy(mask{}))
	commit(t, s, func(c *store.Change) {
		c.PutInstance(record.Instance{ID: "INSTANCE"})
		c.PutKeys([]byte("wrapped"))
		c.CompactAtOpen()
		c.PutImport("EXPORT", moment)
		c.PutSession("INSTANCE", record.Session{ID: "SESSION"})
		c.PutGreenAPI(record.GreenAPI{Instance: "INSTANCE"})
		c.PutPicture("INSTANCE", record.Picture{ID: "PICTURE"})
		c.PutEndpoint(record.Endpoint{ID: "ENDPOINT"})
		c.PutLane(record.Lane{Endpoint: "ENDPOINT", Stream: "STREAM"})
		c.PutLane(record.Lane{Endpoint: "ENDPOINT", Stream: "STREAM", Replay: "REPLAY"})
		c.PutDeadLetter(record.DeadLetter{Endpoint: "ENDPOINT", Stream: "STREAM", From: 0x4142434445464748})
		c.PutDeadLetter(record.DeadLetter{Endpoint: "ENDPOINT", Stream: "STREAM", From: 0x4142434445464748, Replay: "REPLAY"})
		c.PutTenant(record.Tenant{ID: "TENANT"})
		c.PutQRDL(record.QRDL{Tenant: "TENANT", Code: "CODE"})
		c.PutAccount(record.Account{Tenant: "TENANT", ID: "ACCOUNT"})
		c.PutNonce(store.Nonce{Key: "KEY", Hash: [store.NonceHash]byte([]byte("HASHHASHHASHHASH")), Until: time.Unix(0x4142434445464748, 0)})
		c.Append(record.Event{Stream: "STREAM", Kind: "test", At: moment})
	})
	if err := s.Device("INSTANCE", "SESSION").Apply(t.Context(), map[string][]byte{"…": []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	stop()

	var held []drawn
	look(t, path, func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				held = append(held, drawn{string(name), abstract(k), describe(string(name), k, v)})
				return nil
			})
		})
	})
	want := drawing(t)
	if len(want) < 12 {
		t.Fatalf("the drawing has shrunk to %v", want)
	}
	for _, w := range want {
		i := slices.IndexFunc(held, func(h drawn) bool { return h.bucket == w.bucket && h.key == w.key })
		if i < 0 {
			t.Errorf("drawn but not written: %s %s", w.bucket, w.key)
			continue
		}
		// The words "JSON" and "sealed" are claims; the rest is explanation.
		for _, word := range []string{"JSON", "sealed"} {
			if strings.Contains(w.value, word) != strings.Contains(held[i].value, word) {
				t.Errorf("%s %s is drawn as %q and is %q", w.bucket, w.key, w.value, held[i].value)
			}
		}
		held = slices.Delete(held, i, i+1)
	}
	for _, h := range held {
		t.Errorf("written but not drawn: %s %s", h.bucket, h.key)
	}
}

// abstract turns a key into the drawing's terms.
func abstract(key []byte) string {
	k := string(key)
	if k == "\x00\x00\x00\x00\x00\x00\x00\x01" {
		return "<position>"
	}
	k = strings.ReplaceAll(k, "\x00", " 0 ")
	k = strings.Replace(k, "ABCDEFGHKEY 0 HASHHASHHASHHASH", "<until> <key> 0 <hash>", 1)
	for _, name := range []string{"INSTANCE", "SESSION", "ENDPOINT", "STREAM", "EXPORT", "REPLAY", "TENANT", "CODE", "ACCOUNT"} {
		k = strings.ReplaceAll(k, name, "<"+strings.ToLower(name)+">")
	}
	return strings.ReplaceAll(k, "ABCDEFGH", "<from>")
}

func describe(bucket string, k, v []byte) string {
	context := append([]byte(bucket+"\x00"), k...)
	sealed := ""
	if bucket == "log" {
		if stream, _, _, _, body, err := store.ParseHeader(v); err == nil {
			context, v = []byte(stream), body
		}
	}
	if plain, err := (mask{}).Open(context, v); err == nil {
		v, sealed = plain, ", sealed"
	}
	if bucket != "meta" && bucket != "device" && json.Valid(v) {
		return "JSON" + sealed
	}
	return "bytes" + sealed
}

func TestNewFileKnowsItsOrigin(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	first := s.LogID()
	stop()
	s, stop = started(t, path)
	if again := s.LogID(); first == "" || again != first {
		t.Errorf("the log was called %q and is now called %q", first, again)
	}
	stop()
	if s.LogID() != "" {
		t.Error("a closed store names a log")
	}
	if other := open(t, newPath(t)).LogID(); other == first {
		t.Error("two files share a log's name")
	}
}
