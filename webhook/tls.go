package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// newTLS makes what every receiver is verified by, always, and what we show to
// those that ask.
func newTLS(cfg Config) (*tls.Config, error) {
	c := &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12}
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return nil, errors.New("webhook.client_cert_file and webhook.client_key_file need each other")
	}
	if cfg.CertFile == "" {
		return c, nil
	}
	if _, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile); err != nil {
		return nil, fmt.Errorf("webhook.client_cert_file: %w", err)
	}
	// Read for each handshake that asks for it, so that a renewed one is used
	// without a restart.
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return nil, &clientCertError{err}
		}
		return &pair, nil
	}
	return c, nil
}

// clientCertError is trouble with our own certificate.
type clientCertError struct{ err error }

func (e *clientCertError) Error() string { return "webhook.client_cert_file: " + e.err.Error() }

func (e *clientCertError) Unwrap() error { return e.err }

// roots are the system's certificate authorities and those of a PEM file.
func roots(file string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a container without any
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("webhook.ca_file: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("webhook.ca_file holds no certificate in PEM")
	}
	return pool, nil
}
