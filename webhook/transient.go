package webhook

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
)

// transient tells failures of a connection, which the next one may not have,
// from refusals, which it would, and from timeouts, which have taken their time.
func transient(err error) bool {
	var (
		forbidden *ForbiddenError
		proxy     *proxyError
		own       *clientCertError
		cert      *tls.CertificateVerificationError
		notTLS    tls.RecordHeaderError
		lookup    *net.DNSError
		network   net.Error
	)
	switch {
	case errors.As(err, &forbidden), errors.As(err, &proxy), errors.As(err, &own), errors.As(err, &cert), errors.As(err, &notTLS),
		errors.As(err, &lookup), isAlert(err), errors.Is(err, http.ErrSchemeMismatch):
		return false
	case errors.As(err, &network) && network.Timeout():
		return false
	}
	return true
}
