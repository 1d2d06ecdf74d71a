package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// origin is what an error may say of an address: scheme://host. The host ends
// where it stops to look like one, because an address without a path can carry
// its query there: http://my-erp.example&wid=… (WITI's own sample).
func origin(u *url.URL) string {
	host := u.Host
	if i := strings.IndexFunc(host, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:[]", r)
	}); i >= 0 {
		host = host[:i]
	}
	return u.Scheme + "://" + host
}

// reason says why there was no answer, without the library's text: that may
// quote the address, and what a receiver echoed of it. It is the same for the
// same trouble, so that it logs once.
func reason(err error, answered bool, timeout time.Duration) error {
	var (
		forbidden *ForbiddenError
		proxy     *proxyError
		own       *clientCertError
		cert      *tls.CertificateVerificationError
		notTLS    tls.RecordHeaderError
		lookup    *net.DNSError
		op        *net.OpError
		network   net.Error
		errno     syscall.Errno
	)
	switch {
	case errors.As(err, &forbidden):
		return forbidden
	case errors.As(err, &proxy):
		return proxy
	case errors.As(err, &own):
		return errors.New("the client certificate cannot be read")
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &lookup):
		return lookupReason(lookup)
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return errors.New("connecting timed out")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("no answer within %v", timeout)
	case errors.As(err, &cert):
		return certReason(cert.Err)
	case errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		return errors.New("the receiver does not speak TLS")
	case isAlert(err):
		return op.Err // one of a fixed list: tls: …
	case errors.As(err, &errno):
		return errno
	case answered:
		return errors.New("the answer is not valid HTTP")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("connection closed without an answer")
	default:
		return fmt.Errorf("the request failed (%T)", root(err))
	}
}

// isAlert reports whether the receiver ended the TLS handshake with an alert.
// crypto/tls gives it a type of its own only for QUIC.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

func lookupReason(err *net.DNSError) error {
	switch {
	case err.IsNotFound:
		return errors.New("no such host")
	case err.IsTimeout:
		return errors.New("the name lookup timed out")
	default:
		return errors.New("the name lookup failed")
	}
}

func certReason(err error) error {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &authority):
		return errors.New("the certificate is signed by an unknown authority")
	case errors.As(err, &host):
		return errors.New("the certificate is not for this host")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errors.New("the certificate has expired or is not yet valid")
	default:
		return errors.New("the certificate is not valid")
	}
}

// root is the innermost error of a chain.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// shortest is how long a secret is at least that is looked for: shorter ones
// hide nothing and would riddle the text.
const shortest = 4

// scrub takes the secret parts of an address, and other secrets, out of a
// receiver's text. Where the text was cut off, its end may be the beginning of a
// secret, which goes too.
func scrub(text string, cutOff bool, u *url.URL, secrets []string) string {
	hidden := make([]bool, len(text))
	for _, secret := range append(slices.Clone(secrets), secretsOf(u)...) {
		if len(secret) < shortest {
			continue
		}
		for from := 0; ; {
			i := strings.Index(text[from:], secret)
			if i < 0 {
				break
			}
			from += i
			hide(hidden[from : from+len(secret)])
			from++
		}
		for i := max(0, len(text)-len(secret)+1); cutOff && i <= len(text)-shortest; i++ {
			if strings.HasPrefix(secret, text[i:]) {
				hide(hidden[i:])
				break
			}
		}
	}
	var out strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			out.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			out.WriteString("…")
		}
	}
	return out.String()
}

func hide(some []bool) {
	for i := range some {
		some[i] = true
	}
}

// secretsOf are the parts of an address that may be secret, in the spellings
// they may come back in.
func secretsOf(u *url.URL) []string {
	parts := []string{u.RequestURI(), u.Path, u.EscapedPath(), u.RawQuery, u.Fragment}
	parts = append(parts, strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })...)
	for _, pair := range strings.FieldsFunc(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		_, value, _ := strings.Cut(pair, "=")
		decoded, _ := url.QueryUnescape(value)
		parts = append(parts, value, decoded)
	}
	if u.User != nil {
		password, _ := u.User.Password()
		parts = append(parts, u.User.String(), u.User.Username(), password)
	}
	if host, _, found := strings.Cut(u.Host, "&"); found {
		parts = append(parts, u.Host[len(host):])
	}
	return parts
}
