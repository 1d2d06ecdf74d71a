package callback_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
	"github.com/switchhook/switchhook/webhook"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	_ webhook.Encoder   = callback.Encoder{}
	_ webhook.Scheduler = callback.Encoder{}
)

// updated is an event that tells of fields.
func updated(t testing.TB, fields ...record.Field) *record.Event {
	t.Helper()
	data, err := json.Marshal(record.ProfileFact{
		Account: "shop", Tenant: "acme", App: 1400000001, Operator: "administrator", Fields: fields,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &record.Event{
		Stream: recordtest.Account, Epoch: 1, Seq: 7, Kind: record.ProfileUpdated,
		At: time.Date(2026, 11, 21, 20, 15, 30, 123_999_999, time.UTC), Name: "shop", Data: data,
	}
}

func text(tag, value string) record.Field { return record.Field{Tag: tag, Text: value} }
func number(tag string, value uint32) record.Field {
	return record.Field{Tag: tag, Number: value, Numeric: true}
}

// TestGolden: the query and the body, byte for byte.
func TestGolden(t *testing.T) {
	cases := map[string]*record.Event{
		"sample":  &recordtest.Of(record.ProfileUpdated)[0].Event,
		"text":    updated(t, text(record.TagNick, "The Shop")),
		"empty":   updated(t, text(record.TagSelfSignature, "")),
		"number":  updated(t, number("Tag_Profile_IM_BirthDay", 20190419), number("Tag_Profile_IM_Level", 0), number("Tag_Profile_IM_Role", 4294967295)),
		"custom":  updated(t, text("Tag_Profile_Custom_vip", "7")),
		"written": updated(t, text(record.TagNick, "שלום & <b>\"\\\n\u2028👩‍👧"), text(record.TagImage, "https://erp.example/a?b=1&c=<d>")),
	}
	for name, ev := range cases {
		made, err := callback.Encoder{}.Encode(&record.Endpoint{}, []*record.Event{ev})
		if err != nil || made.ContentType != "application/json" || len(made.More) > 0 || !json.Valid(made.Body) {
			t.Fatalf("%s: %+v %v", name, made, err)
		}
		got := "?" + made.Query + "\n" + string(made.Body) + "\n"
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || string(want) != got {
			t.Errorf("%s: %v, now\n%s", name, err, got)
		}
	}
	if files, err := filepath.Glob("testdata/*.txt"); err != nil || len(files) != len(cases) {
		t.Errorf("%d golden files, %d cases, %v", len(files), len(cases), err)
	}
}

// TestCarries: of all kinds there is a callback of one.
func TestCarries(t *testing.T) {
	var carried []record.Kind
	for _, kind := range record.Kinds() {
		if (callback.Encoder{}).Carries(kind) {
			carried = append(carried, kind)
		}
	}
	if !slices.Equal(carried, []record.Kind{record.ProfileUpdated}) {
		t.Errorf("carried are %q", carried)
	}
}

// TestWhatIsNoCallbackIsRefused, and an error tells nothing of a profile.
func TestWhatIsNoCallbackIsRefused(t *testing.T) {
	good := updated(t, text(record.TagNick, "hunter2"))
	cut := *good
	cut.Data = cut.Data[:len(cut.Data)-3]
	numbers := *good
	numbers.Data = json.RawMessage(`{"fields":[{"Tag":"Tag_Profile_IM_Nick","Value":4294967296}]}`)
	applied := recordtest.Of(record.ProfileApplied)[0].Event
	for name, events := range map[string][]*record.Event{
		"none": {}, "two": {good, good}, "cut": {&cut}, "too large a number": {&numbers}, "another kind": {&applied},
	} {
		made, err := callback.Encoder{}.Encode(&record.Endpoint{Bulk: &record.Bulk{Most: 10}}, events)
		if err == nil || made.Body != nil || made.Query != "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, made %q", name, err, made.Body)
		}
	}
}
