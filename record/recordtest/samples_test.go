package recordtest_test

import (
	"testing"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

func TestEveryKindHasASample(t *testing.T) {
	for _, k := range record.Kinds() {
		if len(recordtest.Of(k)) == 0 {
			t.Errorf("%s has no sample", k)
		}
	}
}

// TestSamplesAreAStory: each stream's numbers rise, nothing is unexplained, and no
// two calls share what they answer.
func TestSamplesAreAStory(t *testing.T) {
	last := make(map[string]uint64)
	for _, s := range recordtest.Samples() {
		ev := s.Event
		if s.About == "" || ev.Stream == "" || ev.Kind == "" || ev.At.IsZero() {
			t.Errorf("%s is unexplained or incomplete", ev.ID())
		}
		if ev.Kind == record.EndpointTest {
			if ev.Seq != 0 {
				t.Error("the test has a seq")
			}
			continue
		}
		if ev.Seq <= last[ev.Stream] {
			t.Errorf("%s comes after %d", ev.ID(), last[ev.Stream])
		}
		last[ev.Stream] = ev.Seq
		if _, err := ev.Standard(); err != nil {
			t.Error(err)
		}
	}
	if last[recordtest.Tenant] != uint64(len(recordtest.Of(record.QRDLCreated, record.QRDLUpdated, record.QRDLDeleted, record.QRDLScanned))) {
		t.Error("events of message QR codes are on another stream than their tenant's, or others on it")
	}
	if last[recordtest.Account] != uint64(len(recordtest.Of(record.ProfileUpdated, record.ProfileApplied))) {
		t.Error("events of profiles are on another stream than their account's, or others on it")
	}
	one, two := recordtest.Of(record.MessageMedia), recordtest.Of(record.MessageMedia)
	one[0].Event.Message.Media.FileName = "changed"
	if len(one) != 1 || two[0].Event.Message.Media.FileName == "changed" {
		t.Error("two calls share a message")
	}
	if len(recordtest.Of()) != len(recordtest.Samples()) {
		t.Error("no kind is not every kind")
	}
}
