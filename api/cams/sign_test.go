package cams_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ask is a call before it is signed, by a signer that shares nothing with the verifier.
type ask struct {
	way    string // "v3" or "v1"
	verb   string
	action string
	params map[string]string

	key, secret string
	date        string
	nonce       string
	version     string
	system      map[string]string // V1: instead of the parameters of the signature; "-" is none
	headers     map[string]string // V3: further headers, which are signed; "-" is none
	unsigned    []string          // V3: headers that are not signed
	plus        bool              // spaces are "+"
	split       bool              // business parameters in the form, by GET too, V1's own in the query
}

// asks is a call of the world's key, at noon.
func asks(way, action string, params map[string]string) *ask {
	return &ask{
		way: way, verb: http.MethodPost, action: action, params: maps.Clone(params),
		key: keyID, secret: secret, date: noon.Format(time.RFC3339), nonce: "0123456789abcdef", version: "2020-06-06",
	}
}

// wire is a request as it is sent.
type wire struct {
	verb, query string
	head        [][2]string
	body        string
}

// request makes one that a handler takes.
func (m *wire) request() *http.Request {
	r := httptest.NewRequest(m.verb, m.target(), strings.NewReader(m.body))
	for _, line := range m.head {
		if line[0] == "host" {
			r.Host = line[1]
		} else {
			r.Header.Add(line[0], line[1])
		}
	}
	return r
}

func (m *wire) target() string {
	if m.query == "" {
		return "/"
	}
	return "/?" + m.query
}

// text is the request as package dialecttest reads it.
func (m *wire) text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", m.verb, m.target())
	for _, line := range m.head {
		fmt.Fprintf(&b, "%s: %s\n", line[0], line[1])
	}
	fmt.Fprintf(&b, "\n%s\n", m.body)
	return []byte(b.String())
}

const host = "wa.example:8080"

// sign makes the request.
func (a *ask) sign() *wire {
	if a.way == "v1" {
		return a.signV1()
	}
	return a.signV3()
}

func (a *ask) signV3() *wire {
	m := &wire{verb: a.verb}
	if a.verb == http.MethodPost || a.split {
		m.body = a.form(a.params)
	} else {
		m.query = a.form(a.params)
	}
	head := map[string]string{
		"host": host, "x-acs-action": a.action, "x-acs-version": a.version, "x-acs-date": a.date,
		"x-acs-signature-nonce": a.nonce, "x-acs-content-sha256": hash(m.body), "content-type": "application/x-www-form-urlencoded",
	}
	change(head, a.headers)
	names := slices.Sorted(maps.Keys(head))
	signed := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(a.unsigned, n) })
	query := ""
	if m.query != "" {
		query = strict(a.params)
	}
	canonical := a.verb + "\n/\n" + query + "\n"
	for _, name := range signed {
		canonical += name + ":" + head[name] + "\n"
	}
	canonical += "\n" + strings.Join(signed, ";") + "\n" + hash(m.body)
	mac := hmac.New(sha256.New, []byte(a.secret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hash(canonical)))
	for _, name := range names {
		m.head = append(m.head, [2]string{name, head[name]})
	}
	m.head = append(m.head, [2]string{"Authorization", "ACS3-HMAC-SHA256 Credential=" + a.key +
		",SignedHeaders=" + strings.Join(signed, ";") + ",Signature=" + hex.EncodeToString(mac.Sum(nil))})
	return m
}

func (a *ask) signV1() *wire {
	own := map[string]string{
		"AccessKeyId": a.key, "Action": a.action, "Format": "JSON", "SignatureMethod": "HMAC-SHA1", "SignatureNonce": a.nonce,
		"SignatureType": "", "SignatureVersion": "1.0", "Timestamp": a.date, "Version": a.version,
	}
	change(own, a.system)
	all := maps.Clone(own)
	maps.Copy(all, a.params)
	mac := hmac.New(sha1.New, []byte(a.secret+"&"))
	mac.Write([]byte(a.verb + "&%2F&" + escape(strict(all))))
	signature := url.Values{"Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}.Encode()
	m := &wire{verb: a.verb, head: [][2]string{{"host", host}}}
	switch {
	case a.split:
		m.query, m.body = a.form(own)+"&"+signature, a.form(a.params)
	case a.verb == http.MethodPost:
		m.body = a.form(all) + "&" + signature
	default:
		m.query = a.form(all) + "&" + signature
	}
	return m
}

// change applies what a test wants otherwise.
func change(m, otherwise map[string]string) {
	for name, value := range otherwise {
		m[name] = value
		if value == "-" {
			delete(m, name)
		}
	}
}

// form writes parameters as a client does.
func (a *ask) form(params map[string]string) string {
	text := make(url.Values)
	for name, value := range params {
		text.Set(name, value)
	}
	if a.plus {
		return text.Encode()
	}
	return strings.ReplaceAll(text.Encode(), "+", "%20")
}

// strict writes parameters as they are signed.
func strict(params map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		pairs = append(pairs, escape(name)+"="+escape(params[name]))
	}
	return strings.Join(pairs, "&")
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
