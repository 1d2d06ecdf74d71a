package sandbox_test

import (
	"testing"

	"go.mau.fi/whatsmeow"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/sandbox"
)

func TestMain(m *testing.M) {
	whatsmeow.WACertPubKey = sandbox.RootKey()
	goleak.VerifyTestMain(m)
}
