package demo_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/demo"
)

// TestTour: the demo is what a newcomer runs first; it must end well.
func TestTour(t *testing.T) {
	var out bytes.Buffer
	if err := demo.Run(t.Context(), demo.Options{Out: &out, Version: "test"}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"▄▄▄▄▄", "4 → 10 WhatsAppAuthenticated", "10 → 11", "signed", "message.text", "message.receipt read", "Are you open today?", "Until eight this evening.", "Nothing was lost"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the tour does not show %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "NOT SIGNED") || strings.Contains(out.String(), "FAULT") {
		t.Errorf("the tour found faults:\n%s", out.String())
	}
}
