package record_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/record"
)

var (
	first = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	later = first.Add(time.Hour)
)

func text(tag, value string) record.Field { return record.Field{Tag: tag, Text: value} }

// FuzzField: a field is read as it was written, and what is read is a field.
func FuzzField(f *testing.F) {
	f.Add("Tag_Profile_IM_Nick", "שלום & 👋 <\u2028>", uint32(0), false)
	f.Add("Tag_Profile_IM_Level", "", uint32(1<<32-1), true)
	f.Add("", "7", uint32(7), false)
	f.Fuzz(func(t *testing.T, tag, value string, number uint32, numeric bool) {
		want := record.Field{Tag: tag, Numeric: numeric, Number: number}
		if !numeric {
			want = text(tag, value)
		}
		if !utf8.ValidString(tag) || !utf8.ValidString(value) {
			t.Skip("the dialect takes no such text")
		}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got record.Field
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v", b, got, err)
		}
	})
}

func TestFieldOfAnother(t *testing.T) {
	for _, bad := range []string{`{"Tag":"a"}`, `{"Tag":"a","Value":-1}`, `{"Tag":"a","Value":1.5}`, `{"Tag":"a","Value":4294967296}`, `{"Tag":"a","Value":[]}`, `{"Tag":1,"Value":1}`, `[]`} {
		var f record.Field
		if err := json.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("%s is taken: %+v", bad, f)
		}
	}
}

// TestWith: fields are kept by tag, each once, the account before is as it was, and what
// WhatsApp is to have is wished for when it is new, has changed or was refused.
func TestWith(t *testing.T) {
	empty := record.Account{ID: "a1"}
	acc := empty.With(first, text(record.TagSelfSignature, "s"), text(record.TagNick, "n"), record.Field{Tag: "Tag_Profile_IM_Level", Number: 1, Numeric: true}, text(record.TagImage, ""))
	var tags []string
	for _, f := range acc.Fields {
		tags = append(tags, f.Tag)
	}
	if want := []string{record.TagImage, "Tag_Profile_IM_Level", record.TagNick, record.TagSelfSignature}; !reflect.DeepEqual(tags, want) || len(empty.Fields) > 0 {
		t.Errorf("%v", tags)
	}
	if len(acc.Wishes) != 3 || acc.Wish("Tag_Profile_IM_Level").State != "" || acc.Wish(record.TagImage).State != record.WishPending {
		t.Errorf("%+v", acc.Wishes)
	}
	wish := func(state record.WishState) record.Wish {
		return record.Wish{Tag: record.TagNick, State: state, At: first, Tries: 3, NextAt: later, Problem: "p", Applied: "hash"}
	}
	anew := record.Wish{Tag: record.TagNick, State: record.WishPending, At: later, Applied: "hash"}
	for name, c := range map[string]struct {
		was  record.WishState
		set  string
		anew bool
	}{
		"pending, the same": {record.WishPending, "n", false},
		"pending, another":  {record.WishPending, "o", true},
		"pending, none":     {record.WishPending, "", true},
		"applied, the same": {record.WishApplied, "n", false},
		"applied, another":  {record.WishApplied, "o", true},
		"refused, the same": {record.WishRefused, "n", true},
		"refused, another":  {record.WishRefused, "o", true},
	} {
		was := acc.Wished(wish(c.was))
		got := was.With(later, text(record.TagNick, c.set))
		want := wish(c.was)
		if c.anew {
			want = anew
		}
		if f, _ := got.Field(record.TagNick); got.Wish(record.TagNick) != want || f.Text != c.set || len(got.Fields) != 4 {
			t.Errorf("%s: %+v", name, got)
		}
		if f, _ := was.Field(record.TagNick); was.Wish(record.TagNick) != wish(c.was) || f.Text != "n" {
			t.Errorf("%s: the account before has changed: %+v", name, was)
		}
	}
}

// TestNextWish: what is due, or what another phone has, and nothing else.
func TestNextWish(t *testing.T) {
	has := text(record.TagNick, "n")
	for name, c := range map[string]struct {
		wish record.Wish
		next bool
	}{
		"pending":              {record.Wish{State: record.WishPending}, true},
		"pending, due":         {record.Wish{State: record.WishPending, NextAt: later}, true},
		"pending, not yet":     {record.Wish{State: record.WishPending, NextAt: later.Add(1)}, false},
		"applied":              {record.Wish{State: record.WishApplied, Applied: record.Brought("1", has)}, false},
		"applied by another":   {record.Wish{State: record.WishApplied, Applied: record.Brought("2", has)}, true},
		"applied, another one": {record.Wish{State: record.WishApplied, Applied: record.Brought("1", text(record.TagNick, "m"))}, true},
		"refused":              {record.Wish{State: record.WishRefused}, false},
	} {
		c.wish.Tag = record.TagNick
		acc := record.Account{Fields: []record.Field{has}, Wishes: []record.Wish{c.wish}}
		if f, next := acc.NextWish(later, "1"); next != c.next || next && f != has {
			t.Errorf("%s: %+v, %t", name, f, next)
		}
	}
	if record.Brought("1", text("", "1x")) == record.Brought("11", text("", "x")) {
		t.Error("a phone and a text are taken for another phone and another text")
	}
}
