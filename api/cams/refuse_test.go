package cams_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const authorization = "Authorization"

// edit changes a line of a request's head, or drops it.
func edit(name, from, to string) func(*wire) {
	return func(m *wire) {
		for i := range m.head {
			if m.head[i][0] == name {
				m.head[i][1] = strings.Replace(m.head[i][1], from, to, 1)
			}
		}
	}
}

func drop(name string) func(*wire) {
	return func(m *wire) {
		m.head = slices.DeleteFunc(m.head, func(line [2]string) bool { return line[0] == name })
	}
}

func add(name, value string) func(*wire) {
	return func(m *wire) { m.head = append(m.head, [2]string{name, value}) }
}

// refusedV3 are calls that are not what was signed, or not signed as they have to be.
var refusedV3 = map[string]struct {
	code string
	ask  func(*ask)
	wire func(*wire)
}{
	"a tampered body":         {"SignatureDoesNotMatch", nil, func(m *wire) { m.body = strings.Replace(m.body, "SVG", "PNG", 1) }},
	"a body without its hash": {"SignatureDoesNotMatch", func(a *ask) { a.headers = map[string]string{"x-acs-content-sha256": hash("else")} }, nil},
	"a hash in capitals": {"SignatureDoesNotMatch", func(a *ask) {
		a.verb = http.MethodGet
		a.headers = map[string]string{"x-acs-content-sha256": strings.ToUpper(hash(""))}
	}, nil},
	"a tampered hash and body":         {"SignatureDoesNotMatch", nil, func(m *wire) { m.body += "&x="; edit("x-acs-content-sha256", hashOf(m), hash(m.body))(m) }},
	"another parameter in the query":   {"SignatureDoesNotMatch", nil, func(m *wire) { m.query = "CustSpaceId=" + spaceID }},
	"another verb":                     {"SignatureDoesNotMatch", nil, func(m *wire) { m.verb = http.MethodGet }},
	"another host":                     {"SignatureDoesNotMatch", nil, edit("host", "8080", "8081")},
	"another action":                   {"SignatureDoesNotMatch", nil, edit("x-acs-action", "Create", "Delete")},
	"another version":                  {"SignatureDoesNotMatch", nil, edit("x-acs-version", "2020", "2021")},
	"another time":                     {"SignatureDoesNotMatch", nil, edit("x-acs-date", "12:00", "12:01")},
	"another nonce":                    {"SignatureDoesNotMatch", nil, edit("x-acs-signature-nonce", "0", "1")},
	"another type":                     {"SignatureDoesNotMatch", nil, edit("content-type", "x-www", "x-w3")},
	"a signature in capitals":          {"SignatureDoesNotMatch", nil, upper},
	"half a signature":                 {"SignatureDoesNotMatch", nil, func(m *wire) { a := auth(m); *a = (*a)[:len(*a)-32] }},
	"no hex":                           {"SignatureDoesNotMatch", nil, edit(authorization, "Signature=", "Signature=x")},
	"the action not signed":            {"IncompleteSignature", func(a *ask) { a.unsigned = []string{"x-acs-action"} }, nil},
	"the hash not signed":              {"IncompleteSignature", func(a *ask) { a.unsigned = []string{"x-acs-content-sha256"} }, nil},
	"the date not signed":              {"IncompleteSignature", func(a *ask) { a.unsigned = []string{"x-acs-date"} }, nil},
	"the nonce not signed":             {"IncompleteSignature", func(a *ask) { a.unsigned = []string{"x-acs-signature-nonce"} }, nil},
	"the version not signed":           {"IncompleteSignature", func(a *ask) { a.unsigned = []string{"x-acs-version"} }, nil},
	"the host not signed":              {"IncompleteSignature", func(a *ask) { a.unsigned = []string{"host"} }, nil},
	"a token not signed":               {"IncompleteSignature", sts("x-acs-security-token"), nil},
	"a temporary key not signed":       {"IncompleteSignature", sts("x-acs-accesskey-id"), nil},
	"a token added":                    {"IncompleteSignature", nil, add("x-acs-security-token", "t")},
	"an empty token added":             {"IncompleteSignature", nil, add("x-acs-security-token", "")},
	"a temporary key added":            {"IncompleteSignature", nil, add("x-acs-accesskey-id", keyID)},
	"another temporary key":            {"IncompleteSignature", func(a *ask) { a.headers = map[string]string{"x-acs-accesskey-id": "LTAI5tOther"} }, nil},
	"a token dropped":                  {"IncompleteSignature", sts(""), drop("x-acs-security-token")},
	"a signed header dropped":          {"IncompleteSignature", nil, drop("content-type")},
	"a signed header twice":            {"IncompleteSignature", nil, add("x-acs-date", noon.Format(time.RFC3339))},
	"no date":                          {"IncompleteSignature", nil, drop("x-acs-date")},
	"names in capitals":                {"IncompleteSignature", nil, edit(authorization, "=content-type", "=Content-Type")},
	"names not in order":               {"IncompleteSignature", nil, edit(authorization, "content-type;host", "host;content-type")},
	"a name twice":                     {"IncompleteSignature", nil, edit(authorization, ";host", ";host;host")},
	"an empty name":                    {"IncompleteSignature", nil, edit(authorization, "=content-type", "=;content-type")},
	"no names":                         {"IncompleteSignature", nil, edit(authorization, "SignedHeaders=", "SignedHeaders=,X=")},
	"no credential":                    {"IncompleteSignature", nil, edit(authorization, "Credential="+keyID, "Credential=")},
	"no signature":                     {"IncompleteSignature", nil, func(m *wire) { *auth(m), _, _ = strings.Cut(*auth(m), "Signature=") }},
	"another part":                     {"IncompleteSignature", nil, edit(authorization, "Credential", "Region=x,Credential")},
	"a part twice":                     {"IncompleteSignature", nil, edit(authorization, "Credential", "Credential=x,Credential")},
	"nothing but the algorithm":        {"IncompleteSignature", nil, func(m *wire) { *auth(m) = "ACS3-HMAC-SHA256" }},
	"two headers":                      {"IncompleteSignature", nil, add(authorization, "ACS3-HMAC-SHA256 Credential=x,SignedHeaders=y,Signature=z")},
	"another header beside":            {"IncompleteSignature", nil, add(authorization, "Bearer x")},
	"another algorithm":                {"InvalidSignatureMethod", nil, edit(authorization, "HMAC-SHA256", "RSA-SHA256")},
	"no algorithm":                     {"InvalidSignatureMethod", nil, edit(authorization, "HMAC-SHA256", "")},
	"an algorithm in small letters":    {"InvalidSignatureMethod", nil, edit(authorization, "HMAC-SHA256", "hmac-sha256")},
	"another credential":               {"InvalidAccessKeyId.NotFound", nil, edit(authorization, keyID, "LTAI5tOther")},
	"a credential in small letters":    {"InvalidAccessKeyId.NotFound", nil, edit(authorization, keyID, strings.ToLower(keyID))},
	"an empty date":                    {"InvalidTimeStamp.Format", func(a *ask) { a.date = "" }, nil},
	"a date with fractions":            {"InvalidTimeStamp.Format", func(a *ask) { a.date = "2026-11-21T12:00:00.000Z" }, nil},
	"sixteen minutes late":             {"InvalidTimeStamp.Expired", func(a *ask) { a.date = "2026-11-21T11:44:00Z" }, nil},
	"sixteen minutes early":            {"InvalidTimeStamp.Expired", func(a *ask) { a.date = "2026-11-21T12:16:00Z" }, nil},
	"an empty nonce":                   {"MissingSignatureNonce", func(a *ask) { a.nonce = "" }, nil},
	"an empty action":                  {"MissingAction", func(a *ask) { a.action = "" }, nil},
	"an empty version":                 {"MissingVersion", func(a *ask) { a.version = "" }, nil},
	"an operation of another product":  {"InvalidAction.NotFound", func(a *ask) { a.action = "GetPhoneMessageQrdl" }, nil},
	"a parameter in query and form":    {"IncompleteSignature", nil, func(m *wire) { m.query = "PhoneNumber=" + number }},
	"a parameter twice in the form":    {"IncompleteSignature", nil, func(m *wire) { m.body += "&PhoneNumber=" + number }},
	"a form that is not encoded":       {"IncompleteSignature", nil, func(m *wire) { m.body += "&x=%zz" }},
	"too many parameters":              {"IncompleteSignature", nil, func(m *wire) { m.query = many() }},
	"a bearer token":                   {"MissingAccessKeyId", nil, func(m *wire) { m.head = [][2]string{{authorization, "Bearer x"}} }},
	"a body that is JSON":              {"SignatureDoesNotMatch", nil, func(m *wire) { m.body = `{"PhoneNumber":"1"}` }},
	"nothing but a signature of V1":    {"MissingAccessKeyId", nil, func(m *wire) { *m = wire{verb: http.MethodGet, query: "Signature=x"} }},
	"a signature of V1 without method": {"MissingSignatureMethod", nil, func(m *wire) { *m = wire{verb: http.MethodGet, query: "AccessKeyId=x&Signature=x"} }},
}

// many are parameters with names of their own.
func many() string {
	var b strings.Builder
	for i := range 300 {
		b.WriteString("&" + strings.Repeat("y", i+1))
	}
	return b.String()
}

func hashOf(m *wire) string {
	for _, line := range m.head {
		if line[0] == "x-acs-content-sha256" {
			return line[1]
		}
	}
	return ""
}

// auth is the value of Authorization, whose header is the last. It ends in the signature.
func auth(m *wire) *string { return &m.head[len(m.head)-1][1] }

// upper writes the signature in capitals.
func upper(m *wire) {
	before, signature, _ := strings.Cut(*auth(m), "Signature=")
	*auth(m) = before + "Signature=" + strings.ToUpper(signature)
}

// sts signs as a temporary key does, but for one header.
func sts(unsigned string) func(*ask) {
	return func(a *ask) {
		a.headers = map[string]string{"x-acs-accesskey-id": keyID, "x-acs-security-token": "a+token/=="}
		a.unsigned = []string{unsigned}
	}
}

func TestRefusedV3(t *testing.T) {
	for name, c := range refusedV3 {
		t.Run(name, func(t *testing.T) { refuse(t, "v3", c.code, c.ask, c.wire) })
	}
}

// refusedV1 are the same of the other way.
var refusedV1 = map[string]struct {
	code string
	ask  func(*ask)
	wire func(*wire)
}{
	"a tampered parameter":    {"SignatureDoesNotMatch", nil, body("SVG", "PNG")},
	"another parameter":       {"SignatureDoesNotMatch", nil, body("AccessKeyId", "x=&AccessKeyId")},
	"a parameter less":        {"SignatureDoesNotMatch", nil, body("&SignatureType=", "")},
	"another verb":            {"SignatureDoesNotMatch", nil, func(m *wire) { m.verb = http.MethodGet }},
	"another action":          {"SignatureDoesNotMatch", nil, body("Action=Create", "Action=Delete")},
	"another version":         {"SignatureDoesNotMatch", nil, body("Version=2020", "Version=2021")},
	"another time":            {"SignatureDoesNotMatch", nil, body("T12%3A00", "T12%3A01")},
	"another nonce":           {"SignatureDoesNotMatch", nil, body("SignatureNonce=0", "SignatureNonce=1")},
	"a token added":           {"SignatureDoesNotMatch", nil, body("AccessKeyId", "SecurityToken=t&AccessKeyId")},
	"a line break at the end": {"SignatureDoesNotMatch", nil, func(m *wire) { m.body += "%0A" }},
	"no padding":              {"SignatureDoesNotMatch", nil, func(m *wire) { m.body = strings.TrimSuffix(m.body, "%3D") }},
	"no base64":               {"SignatureDoesNotMatch", nil, body("&Signature=", "&Signature=-")},
	"spare bits":              {"SignatureDoesNotMatch", nil, spare},
	"an empty signature":      {"IncompleteSignature", nil, body("&Signature=", "&Signature=&x=")},
	"a signature twice":       {"IncompleteSignature", nil, body("&Signature=", "&Signature=x&Signature=")},
	"a parameter twice":       {"IncompleteSignature", nil, func(m *wire) { m.query = "PhoneNumber=" + number }},
	"no signature":            {"MissingAccessKeyId", nil, body("&Signature=", "&signature=")},
	"no key":                  {"MissingAccessKeyId", func(a *ask) { a.system = map[string]string{"AccessKeyId": "-"} }, nil},
	"no method":               {"MissingSignatureMethod", func(a *ask) { a.system = map[string]string{"SignatureMethod": "-"} }, nil},
	"no signature's version":  {"MissingSignatureVersion", func(a *ask) { a.system = map[string]string{"SignatureVersion": ""} }, nil},
	"no time":                 {"MissingTimestamp", func(a *ask) { a.system = map[string]string{"Timestamp": "-"} }, nil},
	"no nonce":                {"MissingSignatureNonce", func(a *ask) { a.system = map[string]string{"SignatureNonce": "-"} }, nil},
	"no action":               {"MissingAction", func(a *ask) { a.system = map[string]string{"Action": "-"} }, nil},
	"no version":              {"MissingVersion", func(a *ask) { a.system = map[string]string{"Version": "-"} }, nil},
	"another method":          {"InvalidSignatureMethod", func(a *ask) { a.system = map[string]string{"SignatureMethod": "HMAC-SHA256"} }, nil},
	"another way's version":   {"InvalidSignatureVersion", func(a *ask) { a.system = map[string]string{"SignatureVersion": "2.0"} }, nil},
	"a long nonce":            {"InvalidSignatureNonce", func(a *ask) { a.nonce = strings.Repeat("n", 129) }, nil},
	"a local time":            {"InvalidTimeStamp.Format", func(a *ask) { a.date = "2026-11-21T20:00:00+08:00" }, nil},
	"sixteen minutes late":    {"InvalidTimeStamp.Expired", func(a *ask) { a.date = "2026-11-21T11:44:00Z" }, nil},
	"sixteen minutes early":   {"InvalidTimeStamp.Expired", func(a *ask) { a.date = "2026-11-21T12:16:00Z" }, nil},
	"a key in small letters":  {"InvalidAccessKeyId.NotFound", nil, body(keyID, strings.ToLower(keyID))},
}

func TestRefusedV1(t *testing.T) {
	for name, c := range refusedV1 {
		t.Run(name, func(t *testing.T) { refuse(t, "v1", c.code, c.ask, c.wire) })
	}
}

func body(from, to string) func(*wire) {
	return func(m *wire) { m.body = strings.Replace(m.body, from, to, 1) }
}

// spare sets a bit of the signature's last character that decoders pass over.
func spare(m *wire) {
	const end = "%3D"
	last := len(m.body) - len(end) - 1
	m.body = m.body[:last] + string([]byte{m.body[last] + 1}) + end
}

// refuse plays a call that does not do what it is for, with nothing remembered of it but
// for a nonce that was proved.
func refuse(t *testing.T, way, want string, ask func(*ask), wire func(*wire)) {
	t.Helper()
	w := newWorld()
	a := asks(way, "CreatePhoneMessageQrdl", operations["CreatePhoneMessageQrdl"])
	if got := play(t, w.handler(), a.sign().request()); got.Code != "OK" {
		t.Fatalf("as it is: %s", got.Code)
	}
	w.nonces = make(map[string]time.Time)
	if ask != nil {
		ask(a)
	}
	m := a.sign()
	if wire != nil {
		wire(m)
	}
	got := play(t, w.handler(), m.request())
	if got.Code != want || got.Message == "" || got.HostID == "" || !strings.HasSuffix(got.Recommend, "docs/cams.md#errors") {
		t.Errorf("%+v, want %s", got, want)
	}
	proved := want == "MissingAction" || want == "MissingVersion" || want == "InvalidAction.NotFound"
	if len(w.codes) != 2 || len(w.nonces) > 0 != proved {
		t.Errorf("%d codes, %d nonces", len(w.codes), len(w.nonces))
	}
}

// TestNoSecretSignsNothing: a key without a secret is nobody's.
func TestNoSecretSignsNothing(t *testing.T) {
	for _, way := range ways {
		w := newWorld()
		w.tenant.Keys[0].Secret = ""
		a := asks(way, "ListPhoneMessageQrdl", operations["ListPhoneMessageQrdl"])
		a.secret = ""
		if got := play(t, w.handler(), a.sign().request()); got.Code != "SignatureDoesNotMatch" {
			t.Errorf("%s: %+v", way, got)
		}
	}
}
