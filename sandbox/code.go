package sandbox

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// pairingCode is what a QR code says: the server's ref, and the companion's keys.
type pairingCode struct {
	ref      string
	noise    key
	identity key
	secret   key // proves to the companion that the phone has seen the code
}

// maxCode bounds what is taken for a pairing code. A real one has about 200
// bytes.
const maxCode = 2048

// parseCode reads a code as a phone's camera sees it. Since May 2026 clients put
// an address and a '#' before it and a field after it; what counts is the first
// four fields after the last '#'. It returns an error wrapping [ErrBadCode] that
// does not repeat the code.
func parseCode(code string) (pairingCode, error) {
	if len(code) > maxCode {
		return pairingCode{}, fmt.Errorf("%w: longer than %d bytes", ErrBadCode, maxCode)
	}
	code = strings.TrimSpace(code)
	code = code[strings.LastIndexByte(code, '#')+1:]
	fields := strings.Split(code, ",")
	if len(fields) < 4 || fields[0] == "" {
		return pairingCode{}, fmt.Errorf("%w: it has no four fields", ErrBadCode)
	}
	parsed := pairingCode{ref: fields[0]}
	for i, to := range []*key{&parsed.noise, &parsed.identity, &parsed.secret} {
		raw, err := base64.StdEncoding.DecodeString(fields[i+1])
		if err == nil {
			*to, err = keyFrom(raw)
		}
		if err != nil {
			return pairingCode{}, fmt.Errorf("%w: field %d is no key", ErrBadCode, i+2)
		}
	}
	return parsed, nil
}
