package configs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The checks of single values. Their errors continue a sentence that begins
// with the key, say what to write, and show no part of a URL that may hold a
// password.

// optional applies check to a value that may be empty.
func optional[T ~string](value T, check func(T) error) error {
	if value == "" {
		return nil
	}
	return check(value)
}

func checkChoice(value string, choices []string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return fmt.Errorf("%s is not one of %s", quote(value), strings.Join(choices, ", "))
}

// checkAddress checks an address to listen on.
func checkAddress(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || strings.ContainsAny(host, " /@") {
		return fmt.Errorf("%s is not host:port: write it as in 127.0.0.1:8080, or :8080 for all addresses", quote(addr))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%s: %s is not a port: write a number from 0 (any free port) to 65535", quote(addr), quote(port))
	}
	return nil
}

func checkLoopback(addr string) error {
	if err := checkAddress(addr); err != nil {
		return err
	}
	if host, _, _ := net.SplitHostPort(addr); !isLoopback(host) {
		return fmt.Errorf("%s is not on loopback, where the sandbox has to stay: write 127.0.0.1:0", quote(addr))
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func checkSandboxURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Port() == "" || u.User != nil {
		return errors.New("is not the address of a sandbox: write what switchhook sandbox serve prints, as in http://127.0.0.1:8090")
	}
	if !isLoopback(u.Hostname()) {
		return fmt.Errorf("%s is not on loopback, where the sandbox has to stay", quote(u.Host))
	}
	return nil
}

func checkPublicURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return errors.New("is not an absolute URL: write it as in https://switchhook.example.com")
	case u.User != nil:
		return errors.New("holds a user or password: remove them, the URL is given to others")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return errors.New("holds a query or fragment: remove everything from ? or # on")
	}
	return nil
}

func checkServers(text string) error {
	for server := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Hostname() == "" {
			return errors.New("is not the URL of a NATS server: write it as in nats://nats.example.com:4222, several separated by commas")
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return fmt.Errorf("%s is not a scheme of NATS: write nats://, tls://, ws:// or wss://", quote(u.Scheme))
		}
		if u.User != nil {
			return errors.New("holds a user, password or token: move it to nats.user and nats.password, or to nats.token")
		}
	}
	return nil
}

const minToken = 16

func checkToken(token Secret) error {
	text := token.Reveal()
	if len(text) < minToken {
		return fmt.Errorf("has %d characters and needs at least %d; openssl rand -hex 32 makes a good one", len(text), minToken)
	}
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return errors.New("holds a space or a character beyond ASCII, which an HTTP header cannot carry; openssl rand -hex 32 makes a good one")
		}
	}
	return nil
}

// storeKey is the shape of 32 bytes in hex or base64.
var storeKey = regexp.MustCompile(`^(?:[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?)$`)

func checkStoreKey(key Secret) error {
	if !storeKey.MatchString(strings.TrimSpace(key.Reveal())) {
		return errors.New("is not 32 bytes in base64 or hex; switchhook key new makes a good one")
	}
	return nil
}

// checkCredential checks a name as systemd takes it.
func checkCredential(name string) error {
	if name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\\\x00") {
		return fmt.Errorf("%s is not the name of a systemd credential: write the part before the colon of LoadCredential=, as in store.key", quote(name))
	}
	return nil
}

func checkVersion(text string) error {
	parts := strings.Split(text, ".")
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 32); err != nil || len(parts) != 3 {
			return fmt.Errorf("%s is not a client version: write three numbers, as in 2.3000.1027868167", quote(text))
		}
	}
	return nil
}

func checkProxy(proxy Secret) error {
	u, err := url.Parse(proxy.Reveal())
	if err != nil || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5") || u.Hostname() == "" {
		return errors.New("is not the URL of a proxy: write it as in http://proxy.example.com:3128 or socks5://proxy.example.com:1080")
	}
	return nil
}
