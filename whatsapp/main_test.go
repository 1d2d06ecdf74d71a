package whatsapp_test

import (
	"testing"

	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

// raced is set when the race detector watches.
var raced bool

// TestMain has the process trust the sandbox before anything connects, as the
// daemon does.
func TestMain(m *testing.M) {
	if _, err := whatsapp.New(whatsapp.Config{Sandbox: &whatsapp.Sandbox{Root: sandbox.RootKey()}}); err != nil {
		panic(err)
	}
	m.Run()
}
