package webhook

import (
	"encoding/base64"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http/httpguts"
)

const maxTargets = 1 << 14 // parsed addresses kept; far more than there are endpoints

// target is an address that requests go to, and what each of them needs of it.
// Nobody changes it.
type target struct {
	url *url.URL

	origin string // scheme://host:port, which connections are kept by
	addr   string // host:port, to dial
	server string // the name that its certificate must have
	host   string // of the Host header
	uri    string // of the request line
	basic  string // the Authorization header of a user in the address, if there is one
}

// newTarget refuses what net/http would not send.
func newTarget(u *url.URL) (*target, error) {
	if err := usable(u); err != nil {
		return nil, err
	}
	host, err := httpguts.PunycodeHostPort(u.Host)
	if err != nil {
		host = u.Host
	}
	if at := strings.IndexByte(host, '%'); at >= 0 && strings.HasPrefix(host, "[") { // a zone means nothing there
		if end := strings.LastIndexByte(host, ']'); end > at {
			host = host[:at] + host[end:]
		}
	}
	// A query may hold a space as it was typed, which would end the request line.
	t := &target{url: u, host: host, uri: strings.ReplaceAll(u.RequestURI(), " ", "%20"), server: u.Hostname()}
	if ascii, err := toASCII(t.server); err == nil {
		t.server = ascii
	}
	t.addr = net.JoinHostPort(t.server, port(u))
	t.origin = u.Scheme + "://" + t.addr
	if !httpguts.ValidHostHeader(t.host) || strings.ContainsFunc(t.uri, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, errors.New("it cannot be put into a request")
	}
	if u.User != nil {
		password, _ := u.User.Password()
		t.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	return t, nil
}

// targets keeps addresses parsed. The zero value is ready.
type targets struct {
	urls  sync.Map // address -> *target
	count atomic.Int64
}

// get parses an address.
func (t *targets) get(address string) (*target, error) {
	v, _ := t.urls.Load(address)
	if to, ok := v.(*target); ok {
		return to, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errNoTarget // err quotes it
	}
	to, err := newTarget(u)
	if err != nil {
		return nil, errNoTarget
	}
	if t.count.Add(1) > maxTargets { // addresses that were replaced pile up
		t.urls.Clear()
		t.count.Store(1)
	}
	t.urls.Store(address, to)
	return to, nil
}

var errNoTarget = errors.New("the endpoint's address is no usable URL")

// usable says what keeps an address from being posted to.
func usable(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the scheme must be http or https")
	case u.Hostname() == "":
		return errors.New("there is no host")
	}
	return nil
}

// with is the target with more of a query behind its own.
func (t *target) with(query string) (*target, error) {
	if query == "" {
		return t, nil
	}
	u := *t.url
	if u.RawQuery == "" {
		u.RawQuery = query
	} else {
		u.RawQuery += "&" + query
	}
	return newTarget(&u)
}

// sameOrigin reports whether two addresses have the same scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}
