package main

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// document is what a UserSig says.
type document struct {
	Version    string `json:"TLS.ver"`
	Identifier string `json:"TLS.identifier"`
	App        int64  `json:"TLS.sdkappid"`
	Time       int64  `json:"TLS.time"`   // when it was made, in Unix seconds
	Expire     int64  `json:"TLS.expire"` // for how many seconds it is good
	Sig        string `json:"TLS.sig"`
}

// userSig makes a UserSig of version 2, which is good for a while from a moment on. The
// key is the app's secret key as it was shown, not decoded.
func userSig(app int64, key, identifier string, from time.Time, life time.Duration) (string, error) {
	d := document{Version: "2.0", Identifier: identifier, App: app, Time: from.Unix(), Expire: int64(life / time.Second)}
	mac := hmac.New(sha256.New, []byte(key))
	_, err := fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", d.Identifier, d.App, d.Time, d.Expire)
	if err != nil {
		return "", err
	}
	d.Sig = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	text, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	sig := base64.StdEncoding.EncodeToString(packed.Bytes())
	return strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(sig), nil
}
