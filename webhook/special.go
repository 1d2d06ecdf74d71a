package webhook

import "net/netip"

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

var (
	unicast6  = netip.MustParsePrefix("2000::/3")
	compat6   = netip.MustParsePrefix("::/96")
	mapped6   = netip.MustParsePrefix("::ffff:0:0/96")
	siit6     = netip.MustParsePrefix("::ffff:0:0:0/96")
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	nat64here = netip.MustParsePrefix("64:ff9b:1::/48")
	teredo    = netip.MustParsePrefix("2001::/32")
	sixToFour = netip.MustParsePrefix("2002::/16")

	unspecified4 = special4[0].prefix
)

// The first match names the address; what is outside 2000::/3 is special in any
// case.
var special6 = []network{
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{mapped6, "IPv4-mapped"},
	{nat64, "NAT64"},
	{nat64here, "NAT64"},
	{netip.MustParsePrefix("fc00::/7"), "unique local"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/23"), "reserved for protocols"}, // Teredo, ORCHID, benchmarking
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{sixToFour, "6to4"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
}

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

// embedded answers the IPv4 addresses that a packet to an IPv6 address may end
// at, if it goes through a translator or a tunnel. Where the layout is the
// network's own choice (RFC 6052 has several) these are all readings of it.
func embedded(a netip.Addr) []netip.Addr {
	if a.Is4() {
		return nil
	}
	b := a.As16()
	at := func(i, j, k, l int) netip.Addr { return netip.AddrFrom4([4]byte{b[i], b[j], b[k], b[l]}) }
	last := at(12, 13, 14, 15)
	switch {
	case compat6.Contains(a), mapped6.Contains(a), siit6.Contains(a), nat64.Contains(a):
		return []netip.Addr{last}
	case nat64here.Contains(a): // byte 8 is always 0 in the shorter layouts
		return []netip.Addr{last, at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12)}
	case teredo.Contains(a):
		return []netip.Addr{at(4, 5, 6, 7), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})}
	case sixToFour.Contains(a):
		return []netip.Addr{at(2, 3, 4, 5)}
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP, with any prefix
		return []netip.Addr{last}
	}
	return nil
}
