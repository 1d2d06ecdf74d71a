package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

const maxURL = 4096

// CheckURL says, when an address is set, why it cannot be an endpoint's: it is
// no http or https URL, or its host is written as an address in a network that
// is not allowed. Whether a name leads to such an address shows only when it is
// dialled, and is checked there. The error holds nothing of the URL but a
// literal address.
func (s *Sender) CheckURL(rawurl string) error {
	if err := s.checkURL(rawurl); err != nil {
		return fmt.Errorf("webhook address: %w", err)
	}
	return nil
}

func (s *Sender) checkURL(rawurl string) error {
	if len(rawurl) > maxURL {
		return fmt.Errorf("it is longer than %d bytes", maxURL)
	}
	u, err := url.Parse(rawurl)
	if err != nil {
		return errors.New("it is no URL") // err quotes it
	}
	return s.check(u)
}

// check judges an address as far as it can be without resolving its name.
func (s *Sender) check(u *url.URL) error {
	if err := usable(u); err != nil {
		return err
	}
	if _, password := u.User.Password(); u.User != nil && !password {
		// http://bank.example@evil.example/ looks as if it led to the bank.
		return errors.New("there is a user name without a password before the host")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return errors.New("the port must be 1 to 65535")
		}
	}
	return s.checkHost(u.Hostname())
}

// checkHost judges a host as the resolver and the dialler will read it.
func (s *Sender) checkHost(host string) error {
	ascii, err := toASCII(host)
	if err != nil {
		return errors.New("the host is no name that can be looked up")
	}
	host = strings.ToLower(strings.TrimSuffix(ascii, "."))
	if slices.Contains(strings.Split(host, "."), "") {
		return errors.New("the host has two dots in a row, or begins with one")
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return s.egress.check(a)
	}
	// Other signs are left alone: an address without a path may carry its query in
	// the host, as WITI's own sample does.
	if strings.ContainsAny(host, "[]<>\"\\^`{|}% ") {
		return errors.New("the host is no name that can be looked up")
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return s.egress.check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	// 2130706433, 0x7f.1 and 127.1 are names to Go and addresses to a resolver
	// in C; there are no such top-level domains.
	if numeric(host[strings.LastIndexByte(host, '.')+1:]) {
		return errors.New("the host is an address in an unusual spelling: write it in full")
	}
	return nil
}

// toASCII maps a name the way net/http does before it dials: full-width digits
// and dots become plain ones.
func toASCII(host string) (string, error) {
	for i := range len(host) {
		if host[i] >= 0x80 {
			return idna.Lookup.ToASCII(host)
		}
	}
	return host, nil
}

// numeric reports whether a label is a number as inet_aton reads it.
func numeric(label string) bool {
	if isDigits(label) {
		return true
	}
	hex, ok := strings.CutPrefix(label, "0x")
	if !ok {
		return false
	}
	return strings.Trim(hex, "0123456789abcdef") == ""
}
