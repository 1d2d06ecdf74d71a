// Package camstest signs requests as CAMS's clients do, for tests of the dialect and of
// who serves it. It was written from the description of the signatures, not from their
// verification.
package camstest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Key signs. Now and Nonce may be nil.
type Key struct {
	ID, Secret string
	Now        func() time.Time
	Nonce      func() string
}

func (k Key) now() string {
	now := time.Now
	if k.Now != nil {
		now = k.Now
	}
	return now().UTC().Format("2006-01-02T15:04:05Z")
}

func (k Key) nonce() string {
	if k.Nonce != nil {
		return k.Nonce()
	}
	return rand.Text()
}

// Escape is percent-encoding by RFC 3986.
func Escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// Form encodes parameters in the order of their names, a space as given: "%20" or "+".
func Form(params map[string]string, space string) string {
	pairs := make([]string, 0, len(params))
	for _, name := range slices.Sorted(maps.Keys(params)) {
		pairs = append(pairs, Escape(name)+"="+Escape(params[name]))
	}
	return strings.ReplaceAll(strings.Join(pairs, "&"), "%20", space)
}

// V3 makes a request whose parameters are in the form of a POST, or in the query of a
// GET. to is the daemon's address, without a path.
func (k Key) V3(method, to, action string, params map[string]string) (*http.Request, error) {
	query, body := Form(params, "%20"), ""
	if method == http.MethodPost {
		query, body = "", query
	}
	r, err := request(method, to, query, body)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(body))
	for name, value := range map[string]string{
		"x-acs-action": action, "x-acs-version": "2020-06-06", "x-acs-date": k.now(),
		"x-acs-signature-nonce": k.nonce(), "x-acs-content-sha256": hex.EncodeToString(sum[:]),
	} {
		r.Header.Set(name, value)
	}
	return r, k.SignV3(r, body)
}

// SignV3 signs a request as it is, with all its headers.
func (k Key) SignV3(r *http.Request, body string) error {
	r.Header.Del("Authorization")
	values := map[string]string{"host": r.Host}
	for name, v := range r.Header {
		values[strings.ToLower(name)] = strings.TrimSpace(v[0])
	}
	names := slices.Sorted(maps.Keys(values))
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	params := make(map[string]string, len(query))
	for name := range query {
		params[name] = query.Get(name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n/\n%s\n", r.Method, Form(params, "%20"))
	for _, name := range names {
		fmt.Fprintf(&b, "%s:%s\n", name, values[name])
	}
	signed, payload := strings.Join(names, ";"), sha256.Sum256([]byte(body))
	fmt.Fprintf(&b, "\n%s\n%x", signed, payload)
	canonical := sha256.Sum256([]byte(b.String()))
	mac := hmac.New(sha256.New, []byte(k.Secret))
	_, _ = fmt.Fprintf(mac, "ACS3-HMAC-SHA256\n%x", canonical) // a hash never fails
	r.Header.Set("Authorization", fmt.Sprintf("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%x", k.ID, signed, mac.Sum(nil)))
	return nil
}

// V1 makes a request whose parameters are all in the form of a POST, or in the query of
// a GET.
func (k Key) V1(method, to, action string, params map[string]string) (*http.Request, error) {
	all := maps.Clone(params)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, map[string]string{
		"Action": action, "Version": "2020-06-06", "Format": "JSON", "AccessKeyId": k.ID, "Timestamp": k.now(),
		"SignatureNonce": k.nonce(), "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
	})
	all["Signature"] = k.SignV1(method, all)
	form := Form(all, "+")
	if method == http.MethodPost {
		return request(method, to, "", form)
	}
	return request(method, to, form, "")
}

// SignV1 is the signature of parameters.
func (k Key) SignV1(method string, params map[string]string) string {
	mac := hmac.New(sha1.New, []byte(k.Secret+"&"))
	_, _ = io.WriteString(mac, method+"&%2F&"+Escape(Form(params, "%20"))) // a hash never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func request(method, to, query, body string) (*http.Request, error) {
	var content io.Reader = http.NoBody
	if body != "" {
		content = bytes.NewReader([]byte(body))
	}
	r, err := http.NewRequest(method, to+"/", content)
	if err != nil {
		return nil, err
	}
	r.URL.RawQuery = query
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, nil
}
