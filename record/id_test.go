package record_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

func TestID(t *testing.T) {
	for _, e := range []record.Event{
		{Stream: "k3f9", Epoch: 1, Seq: 1},
		{Stream: record.DaemonStream, Epoch: 4294967295, Seq: 18446744073709551615},
		{Stream: "a"},
	} {
		stream, epoch, seq, err := record.ParseID(e.ID())
		if err != nil || stream != e.Stream || epoch != e.Epoch || seq != e.Seq {
			t.Errorf("%s parses to %s, %d, %d: %v", e.ID(), stream, epoch, seq, err)
		}
	}
	if id := (&record.Event{Stream: "k3f9", Epoch: 2, Seq: 40}).ID(); id != "k3f9/2/40" {
		t.Errorf("the id is %s", id)
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, id := range []string{
		"", "/", "//", "a", "a/1", "a/1/", "a//1", "/1/1", "a/1/1/1", "a/x/1", "a/1/x", "a/-1/1", "a/+1/1",
		"a/01/1", "a/1/01", "a/ 1/1", "a/1/1 ", "a/4294967296/1", "a/1/18446744073709551616", "a/1_0/1", "a/0x1/1",
	} {
		if stream, epoch, seq, err := record.ParseID(id); err == nil {
			t.Errorf("%q parses to %s, %d, %d", id, stream, epoch, seq)
		}
	}
}

// FuzzParseID holds that an id has one spelling only.
func FuzzParseID(f *testing.F) {
	for _, id := range []string{"k3f9/1/1", "daemon/4294967295/18446744073709551615", "a/01/1", "//", "é/1/2"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		stream, epoch, seq, err := record.ParseID(id)
		if err != nil {
			if stream != "" || epoch != 0 || seq != 0 {
				t.Fatalf("%q is refused with %q, %d, %d", id, stream, epoch, seq)
			}
			return
		}
		e := record.Event{Stream: stream, Epoch: epoch, Seq: seq}
		if e.ID() != id || stream == "" || strings.Contains(stream, "/") {
			t.Fatalf("%q parses to %q, %d, %d", id, stream, epoch, seq)
		}
	})
}

func TestSubject(t *testing.T) {
	for _, c := range []struct {
		event record.Event
		want  string
	}{
		{event(), "switchhook.ev.k3f9.connection.11"},
		{
			record.Event{Stream: "a", Kind: record.ConnectionChanged, Transition: &fsm.Transition{To: fsm.NoConnection}},
			"switchhook.ev.a.connection.0",
		},
		{record.Event{Stream: "a", Kind: record.ConnectionChanged}, "switchhook.ev.a.connection.changed"},
		{record.Event{Stream: "a", Kind: record.QRIssued}, "switchhook.ev.a.qr.issued"},
		{record.Event{Stream: record.DaemonStream, Kind: record.InstanceCreated}, "switchhook.ev.daemon.instance.created"},
		{record.Event{Stream: record.DaemonStream, Kind: record.DaemonStarted}, "switchhook.ev.daemon.daemon.started"},
	} {
		if got := c.event.Subject(); got != c.want {
			t.Errorf("%s: subject %s, want %s", c.event.Kind, got, c.want)
		}
	}
}
