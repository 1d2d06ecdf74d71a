package record_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestStandard holds the bytes that NATS and webhooks carry.
func TestStandard(t *testing.T) {
	in := instance()
	in.State, in.Cause, in.RetryAt = fsm.NoConnection, "", time.Time{}
	bare := record.Describe(in, nil)
	for name, e := range map[string]record.Event{
		"everything": event(),
		"transition": {
			Stream: "k3f9", Epoch: 1, Seq: 2, Kind: record.ConnectionChanged, At: moment, Info: &bare,
			Transition: &fsm.Transition{From: fsm.Connecting, To: fsm.NoConnection, Event: fsm.DialFailed, Cause: fsm.CauseNetwork, At: moment},
		},
		"qr": {
			Stream: "k3f9", Epoch: 1, Seq: 3, Kind: record.QRIssued, At: moment,
			Code: &record.Code{Text: "2@secretcode", ExpiresAt: moment, TTL: 20 * time.Second},
		},
		"message": {Stream: "k3f9", Epoch: 1, Seq: 4, Kind: record.MessageMedia, At: moment, Message: func() *record.Message { m := message(); return &m }()},
		"daemon":  {Stream: record.DaemonStream, Epoch: 1, Seq: 1, Kind: record.DaemonStarted, At: moment},
	} {
		got, err := e.Standard()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, secret := range []string{"hunter2", "t0ken", "example.org", "secretcode", `"webhook"`, "6f1c2d3e"} {
			if bytes.Contains(got, []byte(secret)) {
				t.Errorf("%s: %s stands in %s", name, secret, got)
			}
		}
		golden(t, name+".json", got)
	}
}

func TestStandardRefusesBrokenData(t *testing.T) {
	e := event()
	e.Data = json.RawMessage(`{"cut`)
	if b, err := e.Standard(); err == nil {
		t.Errorf("broken data became %s", b)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s is now\n%s", name, b.Bytes())
	}
}
