package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ForbiddenError refuses an address in a special network. It holds no secret.
type ForbiddenError struct {
	Addr    netip.Addr
	Network string // what the address is
}

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("%s is %s: not allowed unless webhook.allow_networks contains it", e.Addr, e.Network)
}

// network is a stretch of addresses that is not the public internet.
type network struct {
	prefix netip.Prefix
	what   string
}

// special4 and special6 follow IANA's registries of special-purpose addresses
// (RFC 6890 and its updates, read in 2025). Stretches that are globally
// reachable by exception, such as AS112's, are left in where they lie inside a
// refused one: nobody's webhook is there.
var special4 = []network{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "carrier-grade NAT"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
}

// The first match names the address; what is outside 2000::/3 is special in any
// case.
var special6 = []network{
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("::ffff:0:0/96"), "IPv4-mapped"},
	{netip.MustParsePrefix("64:ff9b::/96"), "NAT64"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "NAT64"},
	{netip.MustParsePrefix("fc00::/7"), "unique local"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/23"), "reserved for protocols"}, // Teredo, ORCHID, benchmarking
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
}

var unicast6 = netip.MustParsePrefix("2000::/3")

// special names the special network an address lies in, empty if it is public.
func special(a netip.Addr) string {
	a = a.WithZone("") // a prefix contains no address with a zone
	table := special6
	if a.Is4() {
		table = special4
	}
	for _, n := range table {
		if n.prefix.Contains(a) {
			return n.what
		}
	}
	if a.Is6() && !unicast6.Contains(a) {
		return "reserved"
	}
	return ""
}

// egress decides where we may connect.
type egress struct{ allow []netip.Prefix }

func newEgress(allow []netip.Prefix, loopback bool) (egress, error) {
	var e egress
	for _, p := range allow {
		if !p.IsValid() {
			return e, errors.New("webhook.allow_networks holds an invalid network")
		}
		e.allow = append(e.allow, p.Masked())
	}
	if loopback {
		e.allow = append(e.allow, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	return e, nil
}

// check refuses an address in a special network that is not allowed.
func (e egress) check(a netip.Addr) error {
	what := special(a)
	if what == "" {
		return nil
	}
	bare := a.WithZone("")
	for _, p := range e.allow {
		if p.Contains(bare) || p.Contains(bare.Unmap()) {
			return nil
		}
	}
	return &ForbiddenError{Addr: a, Network: what}
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
