package whatsapp

import (
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/instance"
)

func TestRecents(t *testing.T) {
	var r recents
	has := func(id string) bool { return r.get(recent{"s", "ana", id}) != nil }
	const around = 2 // bytes of a message around a short text
	r.put(recent{"s", "ana", "a"}, wrote("hello"))
	r.put(recent{"s", "ana", "a"}, wrote("hello"))
	if m := r.get(recent{"s", "ana", "a"}); m.GetConversation() != "hello" || has("b") || r.bytes != 5+around {
		t.Errorf("%v, %d bytes", m, r.bytes)
	}
	if m := r.get(recent{"other", "ana", "a"}); m != nil {
		t.Error("another session's")
	}
	r.get(recent{"s", "ana", "a"}).Conversation = nil
	if m := r.get(recent{"s", "ana", "a"}); m.GetConversation() != "hello" {
		t.Error("who gets it can change it")
	}
	for i := range recentMessages {
		r.put(recent{"s", "ana", fmt.Sprint(i)}, wrote("x"))
	}
	if has("a") || !has("0") || len(r.messages) != recentMessages || r.bytes != recentMessages*(1+around) {
		t.Errorf("%d messages, %d bytes", len(r.messages), r.bytes)
	}
	r.put(recent{"s", "ana", "large"}, wrote(strings.Repeat("x", recentBytes-10)))
	if !has("large") || has("0") || r.bytes > recentBytes || len(r.order) != len(r.messages) {
		t.Errorf("%d messages, %d bytes", len(r.messages), r.bytes)
	}
}

func wrote(text string) *waE2E.Message { return &waE2E.Message{Conversation: &text} }

// TestSentOnAnotherConnection is found for a phone that asks for it again.
func TestSentOnAnotherConnection(t *testing.T) {
	c := open(t, nil, func(instance.Fact) {})
	defer c.Close()
	c.self.Store(&self{session: "s"})
	c.driver.recents.put(recent{"s", "15550002222@s.whatsapp.net", "A"}, wrote("hello"))
	if m := c.client.GetMessageForRetry(types.EmptyJID, ana, "A"); m.GetConversation() != "hello" {
		t.Errorf("found %v", m)
	}
	letter := documentMessage(instance.File{Name: "a.pdf", Caption: "read this"}, whatsmeow.UploadResponse{DirectPath: "/v/1?a", MediaKey: []byte("key")})
	c.driver.recents.put(recent{"s", "15550002222@s.whatsapp.net", "FILE"}, letter)
	if m := c.client.GetMessageForRetry(types.EmptyJID, ana, "FILE"); !proto.Equal(m, letter) {
		t.Errorf("of a file, found %v", m)
	}
	if m := c.client.GetMessageForRetry(types.EmptyJID, ana, "B"); m != nil {
		t.Errorf("found %v", m)
	}
	if m := c.client.GetMessageForRetry(stranger, stranger, "A"); m != nil {
		t.Errorf("another gets %v", m)
	}
}
