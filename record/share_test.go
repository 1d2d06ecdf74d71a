package record_test

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

// An event that is shared is encoded as one that is not, in the same bytes for all,
// and a copy that was changed as what it is.
func TestShare(t *testing.T) {
	for _, sample := range recordtest.Samples() {
		alone := sample.Event
		want, err := alone.Standard()
		if err != nil {
			t.Fatal(err)
		}
		e := sample.Event
		e.Share()
		first, err1 := e.Standard()
		other := e
		second, err2 := other.Standard()
		if err1 != nil || err2 != nil || !bytes.Equal(first, want) || &first[0] != &second[0] {
			t.Errorf("%s: %s and %s, want %s", e.Kind, first, second, want)
		}
		for what, change := range map[string]func(*record.Event){
			"seq":  func(e *record.Event) { e.Seq++ },
			"name": func(e *record.Event) { e.Name += "x" },
			"time": func(e *record.Event) { e.At = e.At.Add(time.Second) },
			"data": func(e *record.Event) { e.Data = json.RawMessage(`{"other":1}`) },
			"info": func(e *record.Event) { e.Info = &record.Info{Phone: "1"} },
		} {
			changed, plain := e, alone
			change(&changed)
			change(&plain)
			got, err1 := changed.Standard()
			want, err2 := plain.Standard()
			if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
				t.Errorf("%s with another %s: %s, want %s", e.Kind, what, got, want)
			}
		}
	}
}

// Any number may encode it at once.
func TestShareAtOnce(t *testing.T) {
	e := recordtest.Samples()[0].Event
	want, err := e.Standard()
	if err != nil {
		t.Fatal(err)
	}
	e.Share()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			mine := e
			if got, err := mine.Standard(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
	all.Wait()
}
