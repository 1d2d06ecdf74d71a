package cams

import (
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/record"
)

// window is how far a call's time may be off, either way.
const window = 15 * time.Minute

// maxNonce is the longest nonce, in bytes. The known clients' have 32 or 36.
const maxNonce = 128

// call is a request in its raw parts. Its path is "/" in either way of signing.
type call struct {
	method string // as it was received
	host   string // the header Host as it was received, with its port
	query  string // still encoded
	header http.Header
	body   []byte
}

// proof is what a signature has proved: whose the call is, and what it asks for.
type proof struct {
	tenant  record.Tenant
	key     record.AccessKey
	at      time.Time // when the caller says that it is
	nonce   string    // 1 to maxNonce bytes; whether it was used before is not known
	action  string
	version string
	params  parameters // of query and form; of V1 also those of the signature
}

// claim is what a call says of itself before anything is proved.
type claim struct {
	key     string
	at      string
	nonce   string
	action  string
	version string
	params  parameters
	matches func(secret string) bool // reports whether the secret gives the call's signature
}

// verify proves a call at a moment, with the key that find answers for an id: errors of
// find are passed on, all others are a *failure. It reads nothing but its arguments and
// changes nothing.
func verify(c *call, now time.Time, find func(id string) (record.Tenant, record.AccessKey, error)) (*proof, error) {
	claim, err := c.claim()
	if err != nil {
		return nil, err
	}
	tenant, key, err := find(claim.key)
	if err != nil {
		return nil, err
	}
	if !key.Active(now) {
		return nil, errInactiveKey
	}
	at, err := moment(claim.at)
	if err != nil {
		return nil, err
	}
	if off := now.Sub(at); off > window || off < -window {
		return nil, errTimeExpired
	}
	if key.Secret == "" || !claim.matches(key.Secret) {
		return nil, errMismatch
	}
	return &proof{
		tenant: tenant, key: key, at: at, nonce: claim.nonce,
		action: claim.action, version: claim.version, params: claim.params,
	}, nil
}

// claim tells the ways of signing apart (WIRE.md §3.2).
func (c *call) claim() (*claim, error) {
	query, all := make(parameters), make(parameters)
	if err := query.add(c.query); err != nil {
		return nil, err
	}
	for _, text := range []string{c.query, string(c.body)} {
		if err := all.add(text); err != nil {
			return nil, err
		}
	}
	if isV3(c.header) {
		return c.claimV3(query, all)
	}
	if _, ok := all["Signature"]; ok {
		return c.claimV1(all)
	}
	return nil, missing("AccessKeyId")
}

// Asked reports whether a request for "/" shows a sign of a call, so that no browser sent
// it for its user.
func Asked(r *http.Request) bool {
	if isV3(r.Header) {
		return true
	}
	for name := range pairs(r.URL.RawQuery) {
		switch name {
		case "Signature", "AccessKeyId", "Action":
			return true
		}
	}
	return false
}

// isV3 reports whether a call is signed in its headers, in whatever way.
func isV3(h http.Header) bool {
	for _, v := range h.Values("Authorization") {
		if strings.HasPrefix(v, prefixV3) {
			return true
		}
	}
	return false
}

// timestamp is the form of a call's time, UTC.
const timestamp = "2006-01-02T15:04:05Z"

// moment reads a call's time.
func moment(text string) (time.Time, error) {
	at, err := time.Parse(timestamp, text)
	if err != nil || at.Format(timestamp) != text { // time.Parse would take fractions
		return time.Time{}, errTimeFormat
	}
	return at, nil
}

// checkNonce refuses what cannot be remembered as a nonce.
func checkNonce(nonce string) error {
	switch {
	case nonce == "":
		return missing("SignatureNonce")
	case len(nonce) > maxNonce:
		return invalid("SignatureNonce")
	}
	return nil
}
