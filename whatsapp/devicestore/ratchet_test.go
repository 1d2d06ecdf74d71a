package devicestore_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// TestRatchet holds the tags that a restore forgets against the drawing.
func TestRatchet(t *testing.T) {
	source, err := os.ReadFile("layout.go")
	check(t, err)
	ratchets := map[string]bool{"Signal session": true, "sender key": true}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^//\t(\w) .*? {2,}(\S.*)$`).FindAllStringSubmatch(string(source), -1) {
		if ratchets[m[2]] {
			found++
		}
		if got := devicestore.Ratchet([]byte(m[1] + "\x03key")); got != ratchets[m[2]] {
			t.Errorf("%s, %s: %t", m[1], m[2], got)
		}
	}
	if found != len(ratchets) {
		t.Errorf("the drawing has %d ratchets", found)
	}
	if devicestore.Ratchet(nil) {
		t.Error("no key is a ratchet")
	}
}
