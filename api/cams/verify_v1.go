package cams

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // V1 is defined by it
	"encoding/base64"
)

const (
	methodV1  = "HMAC-SHA1"
	versionV1 = "1.0"
)

// signedByV1 are the parameters of every V1 signature, in the order in which they are
// missed.
var signedByV1 = []string{"AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp", "SignatureNonce"}

// claimV1 reads a call that is signed in its parameters (WIRE.md §3.4). Parameters that
// nobody knows are signed like all others, also those that are empty.
func (c *call) claimV1(all parameters) (*claim, error) {
	for _, name := range signedByV1 {
		if all[name] == "" {
			return nil, missing(name)
		}
	}
	signature := all["Signature"]
	switch {
	case signature == "":
		return nil, incomplete("Signature is empty")
	case all["SignatureMethod"] != methodV1:
		return nil, errMethod
	case all["SignatureVersion"] != versionV1:
		return nil, invalid("SignatureVersion")
	}
	if err := checkNonce(all["SignatureNonce"]); err != nil {
		return nil, err
	}
	return &claim{
		key: all["AccessKeyId"], at: all["Timestamp"], nonce: all["SignatureNonce"],
		action: all["Action"], version: all["Version"], params: all,
		matches: func(secret string) bool {
			return matchesV1(secret, signature, c.method+"&%2F&"+encode(all.without("Signature").canonical()))
		},
	}, nil
}

// matchesV1 reports whether a secret gives the signature of a text.
func matchesV1(secret, signature, text string) bool {
	got, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || base64.StdEncoding.EncodeToString(got) != signature { // it would pass over line breaks, and spare bits
		return false
	}
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(text))
	return hmac.Equal(mac.Sum(nil), got)
}
