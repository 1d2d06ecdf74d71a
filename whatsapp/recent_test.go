package whatsapp

import (
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/instance"
)

func TestRecents(t *testing.T) {
	var r recents
	has := func(id string) bool {
		_, known := r.get(recent{"s", "ana", id})
		return known
	}
	r.put(recent{"s", "ana", "a"}, "hello")
	r.put(recent{"s", "ana", "a"}, "hello")
	if body, known := r.get(recent{"s", "ana", "a"}); !known || body != "hello" || has("b") || r.bytes != 5 {
		t.Errorf("%q, %v, %d bytes", body, known, r.bytes)
	}
	if _, known := r.get(recent{"other", "ana", "a"}); known {
		t.Error("another session's")
	}
	for i := range recentTexts {
		r.put(recent{"s", "ana", fmt.Sprint(i)}, "x")
	}
	if has("a") || !has("0") || len(r.texts) != recentTexts || r.bytes != recentTexts {
		t.Errorf("%d texts, %d bytes", len(r.texts), r.bytes)
	}
	r.put(recent{"s", "ana", "large"}, strings.Repeat("x", recentBytes-10))
	if !has("large") || has("0") || r.bytes > recentBytes || len(r.order) != len(r.texts) {
		t.Errorf("%d texts, %d bytes", len(r.texts), r.bytes)
	}
}

// TestSentOnAnotherConnection is found for a phone that asks for it again.
func TestSentOnAnotherConnection(t *testing.T) {
	c := open(t, nil, func(instance.Fact) {})
	defer c.Close()
	c.self.Store(&self{session: "s"})
	c.driver.recents.put(recent{"s", "15550002222@s.whatsapp.net", "A"}, "hello")
	if m := c.client.GetMessageForRetry(types.EmptyJID, ana, "A"); m.GetConversation() != "hello" {
		t.Errorf("found %v", m)
	}
	if m := c.client.GetMessageForRetry(types.EmptyJID, ana, "B"); m != nil {
		t.Errorf("found %v", m)
	}
	if m := c.client.GetMessageForRetry(stranger, stranger, "A"); m != nil {
		t.Errorf("another gets %v", m)
	}
}
