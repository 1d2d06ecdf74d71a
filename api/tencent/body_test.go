package tencent_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzBody: whatever a body is, the answer is one of the documented codes, and what is set
// is what a field may be.
func FuzzBody(f *testing.F) {
	names := []string{setting, getting, checking, importing}
	for _, e := range exchanges() {
		_, body, _ := strings.Cut(string(e.wire), "\n\n")
		f.Add(strings.TrimSuffix(body, "\n"))
	}
	for _, tag := range []string{nick, "Tag_Profile_IM_Gender", "Tag_Profile_IM_Level", "Tag_Profile_Custom_vip"} {
		f.Add(set(tag, fields[tag][0]))
		for _, values := range wrongOf(tag) {
			for _, v := range values {
				if text, ok := v.(json.RawMessage); !ok || len(text) < 1000 {
					f.Add(set(tag, v))
				}
			}
		}
	}
	documented := []int{0, 40001, 40003, 40008, 40009, 40601, 40605, 40610, 60003, 60015, 70402}
	f.Fuzz(func(t *testing.T, body string) {
		for _, command := range names {
			w := newWorld()
			got := call(t, w.handler(), command, body)
			if !slices.Contains(documented, got.ErrorCode) || got.ErrorCode != 0 && w.writes > 0 {
				t.Errorf("%s %q: %+v, %d writes", command, body, got, w.writes)
			}
			if got.ErrorCode == 0 {
				checkAccounts(t, w)
			}
		}
	})
}

// checkAccounts holds what is stored to WIRE.md §4.3.
func checkAccounts(t *testing.T, w *world) {
	t.Helper()
	for name, account := range w.accounts {
		if name == "" || len(name) > 32 || !utf8.ValidString(name) {
			t.Errorf("an account is named %q", name)
		}
		for _, f := range account.Fields {
			values, known := fields[f.Tag]
			switch {
			case f.Tag == "Tag_Profile_Custom_level":
				if f.Text != "7" {
					t.Errorf("a field that may only be read: %+v", f)
				}
			case !known, f.Numeric != isNumeric(f.Tag), len(f.Text) > 500, !utf8.ValidString(f.Text),
				isEnum(f.Tag) && !slices.Contains(values, any(f.Text)):
				t.Errorf("%+v is set", f)
			}
		}
	}
}
