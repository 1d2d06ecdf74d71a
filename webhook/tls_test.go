package webhook

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/outbox"
)

// authority is a private CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // in PEM
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{}
	der, key := makeCert(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	a.cert, _ = x509.ParseCertificate(der)
	a.key = key
	a.file = pemOf(t, a.cert)
	return a
}

func makeCert(t *testing.T, template *x509.Certificate, by *authority) (der []byte, key *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer); err != nil {
		t.Fatal(err)
	}
	return der, key
}

// issue makes a certificate for 127.0.0.1, or for a client.
func (a *authority) issue(t *testing.T, name string, until time.Time) tls.Certificate {
	der, key := makeCert(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// write puts a certificate and its key into files.
func writePair(t *testing.T, dir string, c tls.Certificate) (certFile, keyFile string) {
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func serveTLS(t *testing.T, c *tls.Config, h http.HandlerFunc) string {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = discard
	srv.TLS = c
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL
}

// A private CA is trusted if it is configured, and nothing else is.
func TestPrivateCA(t *testing.T) {
	ca, other := newAuthority(t, "ours"), newAuthority(t, "theirs")
	s := senderFor(t, Config{AllowLoopback: true, CAFile: ca.file})
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for name, tc := range map[string]struct {
		config *tls.Config
		host   string
		want   string
	}{
		"ours":         {&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "r", soon)}}, "", ""},
		"theirs":       {&tls.Config{Certificates: []tls.Certificate{other.issue(t, "r", soon)}}, "", "signed by an unknown authority"},
		"expired":      {&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "r", past)}}, "", "expired or is not yet valid"},
		"wrong name":   {&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "r", soon)}}, "localhost", "not for this host"},
		"TLS 1.2":      {&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "r", soon)}, MaxVersion: tls.VersionTLS12}, "", ""},
		"TLS 1.1":      {&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "r", soon)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "", "protocol version not supported"},
		"wants a cert": {&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "r", soon)}, ClientAuth: tls.RequireAnyClientCert}, "", "certificate required"},
	} {
		t.Run(name, func(t *testing.T) {
			url := serveTLS(t, tc.config, func(http.ResponseWriter, *http.Request) {})
			if tc.host != "" {
				url = strings.Replace(url, "127.0.0.1", tc.host, 1)
			}
			v := send(t, s, url)
			if (v.Outcome == outbox.Delivered) != (tc.want == "") || tc.want != "" && !strings.Contains(v.Err.Error(), tc.want) {
				t.Errorf("%+v", v)
			}
		})
	}
}

// Our certificate is shown to those that ask, and a renewed one without a
// restart.
func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t, "ours")
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	soon := time.Now().Add(time.Hour)
	who := make(chan string, 1)
	url := serveTLS(t, &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "r", soon)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}, func(_ http.ResponseWriter, r *http.Request) { who <- r.TLS.PeerCertificates[0].Subject.CommonName })
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, ca.issue(t, "first", soon))
	s := senderFor(t, Config{AllowLoopback: true, CAFile: ca.file, CertFile: certFile, KeyFile: keyFile})
	for _, name := range []string{"first", "second"} {
		writePair(t, dir, ca.issue(t, name, soon))
		if v := send(t, s, url); v.Err != nil {
			t.Fatal(v.Err)
		}
		if got := <-who; got != name {
			t.Errorf("shown %q, want %q", got, name)
		}
		s.Close() // a new connection asks again
	}
	if err := os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	if v := send(t, s, url); v.Err == nil || v.Err.Error() != "post to "+url+": the client certificate cannot be read" {
		t.Errorf("%+v", v)
	}
}

func TestBadFiles(t *testing.T) {
	ca := newAuthority(t, "ours")
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, ca.issue(t, "c", time.Now().Add(time.Hour)))
	_, otherKey := writePair(t, t.TempDir(), ca.issue(t, "c", time.Now().Add(time.Hour)))
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, cfg := range map[string]Config{
		"webhook.ca_file: open":              {CAFile: filepath.Join(dir, "missing")},
		"webhook.ca_file holds no":           {CAFile: empty},
		"webhook.client_cert_file and":       {CertFile: certFile},
		"webhook.client_key_file need":       {KeyFile: keyFile},
		"webhook.client_cert_file: open":     {CertFile: filepath.Join(dir, "missing"), KeyFile: keyFile},
		"webhook.client_cert_file: tls: pri": {CertFile: certFile, KeyFile: otherKey},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
