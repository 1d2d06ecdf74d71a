package whatsapp_test

import (
	"log"
	"testing"

	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

// TestMain has the process trust the sandbox before anything connects, as the
// daemon does.
func TestMain(m *testing.M) {
	if _, err := whatsapp.New(whatsapp.Config{Sandbox: &whatsapp.Sandbox{Root: sandbox.RootKey()}}); err != nil {
		log.Fatal(err)
	}
	m.Run()
}
