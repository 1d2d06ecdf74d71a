// Package tencenttest signs calls as Tencent Chat's clients do, for tests of the dialect
// and of who serves it. It was written from the description of the signatures, not from
// their verification.
package tencenttest

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// App signs as one of an app's identifiers.
type App struct {
	ID         int64
	SecretKey  string
	Identifier string
	Now        func() time.Time // nil: time.Now
}

// Document is what a UserSig says. Its fields are in the order of the vendor's libraries.
type Document struct {
	Version    string `json:"TLS.ver"`
	Identifier string `json:"TLS.identifier"`
	App        int64  `json:"TLS.sdkappid"`
	Time       int64  `json:"TLS.time"`
	Expire     int64  `json:"TLS.expire"`
	Userbuf    string `json:"TLS.userbuf,omitempty"` // base64; empty: there is none
	Sig        string `json:"TLS.sig"`
}

// Sign is the document with its signature.
func (d Document) Sign(key string) Document {
	text := fmt.Sprintf("TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", d.Identifier, d.App, d.Time, d.Expire)
	if d.Userbuf != "" {
		text += "TLS.userbuf:" + d.Userbuf + "\n"
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	d.Sig = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return d
}

// JSON is its text.
func (d Document) JSON() []byte {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // it holds texts and numbers
	}
	return text
}

// Pack compresses a document's text at a level of package zlib and writes it as a UserSig.
func Pack(document []byte, level int) string {
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		panic(err)
	}
	if _, err := z.Write(document); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return Swap(b.Bytes())
}

// Swap is base64 as a UserSig has it.
func Swap(b []byte) string {
	return strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(base64.StdEncoding.EncodeToString(b))
}

// Document is one that is valid for a day.
func (a App) Document() Document {
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	return Document{Version: "2.0", Identifier: a.Identifier, App: a.ID, Time: now().Unix(), Expire: 86400}.Sign(a.SecretKey)
}

// UserSig is one that is valid for a day.
func (a App) UserSig() string { return Pack(a.Document().JSON(), zlib.DefaultCompression) }

// Query is the query of a call.
func (a App) Query() url.Values {
	return url.Values{
		"sdkappid": {strconv.FormatInt(a.ID, 10)}, "identifier": {a.Identifier}, "usersig": {a.UserSig()},
		"random": {"99999999"}, "contenttype": {"json"},
	}
}

// Request makes a call of a command, like "profile/portrait_set", at an address like
// "http://127.0.0.1:8080". Its context is nobody's: give it one.
func (a App) Request(base, command, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, base+"/v4/"+command+"?"+a.Query().Encode(), strings.NewReader(body))
	if err != nil {
		panic(err) // a command without spaces makes none
	}
	return r
}
