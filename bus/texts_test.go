package bus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
)

// TestMessageTexts stay at home unless the operator says otherwise; that there was
// a message is told in any case, in its place and with its number.
func TestMessageTexts(t *testing.T) {
	secrets := []string{"see you at eight", "Maria", "contract.pdf", "the-media-key", "dGhlLW1lZGlhLWtleQ"}
	message := record.Event{Stream: "a", Kind: record.MessageMedia, Message: &record.Message{
		ID: "3EB0", Chat: "5511987654321@s.whatsapp.net", From: "5511987654321@s.whatsapp.net", Name: "Maria",
		SentAt: time.Unix(1, 0).UTC(), Text: "see you at eight", Type: "document",
		Media: &record.Media{MIME: "application/pdf", Bytes: 77, FileName: "contract.pdf", Ref: []byte("the-media-key")},
	}}
	for _, shown := range []bool{false, true} {
		cfg := embedded(t)
		cfg.MessageTexts = shown
		log := newLog()
		log.append(message)
		log.add("a")
		b := start(t, cfg, log)
		b.published(log)
		nc := b.reader()
		same(t, stored(t, nc), log.ids())
		m := messages(t, nc)[0]
		if m.Subject() != "switchhook.ev.a.message.media" || !strings.Contains(string(m.Data()), `"bytes":77`) {
			t.Errorf("%s: %s", m.Subject(), m.Data())
		}
		for i, secret := range secrets {
			if found := strings.Contains(string(m.Data()), secret); found != (shown && i < 3) {
				t.Errorf("texts %t: %q stands in it: %t: %s", shown, secret, found, m.Data())
			}
		}
		if log.events[0].Message.Text == "" {
			t.Error("the event itself was changed")
		}
		b.stop()
	}
}
