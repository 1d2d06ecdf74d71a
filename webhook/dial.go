package webhook

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// dialWait bounds making one connection: to the receiver, or to the proxy and
// through it.
const dialWait = 10 * time.Second

// dialFunc makes a connection; addr is host:port.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// newDial makes the dialler of the transport. Whatever way it goes, the address
// that it connects to has been checked after resolution, in the same dial.
func newDial(cfg Config, e egress) (dialFunc, error) {
	if cfg.DialContext != nil {
		return cfg.DialContext, nil
	}
	if cfg.Proxy == "" {
		// The hook is called for each address of a name, Happy Eyeballs included:
		// those that are forbidden are passed over, the others tried.
		return (&net.Dialer{Timeout: dialWait, Control: e.control, Resolver: cfg.Resolver}).DialContext, nil
	}
	u, err := url.Parse(cfg.Proxy)
	if err != nil {
		return nil, errors.New("webhook.proxy is no URL") // err quotes it
	}
	through, err := newProxy(u, cfg)
	if err != nil {
		return nil, err
	}
	resolver := cfg.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	return (&tunnels{egress: e, resolver: resolver, through: through}).dial, nil
}

// most addresses of a name that are tried through a proxy.
const mostAddresses = 4

// tunnels connects through a proxy, which is told an address that was checked
// here and never a name, so that nobody resolves it again.
type tunnels struct {
	egress   egress
	resolver *net.Resolver
	through  proxy
}

func (t *tunnels) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	addresses, err := t.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var last error
	for _, a := range addresses[:min(len(addresses), mostAddresses)] {
		conn, err := t.through.connect(ctx, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		last = err
		if refused, ok := errors.AsType[*proxyError](err); !ok || !refused.target || ctx.Err() != nil {
			break // it is the proxy's trouble, not the address's
		}
	}
	return nil, last
}

// resolve answers the addresses of a host that may be connected to, at least
// one, in the order in which the resolver would have them tried.
func (t *tunnels) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	found, err := t.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var permitted []netip.Addr
	var forbidden error
	for _, a := range found {
		// A zone means nothing on another machine.
		a = a.Unmap().WithZone("")
		if err := t.egress.check(a); err == nil {
			permitted = append(permitted, a)
		} else if forbidden == nil {
			forbidden = err
		}
	}
	if len(permitted) == 0 && forbidden == nil {
		forbidden = &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	if len(permitted) == 0 {
		return nil, forbidden
	}
	return permitted, nil
}
