package tencent_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

const (
	nick      = "Tag_Profile_IM_Nick"
	signature = "Tag_Profile_IM_SelfSignature"
	setting   = "profile/portrait_set"
)

// fields are WIRE.md §4.3: every field, with values that are right.
var fields = map[string][]any{
	nick:                             {"New", "", "ש & <b>", strings.Repeat("x", 500), strings.Repeat("é", 250)},
	signature:                        {"at the desk", strings.Repeat("ש", 250)},
	"Tag_Profile_IM_Image":           {"https://shop.example/a.png?b=1&c=2"},
	"Tag_Profile_IM_Location":        {"0123456789abcdef", strings.Repeat("x", 500)},
	"Tag_Profile_IM_Gender":          {"Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"},
	"Tag_Profile_IM_AllowType":       {"AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny", "AllowType_Type_DenyAny"},
	"Tag_Profile_IM_AdminForbidType": {"AdminForbid_Type_None", "AdminForbid_Type_SendOut"},
	"Tag_Profile_IM_BirthDay":        {raw("20190420"), raw("0"), raw("4294967295")},
	"Tag_Profile_IM_Language":        {raw("1")},
	"Tag_Profile_IM_Level":           {raw("4294967295")},
	"Tag_Profile_IM_Role":            {raw("0")},
	"Tag_Profile_IM_MsgSettings":     {raw("1")},
	"Tag_Profile_Custom_vip":         {"gold", "", strings.Repeat("é", 250)},
}

// raw is JSON as it is.
func raw(text string) json.RawMessage { return json.RawMessage(text) }

func isNumeric(tag string) bool { _, ok := fields[tag][0].(json.RawMessage); return ok }
func isEnum(tag string) bool    { return strings.Contains(fmt.Sprint(fields[tag][0]), "_Type_") }

// wrongOf are values that are wrong for a field, by their codes.
func wrongOf(tag string) map[int][]any {
	wrong := map[int][]any{40610: {raw("{}"), raw("[]"), raw(`{"a":1}`), raw(`["x"]`), raw("true"), raw("null")}}
	if isNumeric(tag) {
		wrong[40610] = append(wrong[40610], "20190419", "", "x", strings.Repeat("1", 501), raw("1.5"), raw("1.0"), raw("1e3"), raw("1E0"), raw("-1.5"), raw("0e0"), raw("1e-1"), raw("1e999999999"))
		wrong[40605] = []any{raw("4294967296"), raw("-1"), raw("-0"), raw("18446744073709551616"), raw("99999999999999999999999999999999"), raw(strings.Repeat("9", 100_000))}
		return wrong
	}
	wrong[40610] = append(wrong[40610], raw("1"), raw("1.5"), raw(strings.Repeat("1", 501)))
	wrong[40601] = []any{strings.Repeat("x", 501), strings.Repeat("é", 250) + "x", strings.Repeat("ש", 251)}
	if isEnum(tag) {
		right := fields[tag][0].(string)
		wrong[40605] = []any{"", right + " ", strings.ToLower(right), right[1:], right + "\x00", "Unknown"}
	}
	return wrong
}

// TestFields plays every field with everything that is right and wrong of it, alone and
// behind one that is right. After a failure the profile is what it was.
func TestFields(t *testing.T) {
	played := 0
	for _, tag := range slices.Sorted(maps.Keys(fields)) {
		t.Run(tag, func(t *testing.T) {
			other := nick
			if tag == nick {
				other = signature
			}
			right := fields[tag][0]
			for _, value := range fields[tag] {
				w := newWorld()
				if got := call(t, w.handler(), setting, set(other, "before", tag, value)); got.ErrorCode != 0 || w.writes != 1 {
					t.Errorf("%.40s: %+v", value, got)
				}
				want := value
				if r, ok := value.(json.RawMessage); ok {
					if err := json.Unmarshal(r, &want); err != nil {
						t.Fatal(err)
					}
				}
				if w.value(user, tag) != want || w.value(user, other) != "before" {
					t.Errorf("%v is stored, want %v", w.value(user, tag), want)
				}
				played++
			}
			fails := func(code int, body string) {
				t.Helper()
				w := newWorld()
				before := newWorld().accounts
				got := call(t, w.handler(), setting, body)
				if got.ErrorCode != code || w.writes != 0 || fmt.Sprint(w.accounts) != fmt.Sprint(before) {
					t.Errorf("%.120s: %+v with %d writes, want %d", body, got, w.writes, code)
				}
				played++
			}
			for code, values := range wrongOf(tag) {
				for _, value := range values {
					fails(code, set(tag, value))
					fails(code, set(other, "before", tag, value))
					fails(code, set(tag, value, "Tag_Unknown", 1)) // the first decides
				}
			}
			// Twice, whatever it says; and the tag is judged before the value.
			fails(40001, set(tag, right, tag, right))
			fails(40001, set(tag, right, other, "x", tag, raw("[]")))
			// Nobody's field.
			for _, tag := range []string{strings.ToLower(tag), tag + "x", " " + tag, tag + "\x00", strings.TrimPrefix(tag, "Tag_"), ""} {
				fails(40009, set(other, "before", tag, right))
			}
			// A field that may only be read, before and behind.
			fails(40008, set(tag, right, "Tag_Profile_Custom_level", "8"))
			fails(40008, set("Tag_Profile_Custom_level", raw("8"), tag, right))
		})
	}
	if played < 13*20 {
		t.Errorf("%d calls: this test cannot fail", played)
	}
}

// TestCustomTags: those that are not configured do not exist.
func TestCustomTags(t *testing.T) {
	for tag, code := range map[string]int{
		"Tag_Profile_Custom_vip":       0,
		"Tag_Profile_Custom_level":     40008,
		"Tag_Profile_Custom_VIP":       40009,
		"Tag_Profile_Custom_":          40009,
		"Tag_Profile_Custom":           40009,
		"Tag_Profile_Custom_vi":        40009,
		"Tag_Profile_Custom_vip2":      40009,
		"Tag_Profile_Custom_unknown":   40009,
		"tag_profile_custom_vip":       40009,
		"Tag_Profile_IM_Custom_vip":    40009,
		"Tag_Profile_IM_Tag":           40009,
		"Tag_SNS_IM_Group":             40009,
		strings.Repeat("Tag", 100_000): 40009,
	} {
		w := newWorld()
		got := call(t, w.handler(), setting, set(tag, "x"))
		if got.ErrorCode != code || (code == 0) != (w.writes == 1) || len(got.ErrorInfo) > 200 {
			t.Errorf("%.40s: %+v", tag, got)
		}
	}
}

// TestFirstItemDecides plays every two faults in either order.
func TestFirstItemDecides(t *testing.T) {
	faults := map[int]string{
		40001: `{"Tag":"` + nick + `"}`,
		40008: `{"Tag":"Tag_Profile_Custom_level","Value":"x"}`,
		40009: `{"Tag":"Tag_Unknown","Value":"x"}`,
		40601: `{"Tag":"` + nick + `","Value":"` + strings.Repeat("x", 501) + `"}`,
		40605: `{"Tag":"Tag_Profile_IM_Gender","Value":"x"}`,
		40610: `{"Tag":"Tag_Profile_IM_Level","Value":"1"}`,
	}
	w := newWorld()
	h := w.handler()
	for code, first := range faults {
		for _, second := range faults {
			for _, account := range []string{user, "nobody"} {
				body := `{"From_Account":"` + account + `","ProfileItem":[{"Tag":"` + signature + `","Value":"x"},` + first + `,` + second + `]}`
				if got := call(t, h, setting, body); got.ErrorCode != code {
					t.Errorf("%.200s: %+v, want %d", body, got, code)
				}
			}
		}
	}
	if w.writes != 0 {
		t.Errorf("%d writes", w.writes)
	}
}
