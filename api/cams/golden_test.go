package cams_test

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/api/dialecttest"
	"github.com/switchhook/switchhook/instance"
)

var requestID = regexp.MustCompile(`"RequestId":"([0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12})"`)

// operations are WIRE.md §3.1: what each needs, and a right value of it.
var operations = map[string]map[string]string{
	"CreatePhoneMessageQrdl": {"PhoneNumber": number, "GenerateQrImage": "SVG", "PrefilledMessage": "Hi! שלום (a+b) 100%"},
	"UpdatePhoneMessageQrdl": {"PhoneNumber": "+" + number, "GenerateQrImage": "PNG", "PrefilledMessage": "Hi\r\n<you> & \"me\"", "QrdlCode": oldCode, "CustSpaceId": spaceID},
	"ListPhoneMessageQrdl":   {"PhoneNumber": number},
	"DeletePhoneMessageQrdl": {"PhoneNumber": number, "QrdlCode": oldCode},
}

var ways = []string{"v1", "v3"}

// situations are what a world may be like besides plain, and what every call of an
// operation is answered there.
var situations = map[string]struct {
	code    string
	prepare func(w *world)
}{
	"plain":        {"OK", func(*world) {}},
	"busy":         {"System.LimitControl", func(w *world) { w.err = instance.ErrBusy }},
	"crowded":      {"Throttling.User", func(w *world) { w.nonceErr = instance.ErrBusy }},
	"denied":       {"Ram.PermissionDeny", func(w *world) { w.tenant.Keys[0].Deny = []string{"cams:*"} }},
	"disabled":     {"InvalidAccessKeyId.Inactive", func(w *world) { w.tenant.Keys[0].Disabled = true }},
	"failing":      {"InternalError", func(w *world) { w.err = errors.New("read /secret/path: the disk is gone") }},
	"foreign":      {"Unknown.ResourceOwnerId", func(w *world) { w.tenant.Numbers = nil }},
	"full":         {"System.LimitControl", func(w *world) { w.err = cams.ErrTooMany }},
	"gone":         {"InvalidQrdlCode", func(w *world) { w.codes = nil }},
	"hurried":      {"Throttling.User", func(w *world) { w.amnesia = true }},
	"replayed":     {"SignatureNonceUsed", func(w *world) { w.nonceErr = cams.ErrNonceUsed }},
	"stopping":     {"ServiceUnavailable", func(w *world) { w.err = instance.ErrStopping }},
	"unavailable":  {"ServiceUnavailable", func(w *world) { w.nonceErr = instance.ErrUnavailable }},
	"unsubscribed": {"Product.Unsubscript", func(w *world) { w.tenant.Unsubscribed = true }},
}

// happens reports whether an operation can meet a situation.
func happens(situation, action string) bool {
	switch situation {
	case "full":
		return action == "CreatePhoneMessageQrdl"
	case "gone":
		return action == "UpdatePhoneMessageQrdl" || action == "DeletePhoneMessageQrdl"
	}
	return true
}

// wrong are values of parameters that are not right.
var wrong = map[string]string{
	"PhoneNumber": "86-158", "GenerateQrImage": "png", "PrefilledMessage": strings.Repeat("é", 141), "QrdlCode": "d9ii3000000001",
}

// exchange is one pair of files: a request, and what it is answered.
type exchange struct {
	name string // of the files, without their ends
	code string // of the answer
	wire *wire
}

// exchanges are all of them.
func exchanges() (all []exchange) {
	for _, action := range slices.Sorted(maps.Keys(operations)) {
		for _, way := range ways {
			add := func(folder, variant, code string, a *ask, after ...func(*wire)) {
				m := a.sign()
				for _, change := range after {
					change(m)
				}
				all = append(all, exchange{filepath.Join(folder, action+"_"+way+variant), code, m})
			}
			params := operations[action]
			for situation, s := range situations {
				if happens(situation, action) {
					add(situation, "", s.code, asks(way, action, params))
				}
			}
			byGET := asks(way, action, params)
			byGET.verb = http.MethodGet
			add("plain", "_get", "OK", byGET)
			split := asks(way, action, params)
			split.split, split.plus = true, true
			add("plain", "_split", "OK", split)

			plain := func(variant, code string, change func(a *ask), after ...func(*wire)) {
				a := asks(way, action, params)
				change(a)
				add("plain", "_"+variant, code, a, after...)
			}
			for name := range params {
				if name != "CustSpaceId" {
					plain("no_"+name, "Missing"+name, func(a *ask) { delete(a.params, name) })
					plain("wrong_"+name, "Invalid"+name, func(a *ask) { a.params[name] = wrong[name] })
				}
			}
			plain("other_space", "Unknown.ResourceOwnerId", func(a *ask) { a.params["CustSpaceId"] = "cams-other" })
			plain("unknown_key", "InvalidAccessKeyId.NotFound", func(a *ask) { a.key = "LTAI5tNobody" })
			plain("wrong_secret", "SignatureDoesNotMatch", func(a *ask) { a.secret += "x" })
			plain("late", "InvalidTimeStamp.Expired", func(a *ask) { a.date = "2026-11-21T11:44:00Z" })
			plain("early", "InvalidTimeStamp.Expired", func(a *ask) { a.date = "2026-11-21T12:16:00Z" })
			plain("wrong_time", "InvalidTimeStamp.Format", func(a *ask) { a.date = "2026-11-21 12:00:00" })
			plain("other_version", "InvalidVersion", func(a *ask) { a.version = "2014-05-26" })
			plain("other_case", "InvalidAction.NotFound", func(a *ask) { a.action = strings.ToLower(action) })
			plain("long_nonce", "InvalidSignatureNonce", func(a *ask) { a.nonce = strings.Repeat("n", 129) })
			plain("other_verb", "InvalidAction.NotFound", func(a *ask) { a.verb, a.split = http.MethodPut, true })
			nothing := func(*ask) {}
			plain("not_signed", "MissingAccessKeyId", nothing, func(m *wire) { *m = wire{verb: m.verb, head: [][2]string{{"host", host}}} })
			plain("twice", "IncompleteSignature", nothing, func(m *wire) { m.query = "PhoneNumber=" + number + "&PhoneNumber=1" })
			if way == "v3" {
				plain("other_method", "InvalidSignatureMethod", nothing, func(m *wire) {
					m.head[len(m.head)-1][1] = strings.Replace(m.head[len(m.head)-1][1], "SHA256", "SM3", 1)
				})
				plain("header_not_signed", "IncompleteSignature", func(a *ask) { a.unsigned = []string{"x-acs-date"} })
			} else {
				plain("no_nonce", "MissingSignatureNonce", func(a *ask) { a.nonce = "" })
				plain("other_method", "InvalidSignatureMethod", func(a *ask) { a.system = map[string]string{"SignatureMethod": "HMAC-SHA256"} })
				plain("empty_signature", "IncompleteSignature", nothing, func(m *wire) { m.body, _, _ = strings.Cut(m.body, "&Signature=") }, func(m *wire) { m.body += "&Signature" })
			}
		}
	}
	return all
}

const folder = "testdata/calls"

// TestCalls plays every operation, its successes and its errors, signed in either way.
// The requests are what the signer makes of the tables above. All that is logged
// meanwhile holds neither secrets, nor signatures, nor anything of parameters.
func TestCalls(t *testing.T) {
	var log bytes.Buffer
	wanted := make(map[string]string) // codes, by request
	for _, e := range exchanges() {
		path := filepath.Join(folder, e.name)
		wanted[path] = e.code
		dialecttest.Golden(t, path+".req", e.wire.text())
	}
	handlers := make(map[string]func(t *testing.T) http.Handler)
	for name, s := range situations {
		handlers[name] = func(*testing.T) http.Handler {
			w := newWorld()
			w.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			s.prepare(w)
			if name == "hurried" {
				return masked{again{w.handler()}}
			}
			return masked{w.handler()}
		}
	}
	dialecttest.Run(t, folder, handlers)
	paths, err := filepath.Glob(folder + "/*/*.golden")
	if err != nil || len(paths) != len(wanted) {
		t.Errorf("%d answers, %d requests: %v", len(paths), len(wanted), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		want := wanted[strings.TrimSuffix(path, ".golden")]
		if err != nil || want == "" || !bytes.Contains(text, []byte(`"Code":"`+want+`"`)) {
			t.Errorf("%s: %v, not %q: %s", path, err, want, text)
		}
	}
	if !strings.Contains(log.String(), "call refused") || !strings.Contains(log.String(), "call failed") || !strings.Contains(log.String(), "a parameter is given twice") {
		t.Error("nothing was logged: this test cannot fail")
	}
	for _, hidden := range []string{secret, keyID, number, "Hi!", "Hello", oldCode, spaceID, "0123456789abcdef", "Signature=", "ACS3", "token1", "wa.example"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the log holds %s", hidden)
		}
	}
}
