package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// newTransport makes the one transport that all endpoints share.
func newTransport(cfg Config, e egress) (*http.Transport, error) {
	secure, err := newTLS(cfg)
	if err != nil {
		return nil, err
	}
	dial, err := newDial(cfg, e)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:               nil, // the dialler goes through it: here it would be told names, not checked addresses
		DialContext:         dial,
		TLSClientConfig:     secure,
		TLSHandshakeTimeout: dialWait,
		ForceAttemptHTTP2:   true, // off by default beside a DialContext

		// Two idle connections a host, the default, would have every lane but two
		// dial anew for each event.
		MaxIdleConnsPerHost: cfg.PerOrigin,
		MaxIdleConns:        max(1024, cfg.PerOrigin),
		IdleConnTimeout:     90 * time.Second,

		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		// Without pings a dead HTTP/2 connection is used until TCP gives up on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}, nil
}

func newClient(t *http.Transport) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     keepIdle{t},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Logger:       nil, // it logs addresses
		RetryMax:     1,
		CheckRetry:   checkRetry,
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return quickly() },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: prepareRetry,
	}
}

// keepIdle stands between the client and the transport. It hides the transport's CloseIdleConnections: go-retryablehttp 0.7.8
// calls it after every failed try, which would close the connections to every
// other receiver.
type keepIdle struct{ transport *http.Transport }

// RoundTrip takes a redirect's location away, which net/http would parse, and
// make an error of that quotes it.
func (k keepIdle) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := k.transport.RoundTrip(req)
	if err != nil || resp.StatusCode < 300 || resp.StatusCode > 399 {
		return resp, err
	}
	if t, ok := req.Context().Value(tryKey{}).(*try); ok {
		t.location = resp.Header.Get("Location")
	}
	resp.Header.Del("Location")
	return resp, nil
}

// quickly is the wait before the quick retry.
func quickly() time.Duration {
	return 100*time.Millisecond + rand.N(100*time.Millisecond) //nolint:gosec // spreads retries, guards nothing
}

// checkRetry allows the quick retry: a connection failed, as one that the
// receiver has just closed does, before anything was answered.
func checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	t, ok := ctx.Value(tryKey{}).(*try)
	return ok && err != nil && ctx.Err() == nil && !t.answered.Load() && transient(err), nil
}

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

// prepareRetry signs anew. The headers are copied first: the transport may
// still be reading those of the request that failed.
func prepareRetry(req *http.Request) error {
	t, ok := req.Context().Value(tryKey{}).(*try)
	if !ok {
		return errors.New("a request that Send did not make")
	}
	req.Header = req.Header.Clone()
	return t.sign(req.Header)
}
