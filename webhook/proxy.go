package webhook

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	socks "golang.org/x/net/proxy"
)

// proxy opens connections from where it stands.
type proxy interface {
	// connect answers a connection to an IP address and port, or an error that
	// holds no secret of the proxy.
	connect(ctx context.Context, address string) (net.Conn, error)
}

// proxyError is trouble with the proxy. Its text is one of few.
type proxyError struct {
	text   string
	target bool  // with the address it was asked for; another one may do
	err    error // nil if there is nothing more to know
}

func (e *proxyError) Error() string {
	if errno, ok := errors.AsType[syscall.Errno](e.err); ok {
		return e.text + ": " + errno.Error()
	}
	return e.text
}

func (e *proxyError) Unwrap() error { return e.err }

// newProxy makes a proxy of webhook.proxy.
func newProxy(u *url.URL, cfg Config) (proxy, error) {
	ports := map[string]string{"http": "80", "https": "443", "socks5": "1080"}
	port, ok := ports[u.Scheme]
	if !ok || u.Hostname() == "" {
		return nil, errors.New("webhook.proxy must be an http://, https:// or socks5:// URL")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	to := gate{
		address: net.JoinHostPort(u.Hostname(), port),
		dialer:  &net.Dialer{Timeout: dialWait, Resolver: cfg.Resolver},
	}
	password, _ := u.User.Password()
	if u.Scheme == "socks5" {
		p := &socks5{gate: to}
		if u.User != nil {
			p.auth = &socks.Auth{User: u.User.Username(), Password: password}
		}
		return p, nil
	}
	if u.Scheme == "https" {
		to.tls = &tls.Config{ServerName: u.Hostname(), RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12}
	}
	p := &httpProxy{gate: to}
	if u.User != nil {
		p.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	return p, nil
}

// gate is the way to the proxy itself. The operator chose its address, so it is
// not checked.
type gate struct {
	address string
	dialer  *net.Dialer
	tls     *tls.Config // nil: in the clear
}

func (g *gate) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := g.dialer.DialContext(ctx, "tcp", g.address)
	if err != nil {
		return nil, &proxyError{text: "the proxy cannot be reached", err: err}
	}
	if g.tls == nil {
		return conn, nil
	}
	secure := tls.Client(conn, g.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &proxyError{text: "the TLS handshake with the proxy failed", err: err}
	}
	return secure, nil
}

// Dial makes gate a dialler as package socks wants it; it calls DialContext.
func (g *gate) Dial(network, addr string) (net.Conn, error) {
	return g.DialContext(context.Background(), network, addr)
}

// socks5 is a SOCKS5 proxy (RFC 1928, RFC 1929).
type socks5 struct {
	gate gate
	auth *socks.Auth
}

func (p *socks5) connect(ctx context.Context, address string) (net.Conn, error) {
	way := &onward{gate: &p.gate}
	d, err := socks.SOCKS5("tcp", p.gate.address, p.auth, way)
	if err != nil {
		return nil, &proxyError{text: "the proxy cannot be used", err: err}
	}
	dialer, ok := d.(socks.ContextDialer)
	if !ok {
		return nil, &proxyError{text: "the proxy cannot be used"}
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	switch {
	case err == nil && way.conn != nil:
		return way.conn, nil
	case err == nil:
		return conn, nil
	}
	if own, ok := errors.AsType[*proxyError](err); ok {
		return nil, own
	}
	return nil, &proxyError{text: "the proxy did not connect", target: true, err: err}
}

// onward is a gate for one connection, and keeps it: the library wraps what it answers,
// and a wrapped one cannot be looked at while it is idle.
type onward struct {
	*gate
	conn net.Conn
}

func (o *onward) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := o.gate.DialContext(ctx, network, addr)
	o.conn = conn
	return conn, err
}

// maxConnectAnswer bounds what is read of a proxy's answer.
const maxConnectAnswer = 16 << 10

// httpProxy is a proxy that is asked with CONNECT, for http addresses too: in a
// plain request it would look the name up itself.
type httpProxy struct {
	gate          gate
	authorization string
}

func (p *httpProxy) connect(ctx context.Context, address string) (net.Conn, error) {
	conn, err := p.gate.DialContext(ctx, "", "")
	if err != nil {
		return nil, err
	}
	return p.tunnel(ctx, conn, address)
}

// tunnel makes a connection to the proxy one to an address, or closes it.
func (p *httpProxy) tunnel(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err := p.ask(conn, address)
	if !stop() && err == nil {
		err = &proxyError{text: "the proxy did not connect", err: context.Cause(ctx)}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// ask asks for a tunnel on a fresh connection.
func (p *httpProxy) ask(conn net.Conn, address string) error {
	req := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if p.authorization != "" {
		req += "Proxy-Authorization: " + p.authorization + "\r\n"
	}
	if _, err := io.WriteString(conn, req+"\r\n"); err != nil {
		return &proxyError{text: "the proxy closed the connection", err: err}
	}
	br := bufio.NewReader(io.LimitReader(conn, maxConnectAnswer))
	//nolint:bodyclose // what follows the head belongs to the tunnel, and ends with the connection
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if network, ok := errors.AsType[net.Error](err); ok {
		return &proxyError{text: "the proxy did not answer", target: true, err: network}
	}
	if err != nil {
		return &proxyError{text: "the proxy's answer is not valid HTTP"} // err may quote it
	}
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return &proxyError{text: "the proxy wants other credentials"}
	case resp.StatusCode != http.StatusOK:
		return &proxyError{text: fmt.Sprintf("the proxy did not connect (status %d)", resp.StatusCode), target: true}
	case br.Buffered() > 0: // a receiver does not speak first
		return &proxyError{text: "the proxy's answer is not valid HTTP"}
	}
	return nil
}
