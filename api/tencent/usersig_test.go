package tencent

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/tencent/tencenttest"
)

// vector is a UserSig that the vendor's own library made.
type vector struct {
	App        int64 `json:"sdkappid"`
	Key        string
	Identifier string
	Time       int64
	Expire     int64
	UserSig    string
	Document   string
	SignedText string
}

func theVector(t testing.TB) vector {
	t.Helper()
	text, err := os.ReadFile("testdata/usersig.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ UserSig vector }
	if err := json.Unmarshal(text, &all); err != nil || all.UserSig.UserSig == "" {
		t.Fatalf("no vector: %v", err)
	}
	return all.UserSig
}

func (v vector) verify(usersig string, at int64) error {
	return verify(usersig, v.Identifier, v.App, v.Key, time.Unix(at, 0))
}

// code is what an error is answered as, 0 for none.
func code(err error) int {
	var f *failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f):
		return f.code
	}
	return -1
}

// TestVector: the vendor's own UserSig is taken until its last second, and no other is.
func TestVector(t *testing.T) {
	v := theVector(t)
	doc, err := decode(v.UserSig)
	if err != nil || doc.text() != v.SignedText {
		t.Fatalf("%v, %v", doc, err)
	}
	for _, c := range []struct {
		code    int
		usersig string
		at      int64
	}{
		{0, v.UserSig, v.Time},
		{0, v.UserSig, v.Time - 3600}, // its maker's clock is ahead
		{0, v.UserSig, v.Time + v.Expire},
		{70001, v.UserSig, v.Time + v.Expire + 1},
		{70001, v.UserSig, math.MaxInt32 * 1000},
		{70003, v.UserSig[:len(v.UserSig)-1], v.Time},
		{70003, v.UserSig[1:], v.Time},
		{70003, v.UserSig + "_", v.Time},
		{70003, v.UserSig[:len(v.UserSig)-2] + "J_", v.Time}, // other bits that mean nothing
		{70003, v.UserSig + "AAAA", v.Time},
		{70003, strings.Replace(v.UserSig, "*", "+", 1), v.Time},
		{70003, strings.Replace(v.UserSig, "-", "/", 1), v.Time},
		{70003, strings.Replace(v.UserSig, "_", "=", 1), v.Time},
		{70003, strings.Replace(v.UserSig, "-", "_", 1), v.Time},
		{70003, v.UserSig[:40] + "\n" + v.UserSig[40:], v.Time},
		{70003, v.UserSig + "\r\n", v.Time},
		{70003, " " + v.UserSig, v.Time},
		{70003, "", v.Time},
		{70003, strings.ToLower(v.UserSig), v.Time},
	} {
		if got := code(v.verify(c.usersig, c.at)); got != c.code {
			t.Errorf("%s at %d: %d, want %d", c.usersig, c.at, got, c.code)
		}
	}
	for _, key := range []string{strings.ToUpper(v.Key), v.Key + "\n", v.Key[1:], "x"} {
		if got := code(verify(v.UserSig, v.Identifier, v.App, key, time.Unix(v.Time, 0))); got != codeWrongSig {
			t.Errorf("key %q: %d", key, got)
		}
	}
	for want, got := range map[int]int{
		codeNoKey:           code(verify(v.UserSig, v.Identifier, v.App, "", time.Unix(v.Time, 0))),
		codeOtherApp:        code(verify(v.UserSig, v.Identifier, v.App+1, v.Key, time.Unix(v.Time, 0))),
		codeOtherIdentifier: code(verify(v.UserSig, v.Identifier+" ", v.App, v.Key, time.Unix(v.Time, 0))),
	} {
		if got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}

// TestSpellings: what makers write differently is the same.
func TestSpellings(t *testing.T) {
	v := theVector(t)
	withBuf := tencenttest.Document{Version: "2.0", Identifier: v.Identifier, App: v.App, Time: v.Time, Expire: v.Expire, Userbuf: "AAEC/+8="}.Sign(v.Key)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(v.Document), "", "\t"); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"as it is":            v.Document,
		"a newline":           v.Document + "\n",
		"over lines":          pretty.String() + "\r\n",
		"another order":       `{` + strings.TrimSuffix(strings.Join(strings.Split(strings.Trim(v.Document, "{}"), `,`), ` , `), "}") + ` }`,
		"further names":       strings.Replace(v.Document, "{", `{"TLS.extra":[1.5,{"a":null}],`, 1),
		"escapes":             strings.ReplaceAll(v.Document, "administrator", `\u0061dministrator`),
		"a userbuf":           string(withBuf.JSON()),
		"a userbuf and lines": string(withBuf.JSON()) + "\n",
	} {
		for _, level := range []int{zlib.HuffmanOnly, zlib.DefaultCompression, zlib.NoCompression, zlib.BestSpeed, 6, zlib.BestCompression} {
			if err := v.verify(tencenttest.Pack([]byte(text), level), v.Time); err != nil {
				t.Errorf("%s, level %d: %v", name, level, err)
			}
		}
	}
}

// TestDocuments are documents that are not taken, whoever has signed them.
func TestDocuments(t *testing.T) {
	v := theVector(t)
	// edit replaces a part of the vector's document.
	edit := func(old, text string) string {
		t.Helper()
		if strings.Count(v.Document, old) != 1 {
			t.Fatalf("%s is not there once", old)
		}
		return strings.Replace(v.Document, old, text, 1)
	}
	// signed is a document that the key has signed.
	signed := func(change func(d *tencenttest.Document)) string {
		d := tencenttest.Document{Version: "2.0", Identifier: v.Identifier, App: v.App, Time: v.Time, Expire: v.Expire}
		change(&d)
		return string(d.Sign(v.Key).JSON())
	}
	for name, c := range map[string]struct {
		code int
		text string
	}{
		"nothing":                 {70003, ""},
		"no object":               {70003, "[" + v.Document + "]"},
		"null":                    {70003, "null"},
		"something behind":        {70003, v.Document + "{}"},
		"a zero behind":           {70003, v.Document + "\x00"},
		"a comma behind":          {70003, v.Document + ","},
		"cut off":                 {70003, v.Document[:len(v.Document)-1]},
		"invalid UTF-8":           {70003, edit("administrator", "administrator\xff")},
		"half a character":        {70003, edit("administrator", `administrator\ud800`)},
		"a name twice":            {70003, edit("{", `{"TLS.expire":99999999,`)},
		"an escaped name twice":   {70003, edit("{", `{"TLS.expir\u0065":99999999,`)},
		"another version":         {70003, edit(`"2.0"`, `"1.0"`)},
		"version as a number":     {70003, edit(`"2.0"`, `2.0`)},
		"no version":              {70003, edit(`"TLS.ver":"2.0",`, ``)},
		"no identifier":           {70003, edit(`"TLS.identifier":"administrator",`, ``)},
		"identifier as a number":  {70003, edit(`"administrator"`, `1`)},
		"no sig":                  {70003, edit(`"TLS.sig":`, `"TLS.sig2":`)},
		"sig as a list":           {70003, edit(`"c018`, `[],"x":"c018`)},
		"no app":                  {70003, edit(`"TLS.sdkappid":1400000000,`, ``)},
		"no time":                 {70003, edit(`"TLS.time":1767323045,`, ``)},
		"no expire":               {70003, edit(`"TLS.expire":604800,`, ``)},
		"names in capitals":       {70003, edit(`"TLS.expire"`, `"TLS.EXPIRE"`)},
		"app as a text":           {70003, edit("1400000000", `"1400000000"`)},
		"time as a text":          {70003, edit("1767323045", `"1767323045"`)},
		"expire as a text":        {70003, edit("604800", `"604800"`)},
		"expire as a float":       {70003, edit("604800", `604800.0`)},
		"expire with an exponent": {70003, edit("604800", `6048e2`)},
		"expire of -0":            {70003, edit("604800", `-0`)},
		"expire as null":          {70003, edit("604800", `null`)},
		"app of 65 bits":          {70003, edit("1400000000", "18446744073709551616")},
		"time of 65 bits":         {70003, edit("1767323045", "18446744073709551616")},
		"expire of many digits":   {70003, edit("604800", strings.Repeat("9", 3000))},
		"deep":                    {70003, edit("{", `{"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`,`)},
		"large":                   {0, v.Document + strings.Repeat(" ", 4096-len(v.Document))},
		"a byte too large":        {70003, v.Document + strings.Repeat(" ", 4097-len(v.Document))},
		"too large":               {70003, edit("{", `{"x":"`+strings.Repeat("x", 4096)+`",`)},

		"expire of 0":        {70003, signed(func(d *tencenttest.Document) { d.Expire = 0 })},
		"a negative expire":  {70003, signed(func(d *tencenttest.Document) { d.Expire = -1; d.Time = v.Time + 100 })},
		"a negative time":    {70003, signed(func(d *tencenttest.Document) { d.Time = -1; d.Expire = math.MaxInt64 })},
		"before 1970":        {70003, signed(func(d *tencenttest.Document) { d.Time = -1; d.Expire = v.Time + 100 })},
		"in 1970":            {0, signed(func(d *tencenttest.Document) { d.Time = 0; d.Expire = v.Time + 100 })},
		"time of -0":         {70003, strings.Replace(signed(func(d *tencenttest.Document) { d.Time = 0; d.Expire = v.Time + 100 }), `"TLS.time":0`, `"TLS.time":-0`, 1)},
		"an overflow":        {70003, signed(func(d *tencenttest.Document) { d.Expire = math.MaxInt64 })},
		"a near overflow":    {0, signed(func(d *tencenttest.Document) { d.Expire = math.MaxInt64 - d.Time })},
		"over":               {70001, signed(func(d *tencenttest.Document) { d.Time, d.Expire = v.Time-2, 1 })},
		"a userbuf":          {0, signed(func(d *tencenttest.Document) { d.Userbuf = "eA==" })},
		"no base64":          {70003, signed(func(d *tencenttest.Document) { d.Userbuf = "%" })},
		"another app":        {70014, signed(func(d *tencenttest.Document) { d.App++ })},
		"another identifier": {70013, signed(func(d *tencenttest.Document) { d.Identifier = "Administrator" })},
		"all three":          {70014, signed(func(d *tencenttest.Document) { d.App++; d.Identifier = "x"; d.Expire = 1 })},

		"userbuf as null":      {70003, edit("{", `{"TLS.userbuf":null,`)},
		"a userbuf added":      {70009, edit("{", `{"TLS.userbuf":"eA==",`)},
		"an empty one added":   {70009, edit("{", `{"TLS.userbuf":"",`)},
		"a userbuf dropped":    {70009, strings.Replace(signed(func(d *tencenttest.Document) { d.Userbuf = "eA==" }), `"TLS.userbuf":"eA==",`, "", 1)},
		"another time":         {70009, edit("1767323045", "1767323046")},
		"a longer life":        {70009, edit("604800", "604801")},
		"sig in hexadecimal":   {70009, edit("c018NK6zL2b2PyO64hLOCppQqT7io1uYZOYtIzMhkro=", "734d7c34aeb32f66")},
		"sig swapped":          {70009, edit("hkro=", "hkro_")},
		"sig without padding":  {70009, edit("hkro=", "hkro")},
		"sig with a newline":   {70009, edit("c018", `c018\n`)},
		"half a sig":           {70009, edit("c018NK6zL2b2PyO64hLOCppQqT7io1uYZOYtIzMhkro=", "c018NK6zL2b2PyO64hLOCg==")},
		"an empty sig":         {70009, edit("c018NK6zL2b2PyO64hLOCppQqT7io1uYZOYtIzMhkro=", "")},
		"sig with other bits":  {70009, edit("hkro=", "hkrp=")},
		"a slash that is none": {70009, edit("c018", `\/018`)},
	} {
		if err := v.verify(tencenttest.Pack([]byte(c.text), 6), v.Time); code(err) != c.code {
			t.Errorf("%s: %v (%d), want %d", name, err, code(err), c.code)
		} else if err != nil && (len(err.Error()) > 200 || strings.Contains(err.Error(), "2026")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
