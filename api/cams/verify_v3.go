package cams

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

const (
	prefixV3    = "ACS3-" // of all algorithms that stand in a header
	algorithmV3 = "ACS3-HMAC-SHA256"
)

// signedAlways are the headers that every V3 signature is over.
var signedAlways = []string{"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}

// signedIfThere are the headers of a temporary key, which are signed where they are there.
var signedIfThere = []string{"x-acs-accesskey-id", "x-acs-security-token"}

// claimV3 reads a call that is signed in its headers (WIRE.md §3.3).
//
// The signed headers are in rising order, each named once, in lower case. Whether the
// request writes their names so does not matter; that each is there once does: what the
// vendor makes of one that is repeated is not known, and no client repeats one.
func (c *call) claimV3(query, all parameters) (*claim, error) {
	auth, err := parseAuthorization(c.header.Values("Authorization"))
	if err != nil {
		return nil, err
	}
	headers, err := c.signedHeaders(auth.headers)
	if err != nil {
		return nil, err
	}
	if id, there := headers["x-acs-accesskey-id"]; there && id != auth.credential {
		return nil, incomplete("x-acs-accesskey-id is not the credential")
	}
	nonce := headers["x-acs-signature-nonce"]
	if err := checkNonce(nonce); err != nil {
		return nil, err
	}
	return &claim{
		key: auth.credential, at: headers["x-acs-date"], nonce: nonce,
		action: headers["x-acs-action"], version: headers["x-acs-version"], params: all,
		matches: func(secret string) bool {
			sum := sha256.Sum256(c.body)
			hash := hex.EncodeToString(sum[:])
			return headers["x-acs-content-sha256"] == hash &&
				auth.matches(secret, canonicalV3(c.method, query, auth.headers, headers, hash))
		},
	}, nil
}

// canonicalV3 is the text whose hash a V3 signature is over.
func canonicalV3(method string, query parameters, names []string, headers map[string]string, hash string) string {
	var b strings.Builder
	b.WriteString(method + "\n/\n" + query.canonical() + "\n")
	for _, name := range names {
		b.WriteString(name + ":" + headers[name] + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + hash)
	return b.String()
}

// signedHeaders answers the values of the headers of these names.
func (c *call) signedHeaders(names []string) (map[string]string, error) {
	for _, name := range signedAlways {
		if !slices.Contains(names, name) {
			return nil, incomplete("a header is not signed that has to be")
		}
	}
	for _, name := range signedIfThere {
		if len(c.header.Values(name)) > 0 && !slices.Contains(names, name) {
			return nil, incomplete("a header of a temporary key is not signed")
		}
	}
	values := make(map[string]string, len(names))
	for i, name := range names {
		if name == "" || name != strings.ToLower(name) {
			return nil, incomplete("a signed header is not named in lower case")
		}
		if i > 0 && names[i-1] >= name {
			return nil, incomplete("the signed headers are not in rising order")
		}
		if name == "host" {
			values[name] = trim(c.host)
			continue
		}
		there := c.header.Values(name)
		if len(there) != 1 {
			return nil, incomplete("a signed header is absent, or there twice")
		}
		values[name] = trim(there[0])
	}
	return values, nil
}

// authorization is what the header of that name says.
type authorization struct {
	credential string
	headers    []string
	signature  string // as it was received
}

// matches reports whether a secret gives the signature of a canonical request.
func (a *authorization) matches(secret, canonical string) bool {
	got, err := hex.DecodeString(a.signature)
	if err != nil || hex.EncodeToString(got) != a.signature { // it would take upper case
		return false
	}
	sum := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(algorithmV3 + "\n" + hex.EncodeToString(sum[:])))
	return hmac.Equal(mac.Sum(nil), got)
}

// parseAuthorization reads the one header Authorization: an algorithm, and after it in any
// order Credential, SignedHeaders and Signature.
func parseAuthorization(values []string) (*authorization, error) {
	if len(values) != 1 {
		return nil, incomplete("Authorization is there twice")
	}
	algorithm, rest, _ := strings.Cut(values[0], " ")
	if algorithm != algorithmV3 {
		return nil, errMethod
	}
	parts := make(map[string]string)
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(trim(part), "=")
		if _, twice := parts[name]; twice {
			return nil, incomplete("a part of Authorization is there twice")
		}
		parts[name] = value
	}
	a := &authorization{
		credential: parts["Credential"],
		headers:    strings.Split(parts["SignedHeaders"], ";"),
		signature:  parts["Signature"],
	}
	if len(parts) != 3 || a.credential == "" || parts["SignedHeaders"] == "" || a.signature == "" {
		return nil, incomplete("Authorization is not Credential, SignedHeaders and Signature")
	}
	return a, nil
}

// trim drops the spaces around a header's value.
func trim(s string) string { return strings.Trim(s, " \t") }
