package tencent

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The bounds of a UserSig, in bytes. The known ones have some 200.
const (
	maxSig      = 8 << 10 // as it is sent
	maxDocument = 4 << 10 // its document, inflated
)

// swapped is base64 with the alphabet that its makers swap into URLs.
var swapped = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-").WithPadding('_').Strict()

// document is what a UserSig says of itself.
type document struct {
	identifier string
	app        int64
	at         int64 // Unix seconds, 0 or more
	expire     int64 // seconds of life, 1 or more
	sig        string
	userbuf    *string // nil: there is none
}

// verify holds a UserSig, which was decoded from the query, to what the query says and to
// an app's secret key, at a moment; every error is a *failure. It compares what was
// decoded, never the strings: makers compress differently. It reads nothing but its
// arguments.
func verify(usersig, identifier string, app int64, key string, now time.Time) error {
	doc, err := decode(usersig)
	switch {
	case err != nil:
		return err
	case doc.app != app:
		return &failure{codeOtherApp, "the UserSig is another app's: make it for the sdkappid of the query"}
	case doc.identifier != identifier:
		return &failure{codeOtherIdentifier, "the UserSig is another identifier's: make it for the one of the query"}
	case key == "":
		return &failure{codeNoKey, "the app has no secret key: its operator makes one"}
	case !doc.signed(key):
		return &failure{codeWrongSig, "the UserSig was signed with another key: sign it with the app's secret_key, as the text that it is"}
	case now.Unix() > doc.at+doc.expire:
		return &failure{codeExpired, "the UserSig has expired: make a new one"}
	}
	return nil
}

// decode takes a UserSig apart and proves nothing.
func decode(usersig string) (*document, error) {
	if len(usersig) > maxSig {
		return nil, notASig("it has more than 8 KiB")
	}
	packed, err := oneLine(swapped, usersig)
	if err != nil {
		return nil, notASig("it is not base64 with *, - and _ for +, / and =")
	}
	text, err := inflate(packed)
	if err != nil {
		return nil, err
	}
	value, err := parse(text)
	if err != nil {
		return nil, notASig("its document is not JSON that is taken: " + err.Error())
	}
	o, ok := value.(object)
	if !ok {
		return nil, notASig("its document is not a JSON object")
	}
	return o.document()
}

// inflate undoes zlib, of the whole text and within bounds.
func inflate(packed []byte) ([]byte, error) {
	from := bytes.NewReader(packed)
	z, err := zlib.NewReader(from)
	if err != nil {
		return nil, notASig("it is not compressed with zlib")
	}
	text, err := io.ReadAll(io.LimitReader(z, maxDocument+1))
	switch {
	case err != nil:
		return nil, notASig("it is not compressed with zlib")
	case len(text) > maxDocument:
		return nil, notASig("its document has more than 4 KiB")
	case from.Len() > 0:
		return nil, notASig("something follows it")
	}
	return text, nil
}

// document reads the fields. Those that it does not know are not signed, and ignored.
func (o object) document() (*document, error) {
	var doc document
	if version, _ := o["TLS.ver"].(string); version != "2.0" {
		return nil, notASig("its TLS.ver is not 2.0")
	}
	for _, text := range []struct {
		name string
		to   *string
	}{{"TLS.identifier", &doc.identifier}, {"TLS.sig", &doc.sig}} {
		var ok bool
		if *text.to, ok = o[text.name].(string); !ok {
			return nil, notASig("its " + text.name + " is not a text")
		}
	}
	for _, number := range []struct {
		name string
		to   *int64
	}{{"TLS.sdkappid", &doc.app}, {"TLS.time", &doc.at}, {"TLS.expire", &doc.expire}} {
		var ok bool
		if *number.to, ok = integer(o[number.name]); !ok {
			return nil, notASig("its " + number.name + " is not an integer of 64 bits")
		}
	}
	// The signed text is lines: with line ends in it, it could be read in another way.
	if strings.ContainsFunc(doc.identifier, unicode.IsControl) {
		return nil, notASig("its TLS.identifier has control characters")
	}
	if v, there := o["TLS.userbuf"]; there {
		userbuf, ok := v.(string)
		if _, err := oneLine(base64.StdEncoding, userbuf); !ok || err != nil {
			return nil, notASig("its TLS.userbuf is not base64")
		}
		doc.userbuf = &userbuf
	}
	switch {
	case doc.at < 0:
		return nil, notASig("its TLS.time is before 1970")
	case doc.expire < 1:
		return nil, notASig("its TLS.expire is below 1")
	case doc.expire > math.MaxInt64-doc.at:
		return nil, notASig("it would never expire: TLS.time and TLS.expire are too large")
	}
	return &doc, nil
}

// signed reports whether a key has signed the document.
func (d *document) signed(key string) bool {
	sig, err := oneLine(base64.StdEncoding.Strict(), d.sig)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(mac, d.text()) // never fails
	return hmac.Equal(sig, mac.Sum(nil))
}

// text is what was signed.
func (d *document) text() string {
	text := "TLS.identifier:" + d.identifier +
		"\nTLS.sdkappid:" + strconv.FormatInt(d.app, 10) +
		"\nTLS.time:" + strconv.FormatInt(d.at, 10) +
		"\nTLS.expire:" + strconv.FormatInt(d.expire, 10) + "\n"
	if d.userbuf != nil {
		text += "TLS.userbuf:" + *d.userbuf + "\n"
	}
	return text
}

// integer reads a JSON integer of 64 bits in its only spelling.
func integer(v any) (int64, bool) {
	literal, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := literal.Int64()
	return n, err == nil && strconv.FormatInt(n, 10) == literal.String()
}

// oneLine decodes base64 without line ends, which the package would pass over.
func oneLine(of *base64.Encoding, text string) ([]byte, error) {
	if at := strings.IndexAny(text, "\r\n"); at >= 0 {
		return nil, base64.CorruptInputError(at)
	}
	return of.DecodeString(text)
}

func notASig(why string) *failure {
	return &failure{codeBadSig, "usersig is not a UserSig of version 2: " + why}
}
