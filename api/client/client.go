// Package client asks a running daemon over its admin API: over the unix socket
// in its data directory, or over HTTP with a token. The command line, the demo
// and tests use it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client talks to one daemon. Any goroutine may use it. An instance is given by
// its name or id.
type Client struct {
	http  *http.Client
	base  string // without a trailing slash
	token string
	where string // for people: the socket's path, or the host
}

// answerTimeout bounds the wait for an answer's header: above the longest poll
// and the longest download.
const answerTimeout = 3 * time.Minute

// Unix makes a client of the daemon that listens on the socket. It does not
// connect yet.
func Unix(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Client{
		http:  &http.Client{Transport: transport(dial)},
		base:  "http://localhost", // nobody looks it up
		where: socket,
	}
}

// HTTP makes a client of the daemon at that address, http:// or https://.
func HTTP(address, token string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("the daemon's address must be like http://host:port, without credentials")
	}
	return &Client{
		http:  &http.Client{Transport: transport(nil), CheckRedirect: noRedirect},
		base:  strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/"),
		token: token,
		where: u.Scheme + "://" + u.Host,
	}, nil
}

func transport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	t := &http.Transport{
		DialContext:           dial,
		ResponseHeaderTimeout: answerTimeout,
		ExpectContinueTimeout: 5 * time.Second,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   4,
	}
	if dial == nil {
		t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
		t.Proxy = http.ProxyFromEnvironment
	}
	return t
}

// noRedirect: the daemon never redirects, so a token must not follow one.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// CloseIdle drops the connections that are not in use.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// do sends one request and decodes its answer into out, unless out is nil. in,
// unless nil, is sent as JSON.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	res, err := c.ask(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	return c.decode(ctx, res, out)
}

// decode reads an answer.
func (c *Client) decode(ctx context.Context, res *http.Response, out any) error {
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &UnreachedError{Where: c.where, Err: fmt.Errorf("the answer broke off or is no answer of a daemon: %w", err)}
	}
	return nil
}

// ask sends one request and answers what is no refusal; the caller closes its body.
func (c *Client) ask(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("ask the daemon: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreached(err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

// one is the path of an instance and what is below it.
func one(instance string, below ...string) string {
	return "/api/v1/instances/" + strings.Join(append([]string{url.PathEscape(instance)}, below...), "/")
}
