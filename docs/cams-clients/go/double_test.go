package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// double plays the daemon for one code. It judges signatures by what the vendor has
// documented, with nothing of the clients and nothing of the daemon.
type double struct {
	t         *testing.T
	secret    string
	revision  int // of the link that works; 0: none
	said      []string
	throttled int
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if link, ok := strings.CutPrefix(r.URL.Path, "/m/"); ok {
		if link, _, _ = strings.Cut(link, "."); link != strconv.Itoa(d.revision) {
			w.WriteHeader(http.StatusGone)
			return
		}
		w.Header().Set("Location", "https://wa.me/")
		w.WriteHeader(http.StatusFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Error(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		d.t.Error(err)
	}
	all := r.URL.Query()
	for name, values := range form {
		all[name] = append(all[name], values...)
	}
	action, right := all.Get("Action"), false
	if strings.HasPrefix(r.Header.Get("Authorization"), "ACS3-HMAC-SHA256 ") {
		action, right = r.Header.Get("x-acs-action"), d.v3(r, body)
	} else {
		right = d.v1(r.Method, all)
	}
	switch {
	case !right:
		refuse(w, "SignatureDoesNotMatch")
	case action == "CreatePhoneMessageQrdl":
		d.revision, d.said = 1, append(d.said, all.Get("PrefilledMessage"))
		answer(w, d.code(r))
	case action == "ListPhoneMessageQrdl" && d.throttled == 0:
		d.throttled++
		refuse(w, "Throttling.User")
	case action == "ListPhoneMessageQrdl":
		answer(w, []any{d.code(r)})
	case d.revision == 0 || all.Get("QrdlCode") != "D9II3TESTD9II3":
		refuse(w, "InvalidQrdlCode")
	case action == "UpdatePhoneMessageQrdl":
		d.revision, d.said = 2, append(d.said, all.Get("PrefilledMessage"))
		answer(w, d.code(r))
	case action == "DeletePhoneMessageQrdl":
		d.revision = 0
		answer(w, nil)
	default:
		refuse(w, "InvalidAction.NotFound")
	}
}

func (d *double) code(r *http.Request) any {
	link := "http://" + r.Host + "/m/" + strconv.Itoa(d.revision)
	return map[string]string{"QrdlCode": "D9II3TESTD9II3", "DeepLinkUrl": link, "QrImageUrl": link + ".png"}
}

// v3 judges an ACS3-HMAC-SHA256 signature.
func (d *double) v3(r *http.Request, body []byte) bool {
	parts := make(map[string]string)
	for part := range strings.SplitSeq(strings.TrimPrefix(r.Header.Get("Authorization"), "ACS3-HMAC-SHA256 "), ",") {
		name, value, _ := strings.Cut(part, "=")
		parts[name] = value
	}
	hash := sha256.Sum256(body)
	var b bytes.Buffer
	b.WriteString(r.Method + "\n" + r.URL.Path + "\n" + canonical(r.URL.Query()) + "\n")
	for name := range strings.SplitSeq(parts["SignedHeaders"], ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		b.WriteString(name + ":" + value + "\n")
	}
	b.WriteString("\n" + parts["SignedHeaders"] + "\n" + hex.EncodeToString(hash[:]))
	request := sha256.Sum256(b.Bytes())
	mac := hmac.New(sha256.New, []byte(d.secret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(request[:])))
	return hex.EncodeToString(mac.Sum(nil)) == parts["Signature"]
}

// v1 judges an HMAC-SHA1 signature.
func (d *double) v1(method string, all url.Values) bool {
	signature := all.Get("Signature")
	all.Del("Signature")
	mac := hmac.New(sha1.New, []byte(d.secret+"&"))
	mac.Write([]byte(method + "&%2F&" + escape(canonical(all))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == signature
}

func canonical(all url.Values) string {
	var pairs []string
	for name, values := range all {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape is RFC 3986's.
func escape(text string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(text))
}

func answer(w http.ResponseWriter, data any) {
	write(w, http.StatusOK, map[string]any{"RequestId": "A", "Code": "OK", "Message": "None", "Data": data})
}

func refuse(w http.ResponseWriter, code string) {
	write(w, http.StatusBadRequest, map[string]any{"RequestId": "A", "Code": code, "Message": "no"})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
