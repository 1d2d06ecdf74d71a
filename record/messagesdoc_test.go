package record_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
)

const messagesDoc = "../docs/messages.md"

// examples are the events of docs/messages.md, in its order.
func examples() []record.Event {
	const ana, shop = "5511987654321@s.whatsapp.net", "5511955550001@s.whatsapp.net"
	at := time.Date(2026, 11, 21, 20, 15, 30, 0, time.UTC)
	from := record.Message{ID: "3EB0C767D097B7C71A2F", Chat: ana, From: ana, LID: "100000000000002@lid", Name: "Ana", SentAt: at}
	var all []record.Event
	add := func(kind record.Kind, change func(*record.Message)) {
		m := from
		change(&m)
		seq := uint64(len(all) + 12)
		all = append(all, record.Event{
			Stream: "i4q7k2m9xw", Epoch: 1, Seq: seq, Kind: kind, At: at.Add(350 * time.Millisecond), Name: "shop", Message: &m,
		})
	}
	target := []string{"3EB0F2A94B1D5C6E7788"}
	add(record.MessageText, func(m *record.Message) { m.Text, m.Quoted = "Good morning! Are you open today?", target[0] })
	add(record.MessageText, func(m *record.Message) {
		m.From, m.LID, m.Name, m.To, m.FromMe, m.Text = shop, "100000000000001@lid", "", ana, true, "Until eight this evening."
	})
	add(record.MessageMedia, func(m *record.Message) {
		m.Type, m.Text = "document", "the contract"
		m.Media = &record.Media{
			MIME: "application/pdf", Bytes: 48213, FileName: "contract.pdf", Ref: []byte("the key of the file"),
			SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		}
	})
	add(record.MessageOther, func(m *record.Message) { m.Type = "location" })
	add(record.MessageReaction, func(m *record.Message) { m.Targets, m.Text = target, "👍" })
	add(record.MessageEdited, func(m *record.Message) { m.Targets, m.Text = target, "Are you open tomorrow?" })
	add(record.MessageRevoked, func(m *record.Message) { m.Targets = target })
	add(record.MessageReceipt, func(m *record.Message) { m.ID, m.Name, m.Type, m.Targets = target[0], "", "read", target })
	add(record.MessageCall, func(m *record.Message) { m.ID, m.Name, m.Type = "6D6307C329734468", "", "offer" })
	add(record.MessageSent, func(m *record.Message) {
		m.From, m.LID, m.Name, m.To, m.FromMe, m.Text = shop, "", "", ana, true, "Good morning! Until eight this evening."
	})
	return all
}

var jsonBlock = regexp.MustCompile("(?s)```json\n.*?```\n")

// TestMessagesDocument holds docs/messages.md to what is sent: every example is the
// bytes of its event, every kind has one, every field is explained. -update writes
// the examples anew.
func TestMessagesDocument(t *testing.T) {
	doc, err := os.ReadFile(messagesDoc)
	if err != nil {
		t.Fatal(err)
	}
	all := examples()
	i := 0
	shown := jsonBlock.ReplaceAllFunc(doc, func(block []byte) []byte {
		if i++; i > len(all) {
			return block
		}
		body, err := all[i-1].Standard()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		b.WriteString("```json\n")
		if err := json.Indent(&b, body, "", "  "); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n```\n")
		return b.Bytes()
	})
	if i != len(all) {
		t.Errorf("%d examples for %d events", i, len(all))
	}
	if *update {
		if err := os.WriteFile(messagesDoc, shown, 0o644); err != nil {
			t.Fatal(err)
		}
		doc = shown
	}
	if !bytes.Equal(doc, shown) {
		t.Error("an example is not what is sent: go test ./record -update, and read the difference")
	}
	for _, kind := range []record.Kind{
		record.MessageText, record.MessageMedia, record.MessageOther, record.MessageReaction, record.MessageEdited,
		record.MessageRevoked, record.MessageReceipt, record.MessageCall, record.MessageSent,
	} {
		if !bytes.Contains(doc, []byte("\n### "+string(kind)+"\n")) || !bytes.Contains(doc, []byte(`"type": "`+string(kind)+`"`)) {
			t.Errorf("%s is not explained, or has no example", kind)
		}
	}
	for _, f := range append(fields[record.Message](""), fields[record.Media]("media.")...) {
		if explained := bytes.Contains(doc, []byte("| `"+f+"` |")); explained == (f == "media.ref") {
			t.Errorf("%s is explained: %t", f, explained)
		}
	}
	if bytes.Contains(doc, []byte("the key of the file")) || bytes.Contains(doc, []byte(`"ref"`)) {
		t.Error("the key of a file is shown")
	}
}

// fields are the names of a type's fields in JSON.
func fields[T any](prefix string) (names []string) {
	for f := range reflect.TypeFor[T]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, prefix+name)
	}
	return names
}
