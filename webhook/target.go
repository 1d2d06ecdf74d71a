package webhook

import (
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

const maxTargets = 1 << 14 // parsed addresses kept; far more than there are endpoints

// targets keeps addresses parsed. The zero value is ready.
type targets struct {
	urls  sync.Map // address -> *url.URL, which nobody changes
	count atomic.Int64
}

// get parses an address. The URL is shared: it is not to be changed.
func (t *targets) get(address string) (*url.URL, error) {
	v, _ := t.urls.Load(address)
	if u, ok := v.(*url.URL); ok {
		return u, nil
	}
	u, err := url.Parse(address)
	if err != nil || usable(u) != nil {
		return nil, errors.New("the endpoint's address is no usable URL") // err quotes it
	}
	if t.count.Add(1) > maxTargets { // addresses that were replaced pile up
		t.urls.Clear()
		t.count.Store(1)
	}
	t.urls.Store(address, u)
	return u, nil
}

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

// withQuery is u with more of a query behind its own.
func withQuery(u *url.URL, query string) *url.URL {
	if query == "" {
		return u
	}
	c := *u
	if c.RawQuery == "" {
		c.RawQuery = query
	} else {
		c.RawQuery += "&" + query
	}
	return &c
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
