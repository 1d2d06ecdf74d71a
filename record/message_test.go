package record_test

import (
	"bytes"
	"testing"

	"github.com/switchhook/switchhook/record"
)

// TestWithoutTexts holds what leaves the house when texts may not.
func TestWithoutTexts(t *testing.T) {
	e := event()
	bare := e.WithoutTexts()
	got, err := bare.Standard()
	if err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{"the plan", "plan.pdf", "Ana"} {
		if bytes.Contains(got, []byte(written)) {
			t.Errorf("%q stands in %s", written, got)
		}
	}
	if !bytes.Contains(got, []byte("3EB0")) || !bytes.Contains(got, []byte("application/pdf")) {
		t.Errorf("what is no text is gone too: %s", got)
	}
	if e.Message.Text != "the plan" || e.Message.Media.FileName != "plan.pdf" || e.Message.Media.Ref == nil {
		t.Error("the event itself was changed")
	}
	none := record.Event{Kind: record.DaemonStarted}
	if none.WithoutTexts().Message != nil {
		t.Error("a message out of nothing")
	}
}

func TestExtension(t *testing.T) {
	for kind, want := range map[string]string{
		"image/jpeg": ".jpg", "audio/ogg; codecs=opus": ".ogg", " Video/MP4": ".mp4", "": ".bin", "../../x": ".bin",
	} {
		if got := (&record.Media{MIME: kind}).Extension(); got != want {
			t.Errorf("%q: %q, want %q", kind, got, want)
		}
	}
}
