package tencent_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	getting   = "profile/portrait_get"
	checking  = "im_open_login_svc/account_check"
	importing = "im_open_login_svc/account_import"
)

// rights are a right body of every command.
var rights = map[string]string{
	setting:   set(nick, "New", "Tag_Profile_IM_BirthDay", raw("20190420"), "Tag_Profile_Custom_vip", "gold & more"),
	getting:   `{"To_Account":["` + user + `","nobody","other"],"TagList":["` + nick + `","Tag_Profile_IM_BirthDay","Tag_Profile_Custom_level","` + nick + `"]}`,
	checking:  `{"CheckItem":[{"UserID":"` + user + `"},{"UserID":"nobody"}]}`,
	importing: `{"UserID":"neu","Nick":"Neü","FaceUrl":"https://shop.example/a.png?b=1&c=2"}`,
}

// many is an array of so many of a JSON text.
func many(n int, text string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(text+",", n), ",") + "]"
}

// TestShapes are bodies that are JSON and not what a command takes.
func TestShapes(t *testing.T) {
	item := `{"Tag":"` + nick + `","Value":"x"}`
	for _, c := range []struct {
		command string
		code    int
		body    string
	}{
		{setting, 40001, `[]`},
		{setting, 40001, `null`},
		{setting, 40001, `"x"`},
		{setting, 40001, `{}`},
		{setting, 40001, `{"ProfileItem":[` + item + `]}`},
		{setting, 40001, `{"From_Account":null,"ProfileItem":[` + item + `]}`},
		{setting, 40001, `{"From_Account":7,"ProfileItem":[` + item + `]}`},
		{setting, 40001, `{"From_Account":["` + user + `"],"ProfileItem":[` + item + `]}`},
		{setting, 40001, `{"From_Account":"","ProfileItem":[` + item + `]}`},
		{setting, 40001, `{"from_account":"` + user + `","ProfileItem":[` + item + `]}`},
		{setting, 40001, `{"From_Account":"` + user + `"}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":null}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":` + item + `}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[[]]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[null]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[` + item + `,"x"]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[{}]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[{"Tag":"` + nick + `"}]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[{"Value":"x"}]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[{"Tag":1,"Value":"x"}]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[{"Tag":null,"Value":"x"}]}`},
		{setting, 40001, `{"From_Account":"` + user + `","ProfileItem":[{"tag":"` + nick + `","value":"x"}]}`},
		{setting, 40003, `{"From_Account":"nobody","ProfileItem":[` + item + `]}`},
		{setting, 40003, `{"From_Account":"` + strings.Repeat("x", 64) + `","ProfileItem":[` + item + `]}`},
		{setting, 40003, `{"From_Account":"` + strings.Repeat("x", 1<<19) + `","ProfileItem":[` + item + `]}`},
		{setting, 0, "\ufeff" + `{"From_Account":"` + user + `","ProfileItem":[{"Tag":"` + nick + `","Value":"x","More":[1]}],"More":{}}`},
		{setting, 0, `{"From_Account":"\u0073hop","ProfileItem":[{"Value":"\ud83d\ude00","Tag":"Tag\u005fProfile_IM_Nick"}]}`},

		{setting, 60003, ``},
		{setting, 60003, `{`},
		{setting, 60003, rights[setting] + "x"},
		{setting, 60003, "\ufeff\ufeff" + rights[setting]},
		{setting, 60003, `{"From_Account":"nobody","From_Account":"` + user + `","ProfileItem":[` + item + `]}`},
		{setting, 60003, `{"From_Account":"` + user + `","ProfileItem":[{"Tag":"` + nick + `","Value":"x","Value":"y"}]}`},
		{setting, 60003, set(nick, "x")[:20] + "\xff" + set(nick, "x")[20:]},
		{setting, 60003, `{"From_Account":"` + user + `","ProfileItem":[{"Tag":"` + nick + `","Value":"\ud800"}]}`},
		{setting, 60003, `{"From_Account":"` + user + `","ProfileItem":[{"Tag":"` + nick + `","Value":"\ud83d\ud83d"}]}`},
		{setting, 60003, `{"From_Account":"` + user + `","ProfileItem":[{"Tag":"` + nick + `","Value":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}]}`},
		{setting, 60003, strings.Repeat(`{"a":`, 100_000)},
		{setting, 60003, `{"From_Account":"` + user + `","ProfileItem":` + many(5000, item) + `}`},

		{getting, 40001, `[]`},
		{getting, 40001, `{"TagList":["` + nick + `"]}`},
		{getting, 40001, `{"To_Account":["` + user + `"]}`},
		{getting, 40001, `{"To_Account":"` + user + `","TagList":["` + nick + `"]}`},
		{getting, 40001, `{"To_Account":[],"TagList":["` + nick + `"]}`},
		{getting, 40001, `{"To_Account":["` + user + `"],"TagList":[]}`},
		{getting, 40001, `{"To_Account":["` + user + `",7],"TagList":["` + nick + `"]}`},
		{getting, 40001, `{"To_Account":["` + user + `",""],"TagList":["` + nick + `"]}`},
		{getting, 40001, `{"To_Account":["` + user + `"],"TagList":["` + nick + `",null]}`},
		{getting, 40001, `{"To_Account":` + many(101, `"`+user+`"`) + `,"TagList":["` + nick + `"]}`},
		{getting, 40009, `{"To_Account":["` + user + `"],"TagList":["` + nick + `","Tag_Unknown"]}`},
		{getting, 40009, `{"To_Account":["` + user + `"],"TagList":["Tag_Profile_Custom_none"]}`},
		{getting, 60003, `{"To_Account":["` + user + `"],"To_Account":["other"],"TagList":["` + nick + `"]}`},
		{getting, 0, `{"To_Account":` + many(100, `"`+user+`"`) + `,"TagList":` + many(100, `"`+nick+`"`) + `}`},

		{checking, 70402, `[]`},
		{checking, 70402, `{}`},
		{checking, 70402, `{"CheckItem":[]}`},
		{checking, 70402, `{"CheckItem":{"UserID":"x"}}`},
		{checking, 70402, `{"CheckItem":["x"]}`},
		{checking, 70402, `{"CheckItem":[{"UserID":"x"},{}]}`},
		{checking, 70402, `{"CheckItem":[{"UserID":""}]}`},
		{checking, 60015, `{"CheckItem":[{"UserID":"x"},{"UserID":7}]}`},
		{checking, 60015, `{"CheckItem":[{"UserID":null}]}`},
		{checking, 70402, `{"CheckItem":` + many(101, `{"UserID":"x"}`) + `}`},
		{checking, 60003, `{"CheckItem":[{"UserID":"x","UserID":"y"}]}`},
		{checking, 0, `{"CheckItem":` + many(100, `{"UserID":"x"}`) + `}`},

		{importing, 70402, `"x"`},
		{importing, 70402, `{}`},
		{importing, 70402, `{"UserID":""}`},
		{importing, 60015, `{"UserID":7}`},
		{importing, 60015, `{"UserID":["x"]}`},
		{importing, 70402, `{"UserID":"` + strings.Repeat("x", 33) + `"}`},
		{importing, 70402, `{"UserID":"` + strings.Repeat("é", 16) + `x"}`},
		{importing, 70402, `{"UserID":"a\nb"}`},
		{importing, 70402, `{"UserID":"a\u0000b"}`},
		{importing, 40610, `{"UserID":"x","Nick":7}`},
		{importing, 40610, `{"UserID":"x","Nick":null}`},
		{importing, 40610, `{"UserID":"x","FaceUrl":{}}`},
		{importing, 40601, `{"UserID":"x","Nick":"` + strings.Repeat("x", 501) + `"}`},
		{importing, 40601, `{"UserID":"x","Nick":"y","FaceUrl":"` + strings.Repeat("x", 501) + `"}`},
		{importing, 60003, `{"UserID":"x","Nick":"a","Nick":"b"}`},
		{importing, 0, `{"UserID":"` + strings.Repeat("é", 16) + `"}`},
		{importing, 0, `{"UserID":"x","Nick":"","FaceUrl":""}`},
		{importing, 0, `{"UserID":"` + user + `","Nick":"` + strings.Repeat("x", 500) + `"}`},
	} {
		w := newWorld()
		before := fmt.Sprint(w.accounts)
		got := call(t, w.handler(), c.command, c.body)
		writes := c.command == setting || c.command == importing
		if got.ErrorCode != c.code || (w.writes == 1) != (writes && c.code == 0) || len(got.ErrorInfo)+len(got.ErrorDisplay) > 300 {
			t.Errorf("%s %.120s: %+v with %d writes, want %d", c.command, c.body, got, w.writes, c.code)
		}
		if w.writes == 0 && fmt.Sprint(w.accounts) != before {
			t.Errorf("%s %.120s has changed something", c.command, c.body)
		}
	}
}

// TestPortraitGet: fields that are not set are left out, a tag is answered once, and an
// account that is not there fails alone.
func TestPortraitGet(t *testing.T) {
	w := newWorld()
	got := call(t, w.handler(), getting, rights[getting])
	if got.ErrorCode != 0 || len(got.Profiles) != 3 || fmt.Sprint(got.Failed) != "[nobody]" {
		t.Fatalf("%+v", got)
	}
	if p := got.Profiles[0]; p.User != user || p.ResultCode != 0 || fmt.Sprint(p.Fields) != "[{"+nick+" The <old> shop} {Tag_Profile_IM_BirthDay 2.0190419e+07} {Tag_Profile_Custom_level 7}]" {
		t.Errorf("%+v", p)
	}
	if p := got.Profiles[1]; p.User != "nobody" || p.ResultCode != 40003 || p.ResultInfo == "" || p.Fields != nil {
		t.Errorf("%+v", p)
	}
	if p := got.Profiles[2]; p.User != "other" || p.ResultCode != 0 || p.Fields == nil || len(p.Fields) != 0 {
		t.Errorf("%+v", p)
	}
}

// TestImport: what is not given stays, and an account that is there is not made anew.
func TestImport(t *testing.T) {
	w := newWorld()
	h := w.handler()
	for _, body := range []string{
		`{"UserID":"neu"}`, `{"UserID":"neu","Nick":"N","FaceUrl":"F"}`, `{"UserID":"neu","Nick":"M"}`, `{"UserID":"neu","Nick":"","FaceUrl":""}`,
		`{"UserID":"` + user + `","FaceUrl":"F"}`,
	} {
		if got := call(t, h, importing, body); got.ErrorCode != 0 {
			t.Errorf("%s: %+v", body, got)
		}
	}
	if w.value("neu", nick) != "M" || w.value("neu", "Tag_Profile_IM_Image") != "F" || w.value(user, nick) != "The <old> shop" || w.value(user, "Tag_Profile_IM_Image") != "F" {
		t.Errorf("%+v", w.accounts)
	}
	got := call(t, h, checking, `{"CheckItem":[{"UserID":"neu"},{"UserID":"nobody"},{"UserID":"`+strings.Repeat("x", 1000)+`"}]}`)
	var states []string
	for _, c := range got.Checks {
		states = append(states, c.AccountStatus)
	}
	// Nobody is asked for what no account can be named.
	long := strings.Repeat("x", 64)
	if got := call(t, h, setting, strings.Replace(rights[setting], user, long, 1)); got.ErrorCode != 40003 {
		t.Errorf("%+v", got)
	}
	if fmt.Sprint(states) != "[Imported NotImported NotImported]" || w.asked != 2 {
		t.Errorf("%+v, asked %d times", got, w.asked)
	}
}

// TestBodyThatBreaksOff: and one that is too large.
func TestBodyThatBreaksOff(t *testing.T) {
	for command, body := range rights {
		for _, r := range []io.Reader{
			io.MultiReader(strings.NewReader(body[:5]), brokenReader{}),
			http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(body)), 5),
		} {
			w := newWorld()
			if got := play(t, w.handler(), httptest.NewRequest(http.MethodPost, targets()[command], r)); got.ErrorCode != 60002 || w.writes != 0 {
				t.Errorf("%s: %+v", command, got)
			}
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
