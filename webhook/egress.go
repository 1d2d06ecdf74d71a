package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ForbiddenError refuses an address. It holds no secret.
type ForbiddenError struct {
	Addr    netip.Addr
	Network string // what the address is; empty with Denied
	Denied  bool   // by webhook.deny_networks, which nothing overrides
}

func (e *ForbiddenError) Error() string {
	if e.Denied {
		return fmt.Sprintf("%s is not allowed: webhook.deny_networks contains it", e.Addr)
	}
	return fmt.Sprintf("%s is %s: not allowed unless webhook.allow_networks contains it", e.Addr, e.Network)
}

// egress decides where we may connect: to public addresses, and to those in
// special networks that are allowed, but to none that is denied.
type egress struct{ allow, deny []netip.Prefix }

func newEgress(cfg Config) (egress, error) {
	allow, ok := plain(cfg.Allow)
	if !ok {
		return egress{}, errors.New("webhook.allow_networks holds an invalid network")
	}
	deny, ok := plain(cfg.Deny)
	if !ok {
		return egress{}, errors.New("webhook.deny_networks holds an invalid network")
	}
	if cfg.AllowLoopback {
		allow = append(allow, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	return egress{allow, deny}, nil
}

// plain masks networks. One of IPv4-mapped addresses is the IPv4 network too:
// that is what the dialler makes of them.
func plain(networks []netip.Prefix) (out []netip.Prefix, ok bool) {
	for _, p := range networks {
		if !p.IsValid() {
			return nil, false
		}
		out = append(out, p.Masked())
		if bits := p.Bits() - mapped6.Bits(); bits >= 0 && p.Addr().Is4In6() {
			out = append(out, netip.PrefixFrom(p.Addr().Unmap(), bits).Masked())
		}
	}
	return out, true
}

// check refuses an address that is denied, or special and not allowed. One that
// leads on to an IPv4 address is judged by both: allowing 64:ff9b::/96 opens the
// public IPv4 internet behind NAT64, and no private network there.
func (e egress) check(a netip.Addr) error {
	bare := a.WithZone("")
	inner := embedded(bare)
	if within(e.deny, bare) {
		return &ForbiddenError{Addr: a, Denied: true}
	}
	for _, v4 := range inner {
		if within(e.deny, v4) {
			return &ForbiddenError{Addr: a, Denied: true}
		}
	}
	what := special(bare)
	direct := mapped6.Contains(bare) || nat64.Contains(bare) // the IPv4 address in another spelling
	if what != "" && !within(e.allow, bare) && (!direct || !within(e.allow, inner[0])) {
		return &ForbiddenError{Addr: a, Network: what}
	}
	for _, v4 := range inner {
		// 0.0.0.0/8 is a reading of a layout that was not meant, and leads nowhere.
		if what := special(v4); what != "" && !unspecified4.Contains(v4) && !within(e.allow, v4) {
			return &ForbiddenError{Addr: a, Network: what + " behind a translator or tunnel"}
		}
	}
	return nil
}

func within(networks []netip.Prefix, a netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// control is the dialler's hook: it sees the address that is really connected
// to, after resolution, on every dial, so that a name which resolves
// differently the second time gains nothing.
func (e egress) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("the dialler gave an address that cannot be checked")
	}
	return e.check(a.Addr())
}
