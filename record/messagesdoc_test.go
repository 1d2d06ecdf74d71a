package record_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

const messagesDoc = "../docs/messages.md"

// examples are the events of docs/messages.md, in its order.
func examples() (all []record.Event) {
	for _, s := range recordtest.Samples() {
		if s.Event.Message != nil {
			all = append(all, s.Event)
		}
	}
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
