package cams_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// messages are what a prefilled message may be.
var messages = map[string]string{
	"Latin":            "Olá! Ação, straße, Þórður, ﬁ, I\u0307",
	"combining":        "e\u0301 a\u0308 n\u0303 \u1112\u1161\u11ab", // not normalised
	"Greek":            "Καλημέρα κόσμε",
	"Cyrillic":         "Здравствуйте, їжак",
	"Hebrew":           "שלום \u200f(עולם)\u200f, ₪ 100%",
	"Arabic":           "السلام عليكم ١٢٣ لا\u200d",
	"Devanagari":       "नमस्ते क्\u200dष",
	"Tamil":            "வணக்கம்",
	"Thai":             "สวัสดีครับ",
	"Georgian":         "გამარჯობა",
	"Armenian":         "Բարեւ",
	"Amharic":          "ሰላም",
	"Khmer":            "ជំរាបសួរ",
	"Chinese":          "你好，世界。𠮷野家",
	"Japanese":         "こんにちは、カタカナ「漢字」",
	"Korean":           "안녕하세요",
	"cuneiform":        "𒀭𒂗𒆤",
	"emoji":            "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏿 🇧🇷 #️⃣ ☺︎",
	"plus":             "1+1=2 ++ %2B %20 + ",
	"percent":          "100% %zz %%20%2",
	"quotes":           `"it's" 'a' ` + "`b` «c» \\ \\n \\u0041",
	"reserved":         "!*'();:@&=+$,/?#[]~-_.{}|^<>",
	"markup":           "<script>alert(1)</script>&amp;&lt;",
	"line breaks":      "a\r\nb\nc\rd\te\u2028f\u2029g",
	"spaces":           "  a \u00a0\u3000\u200b ",
	"one":              "x",
	"a form":           "a=1&PhoneNumber=2&Signature=x",
	"a JSON":           `{"Code":"OK"}`,
	"private":          "\ue000\U0010ffff\ufffd\ufeff",
	"longest":          strings.Repeat("é", 139) + "𠮷",
	"longest of emoji": strings.Repeat("👍", 140),
	"longest of plus":  strings.Repeat("+", 70) + strings.Repeat("%", 70),
}

// spellings are the ways in which clients send a call.
func spellings(action string, params map[string]string) map[string]*ask {
	all := make(map[string]*ask)
	for _, way := range ways {
		for _, verb := range []string{http.MethodGet, http.MethodPost} {
			for _, plus := range []bool{false, true} {
				for _, split := range []bool{false, true} {
					a := asks(way, action, params)
					a.verb, a.plus, a.split = verb, plus, split
					all[fmt.Sprintf("%s by %s, plus %t, split %t", way, verb, plus, split)] = a
				}
			}
		}
	}
	return all
}

// TestMessagesStayAsTheyAre: from the signature to the port and back, in all spellings.
func TestMessagesStayAsTheyAre(t *testing.T) {
	for name, text := range messages {
		t.Run(name, func(t *testing.T) {
			for spelling, a := range spellings("CreatePhoneMessageQrdl", map[string]string{
				"PhoneNumber": number, "GenerateQrImage": "SVG", "PrefilledMessage": text,
			}) {
				w := newWorld()
				got := play(t, w.handler(), a.sign().request())
				var data code
				if err := json.Unmarshal(got.Data, &data); err != nil {
					t.Fatalf("%s: %v, %s", spelling, err, got.Code)
				}
				if got.Code != "OK" || data.PrefilledMessage != text || w.codes[0].Message != text || w.codes[0].Image != "SVG" {
					t.Errorf("%s: %s %q, stored %q", spelling, got.Code, data.PrefilledMessage, w.codes[0].Message)
				}
			}
		})
	}
}

// TestParametersThatAreWrong are refused in all spellings, and nothing happens.
func TestParametersThatAreWrong(t *testing.T) {
	for parameter, values := range map[string][]string{
		"PrefilledMessage": {
			strings.Repeat("a", 141), strings.Repeat("𠮷", 141), "a\x00", "\x1b[0m", "a\bb", "a\x7f", "a\u0085b", "\xff", "a\xc3", "\xed\xa0\x80", "\v",
		},
		"PhoneNumber": {
			"123456", "1234567890123456", "++8615800000000", "8615800000000+", "86 158 0000 0000", "86-15800000000", "(86)15800000000",
			"+123456", "86158****0000", "٨٦١٥٨٠٠٠٠٠٠٠", "0x12345678", "+ 8615800000000", "8615800000000\n", "861580000000.0", " ", "+",
		},
		"GenerateQrImage": {"png", "Svg", "JPEG", "SVG ", "PNG,SVG", "0"},
		"QrdlCode":        {"D9II300000001", "D9II30000000001", "d9ii3000000001", "D9II3-00000001", "D9II300000000É", "D9II3000000001\n", "..............", "D9II3000000002"},
	} {
		for _, value := range values {
			params := map[string]string{"PhoneNumber": number, "GenerateQrImage": "SVG", "PrefilledMessage": "x", "QrdlCode": oldCode}
			params[parameter] = value
			for spelling, a := range spellings("UpdatePhoneMessageQrdl", params) {
				w := newWorld()
				got := play(t, w.handler(), a.sign().request())
				if got.Code != "Invalid"+parameter || got.status != 400 || w.codes[0].Revision != 1 {
					t.Errorf("%q, %s: %s", value, spelling, got.Code)
				}
			}
		}
	}
}

// TestPhoneNumbers: a plus in front is taken, also one that was not encoded, and digits
// are answered.
func TestPhoneNumbers(t *testing.T) {
	for _, given := range []string{number, "+" + number, " " + number} {
		for spelling, a := range spellings("ListPhoneMessageQrdl", map[string]string{"PhoneNumber": given}) {
			got := play(t, newWorld().handler(), a.sign().request())
			var data []code
			if err := json.Unmarshal(got.Data, &data); err != nil || len(data) != 1 || data[0].PhoneNumber != number {
				t.Errorf("%q, %s: %s %s", given, spelling, got.Code, got.Data)
			}
		}
	}
}

// TestOneCodesLife: create, update, list and delete, as a client sees them.
func TestOneCodesLife(t *testing.T) {
	w := newWorld()
	h := w.handler()
	n := 0
	call := func(action string, params map[string]string) got {
		n++
		a := asks(ways[n%2], action, params)
		a.nonce = fmt.Sprint(n)
		return play(t, h, a.sign().request())
	}
	var made, changed code
	var all []code
	read := func(g got, into any) {
		if err := json.Unmarshal(g.Data, into); err != nil || g.Code != "OK" || g.Message != "None" {
			t.Fatalf("%v: %+v", err, g)
		}
	}
	read(call("CreatePhoneMessageQrdl", map[string]string{"PhoneNumber": "+" + number, "GenerateQrImage": "PNG", "PrefilledMessage": "one"}), &made)
	if want := (code{number, made.QrdlCode, "PNG", "one", "http://" + host + "/m/token2", "http://" + host + "/m/token2.PNG"}); made != want || len(made.QrdlCode) != 14 {
		t.Errorf("%+v, want %+v", made, want)
	}
	read(call("UpdatePhoneMessageQrdl", map[string]string{"PhoneNumber": number, "GenerateQrImage": "SVG", "PrefilledMessage": "two", "QrdlCode": made.QrdlCode}), &changed)
	if want := (code{number, made.QrdlCode, "SVG", "two", "http://" + host + "/m/token2b", "http://" + host + "/m/token2b.SVG"}); changed != want {
		t.Errorf("%+v, want %+v", changed, want)
	}
	read(call("ListPhoneMessageQrdl", map[string]string{"PhoneNumber": number}), &all)
	if len(all) != 2 || all[0] != changed || all[1].QrdlCode != oldCode {
		t.Errorf("%+v", all)
	}
	for _, gone := range []string{made.QrdlCode, oldCode} {
		if g := call("DeletePhoneMessageQrdl", map[string]string{"PhoneNumber": number, "QrdlCode": gone}); g.Code != "OK" || g.Data != nil {
			t.Errorf("%+v", g)
		}
	}
	if g := call("ListPhoneMessageQrdl", map[string]string{"PhoneNumber": number}); string(g.Data) != "[]" {
		t.Errorf("%+v", g)
	}
}

// TestDenialIsOfOneAction: who may not update may list.
func TestDenialIsOfOneAction(t *testing.T) {
	w := newWorld()
	w.tenant.Keys[0].Deny = []string{"cams:UpdatePhoneMessageQrdl"}
	w.amnesia = true
	h := w.handler()
	for action, want := range map[string]string{"UpdatePhoneMessageQrdl": "Ram.PermissionDeny", "ListPhoneMessageQrdl": "OK"} {
		if got := play(t, h, asks("v3", action, operations[action]).sign().request()); got.Code != want {
			t.Errorf("%s: %+v", action, got)
		}
	}
}

// FuzzMessage: a message is taken and stays as it is, or it is one that may not be.
func FuzzMessage(f *testing.F) {
	for _, text := range messages {
		f.Add(text)
	}
	f.Add("\xff\x00")
	f.Fuzz(func(t *testing.T, text string) {
		fine := text != "" && utf8.ValidString(text) && utf8.RuneCountInString(text) <= 140
		for _, c := range text {
			fine = fine && (!unicode.Is(unicode.Cc, c) || c == '\n' || c == '\r' || c == '\t')
		}
		for _, way := range ways {
			w := newWorld()
			a := asks(way, "CreatePhoneMessageQrdl", map[string]string{"PhoneNumber": number, "GenerateQrImage": "SVG", "PrefilledMessage": text})
			got := play(t, w.handler(), a.sign().request())
			switch want := map[bool]string{true: "MissingPrefilledMessage", false: "InvalidPrefilledMessage"}[text == ""]; {
			case !fine && got.Code != want, fine && (got.Code != "OK" || w.codes[0].Message != text):
				t.Errorf("%s: %q: %s", way, text, got.Code)
			}
		}
	})
}
