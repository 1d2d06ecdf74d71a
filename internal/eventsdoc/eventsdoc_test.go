package eventsdoc_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/switchhook/switchhook/internal/eventsdoc"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

// TestDocument holds docs/events.md to what is sent.
func TestDocument(t *testing.T) {
	want, err := eventsdoc.Render(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatalf("%v: run go generate ./internal/eventsdoc", err)
	}
	if !bytes.Equal(held, want) {
		t.Error("docs/events.md is not what is sent: run go generate ./internal/eventsdoc")
	}
	for _, secret := range []string{recordtest.Webhook, "ABCD1234", "2@made-up", "the key of the file", "whsec_"} {
		for block := range bytes.SplitSeq(want, []byte("```")) {
			// WITI's own form has the address; nothing else has.
			if bytes.Contains(block, []byte(secret)) && !bytes.Contains(block, []byte(`"event": "status"`)) {
				t.Errorf("%s stands in %s", secret, block)
			}
		}
	}
}

func TestMake(t *testing.T) {
	ev := recordtest.Of(record.MessageText)[0].Event
	req, carried, err := eventsdoc.Make(t.Context(), record.Endpoint{Format: eventsdoc.Standard}, &ev)
	if err != nil || !carried || req.Header.Get("webhook-id") != ev.ID() || req.Header.Get("webhook-signature") == "" {
		t.Errorf("%t %v %v", carried, err, req.Header)
	}
	if _, carried, err := eventsdoc.Make(t.Context(), record.Endpoint{Format: eventsdoc.WITI}, &ev); carried || err != nil {
		t.Errorf("a message in WITI's format: %t %v", carried, err)
	}
	if _, _, err := eventsdoc.Make(t.Context(), record.Endpoint{Format: "telex"}, &ev); err == nil {
		t.Error("a format that does not exist was sent")
	}
}
