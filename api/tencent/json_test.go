package tencent

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	nested := func(depth int) string { return strings.Repeat(`{"a":[`, depth/2) + strings.Repeat("]}", depth/2) }
	for text, want := range map[string]error{
		`{}`: nil, `[]`: nil, ` {"a":1} ` + "\r\n\t": nil, `"x"`: nil, `null`: nil, `-1.5e-7`: nil, `[true,false,null]`: nil,
		`{"a":{"a":[{"a":1}]},"b":{"a":1}}`: nil,
		`{"a":1,"A":2}`:                     nil,
		`"\ud83d\ude00"`:                    nil,
		`"\\ud800"`:                         nil,
		`"\\\\ud800\n\ud83d\ude00\\"`:       nil,
		`"\uFFFD�"`:                         nil,
		nested(maxDepth):                    nil,
		nested(maxDepth + 2):                errDeep,
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth):     nil,
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1): errDeep,
		"[" + strings.Repeat("1,", maxTokens-3) + "1]":                    nil,
		"[" + strings.Repeat("1,", maxTokens-2) + "1]":                    errLong,
		strings.Repeat("[", 100_000):                                      errBroken,
		strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000):           errDeep,
		``: errBroken, ` `: errBroken, `{`: errBroken, `{"a":1,}`: errBroken, `[1,]`: errBroken, `[1 2]`: errBroken, `{"a" 1}`: errBroken,
		`{a:1}`: errBroken, `{'a':1}`: errBroken, `{1:1}`: errBroken, `01`: errBroken, `+1`: errBroken, `.5`: errBroken, `1.`: errBroken, `NaN`: errBroken,
		`{} {}`: errBroken, `{},`: errBroken, "{}\x00": errBroken, `"a` + "\n" + `b"`: errBroken, `"\x41"`: errBroken, `"\u12"`: errBroken, `// x`: errBroken,
		`{"a":1,"a":1}`:           errSameName,
		`{"a":1,"\u0061":2}`:      errSameName,
		`[{"x":{"":1,"":2}}]`:     errSameName,
		"\"\xff\"":                errEncoding,
		"{}\xff":                  errEncoding,
		"\"\xed\xa0\x80\"":        errEncoding,
		"\"\xc0\x80\"":            errEncoding,
		`"\ud800"`:                errSurrogate,
		`"\udc00"`:                errSurrogate,
		`"\uD83D\uD83D"`:          errSurrogate,
		`"\ude00\ud83d"`:          errSurrogate,
		`"\ud83dx\ude00"`:         errSurrogate,
		`"\ud83d\n\ude00"`:        errSurrogate,
		`"\ud83d\\ude00"`:         errSurrogate,
		`{"\ud800":1}`:            errSurrogate,
		`"\ud83d\ude00\ude00"`:    errSurrogate,
		`"\\\ud800"`:              errSurrogate,
		`["\\",{"x":"\\\udfff"}]`: errSurrogate,
	} {
		if _, err := parse([]byte(text)); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%.60s: %v, want %v", text, err, want)
		}
	}
}

// TestParseIsBounded: a megabyte takes a few of them, whatever is in it.
func TestParseIsBounded(t *testing.T) {
	const size = 1 << 20
	for name, text := range map[string]string{
		"numbers":  "[" + strings.Repeat("1,", size/2) + "1]",
		"objects":  "[" + strings.Repeat("{},", size/3) + "{}]",
		"brackets": strings.Repeat("[", size),
		"pairs":    strings.Repeat("[", 9000) + strings.Repeat(" ", size) + strings.Repeat("]", 9000),
		"a text":   `"` + strings.Repeat("x", size) + `"`,
		"escapes":  `"` + strings.Repeat(`\ud83d\ude00`, size/12) + `"`,
		"a number": strings.Repeat("9", size),
		"spaces":   strings.Repeat(" ", size),
		"names":    `{"` + strings.Repeat("x", size) + `":1}`,
	} {
		if spent := allocated(func() { _, _ = parse([]byte(text)) }); spent > 8*size {
			t.Errorf("%s: %d bytes", name, spent)
		}
	}
}

// FuzzParse: what is read is what encoding/json reads, and nothing that it mends.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"From_Account":"id","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"MyNickName"}]}`,
		`[1,-0,1e5,1.5,"\ud83d\ude00",null,true,{"a":{"b":[]}}]`, `"\ud800"`, `{"a":1,"a":2}`, "\"\xff\"", `"\\ud800"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parse(text)
		if err != nil {
			return
		}
		var want any
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil || !reflect.DeepEqual(plain(got), want) {
			t.Errorf("%q: %v, encoding/json has %v (%v)", text, got, want, err)
		}
	})
}

// plain is a value in encoding/json's own types.
func plain(v any) any {
	switch v := v.(type) {
	case object:
		out := make(map[string]any)
		for name, value := range v {
			out[name] = plain(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	}
	return v
}
