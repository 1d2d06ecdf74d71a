package record_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/record"
)

// TestWithoutTexts holds what leaves the house when texts may not.
func TestWithoutTexts(t *testing.T) {
	e := event()
	bare := e.WithoutTexts()
	got, err := bare.Standard()
	if err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{"the plan", "plan.pdf", "Ana"} {
		if bytes.Contains(got, []byte(written)) {
			t.Errorf("%q stands in %s", written, got)
		}
	}
	if !bytes.Contains(got, []byte("3EB0")) || !bytes.Contains(got, []byte("application/pdf")) {
		t.Errorf("what is no text is gone too: %s", got)
	}
	if e.Message.Text != "the plan" || e.Message.Media.FileName != "plan.pdf" || e.Message.Media.Ref == nil {
		t.Error("the event itself was changed")
	}
	none := record.Event{Kind: record.DaemonStarted}
	if none.WithoutTexts().Message != nil {
		t.Error("a message out of nothing")
	}
}

func TestExtension(t *testing.T) {
	for kind, want := range map[string]string{
		"image/jpeg": ".jpg", "audio/ogg; codecs=opus": ".ogg", " Video/MP4": ".mp4", "": ".bin", "../../x": ".bin",
	} {
		if got := (&record.Media{MIME: kind}).Extension(); got != want {
			t.Errorf("%q: %q, want %q", kind, got, want)
		}
	}
}

// TestStoredName: nobody overwrites another's file by borrowing its message's id.
func TestStoredName(t *testing.T) {
	m := record.Message{ID: "3EB0", Chat: "1@s.whatsapp.net", From: "1@s.whatsapp.net", Media: &record.Media{MIME: "image/jpeg"}}
	names := map[string]bool{m.StoredName(): true}
	for name, change := range map[string]func(*record.Message){
		"id": func(m *record.Message) { m.ID = "3EB1" }, "chat": func(m *record.Message) { m.Chat = "2@s.whatsapp.net" },
		"sender": func(m *record.Message) { m.From = "2@s.whatsapp.net" },
	} {
		other := m
		change(&other)
		if names[other.StoredName()] {
			t.Errorf("another %s and the same name", name)
		}
		names[other.StoredName()] = true
	}
	media := *m.Media
	media.FileName, media.Ref = "../../x", []byte("key")
	m.Media = &media
	if got := m.StoredName(); !names[got] || !strings.HasPrefix(got, "3EB0-") || !strings.HasSuffix(got, ".jpg") {
		t.Errorf("the sender's own name is in %q", got)
	}
}
