package webhook

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/switchhook/switchhook/outbox"
)

func TestSpecialNetworks(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "10.0.0.1": "private", "10.255.255.255": "private",
		"100.64.0.1": "carrier-grade NAT", "100.127.255.255": "carrier-grade NAT", "127.0.0.1": "loopback",
		"127.255.255.254": "loopback", "169.254.169.254": "link-local", "172.16.0.1": "private",
		"172.31.255.255": "private", "192.0.0.1": "reserved for protocols", "192.0.2.1": "documentation",
		"192.88.99.1": "6to4 relay", "192.168.1.1": "private", "198.18.0.1": "benchmarking",
		"198.19.255.255": "benchmarking", "198.51.100.7": "documentation", "203.0.113.7": "documentation",
		"224.0.0.1": "multicast", "239.255.255.255": "multicast", "240.0.0.1": "reserved",
		"255.255.255.255": "reserved",
		"::":              "unspecified", "::1": "loopback", "::2": "reserved", "::127.0.0.1": "reserved",
		"::ffff:127.0.0.1": "IPv4-mapped", "::ffff:8.8.8.8": "IPv4-mapped", "::ffff:0:127.0.0.1": "reserved",
		"64:ff9b::7f00:1": "NAT64", "64:ff9b::8.8.8.8": "NAT64", "64:ff9b:1::1": "NAT64", "100::1": "reserved",
		"2001::1": "reserved for protocols", "2001:0:53aa:64c::1": "reserved for protocols",
		"2001:2::1": "reserved for protocols", "2001:20::1": "reserved for protocols",
		"2001:db8::1": "documentation", "2002:7f00:1::1": "6to4", "3fff::1": "documentation",
		"4000::1": "reserved", "5f00::1": "reserved", "fc00::1": "unique local", "fd12:3456::1": "unique local",
		"fe80::1": "link-local", "fe80::1%eth0": "link-local", "febf::1": "link-local", "fec0::1": "reserved",
		"ff02::1": "multicast", "ff02::1%lo": "multicast",
		// public
		"1.1.1.1": "", "8.8.8.8": "", "9.255.255.255": "", "11.0.0.0": "", "100.63.255.255": "", "100.128.0.0": "",
		"126.255.255.255": "", "128.0.0.1": "", "169.253.0.1": "", "172.15.0.1": "", "172.32.0.1": "",
		"192.0.1.1": "", "192.167.0.1": "", "198.17.0.1": "", "198.20.0.1": "", "223.255.255.255": "",
		"2001:4860:4860::8888": "", "2606:4700::1111": "", "2a00::1": "", "2001:200::1": "",
	} {
		if got := special(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
}

// An address that leads on to an IPv4 address is judged by both, in whatever way
// it holds it; what is denied stays denied in every spelling.
func TestEmbeddedAddresses(t *testing.T) {
	prefixes := func(list ...string) (out []netip.Prefix) {
		for _, text := range list {
			out = append(out, netip.MustParsePrefix(text))
		}
		return out
	}
	transition := []string{"::/3", "2001::/32", "2002::/16"} // every translator and tunnel
	for name, tc := range map[string]struct {
		allow, deny   []netip.Prefix
		passes, fails []string
	}{
		"nothing allowed": {
			passes: []string{"8.8.8.8", "2a00::1"},
			fails: []string{
				"::ffff:8.8.8.8", "::8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8",
				"2002:808:808::1", "2001:0:808:808::f7f7:f7f7",
				// ISATAP: a public prefix, a private host behind it
				"2a00::5efe:10.0.0.1", "2a00::200:5efe:127.0.0.1", "2a00:1:2:3:200:5efe:a9fe:a9fe",
			},
		},
		"NAT64 allowed": {
			allow:  prefixes("64:ff9b::/96", "64:ff9b:1::/48"),
			passes: []string{"64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8", "64:ff9b:1:808:8:800::", "64:ff9b:1::8:808:800:0"},
			fails: []string{
				"64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::192.168.1.1",
				"64:ff9b:1::10.0.0.1", "64:ff9b:1::7f00:1", "64:ff9b:1:a00:0:100::", "64:ff9b:1:ff0a:0:1::", "64:ff9b:1:ffff:a:0:100:0",
				"::ffff:10.0.0.1", "10.0.0.1",
			},
		},
		"the IPv4 network allowed": {
			allow:  prefixes("10.0.0.0/8"),
			passes: []string{"10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2a00::5efe:10.0.0.1"},
			fails:  []string{"64:ff9b::8.8.8.8", "64:ff9b::127.0.0.1", "::10.0.0.1", "2002:a00:1::1", "64:ff9b:1::10.0.0.1"},
		},
		"a mapped network allowed": {
			allow:  prefixes("::ffff:10.0.0.0/104"),
			passes: []string{"10.0.0.1", "::ffff:10.0.0.1"},
			fails:  []string{"127.0.0.1", "::ffff:127.0.0.1"},
		},
		"all transition allowed": {
			allow:  prefixes(transition...),
			passes: []string{"2002:808:808::1", "2001:0:808:808::f7f7:f7f7", "::8.8.8.8", "::ffff:0:8.8.8.8"},
			fails: []string{
				"2002:7f00:1::1", "2002:a9fe:a9fe::1", "2001:0:a00:1::f7f7:f7f7", "2001:0:808:808::80ff:fffe", // 127.0.0.1 inverted
				"::127.0.0.1", "::ffff:0:127.0.0.1", "::ffff:192.168.0.1",
			},
		},
		"denied": {
			allow: prefixes(append(transition, "10.0.0.0/8", "fe80::/10")...),
			deny:  prefixes("8.8.8.0/24", "10.9.0.0/16", "2a00:1::/32", "::ffff:9.9.9.9/128", "fe80::1/128"),
			passes: []string{
				"8.8.4.4", "10.0.0.1", "2a00:2::1", "64:ff9b::8.8.4.4", "fe80::2%eth0",
			},
			fails: []string{
				"8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:0:808:808::1", "2001:0:101:101::f7f7:f7f7",
				"::8.8.8.8", "2a00::5efe:8.8.8.8", "10.9.1.1", "::ffff:10.9.1.1", "2a00:1::1", "9.9.9.9", "fe80::1%eth0", "fe80::1",
			},
		},
		"all denied": {deny: prefixes("0.0.0.0/0", "::/0"), allow: prefixes("0.0.0.0/0", "::/0"), fails: []string{"8.8.8.8", "2a00::1", "127.0.0.1"}},
		"all allowed": {
			allow:  prefixes("0.0.0.0/0", "::/0"),
			passes: []string{"8.8.8.8", "127.0.0.1", "::1", "64:ff9b::10.0.0.1", "2002:7f00:1::1", "fe80::1%eth0", "::ffff:127.0.0.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := newEgress(Config{Allow: tc.allow, Deny: tc.deny})
			if err != nil {
				t.Fatal(err)
			}
			for _, addr := range tc.passes {
				if err := e.check(netip.MustParseAddr(addr)); err != nil {
					t.Error(err)
				}
			}
			for _, addr := range tc.fails {
				if err := e.check(netip.MustParseAddr(addr)); err == nil {
					t.Errorf("%s passed", addr)
				}
			}
		})
	}
	if _, err := New(Config{Deny: []netip.Prefix{{}}}); err == nil {
		t.Error("an invalid network was taken")
	}
}

func TestAllowedNetworks(t *testing.T) {
	e, err := newEgress(Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/16"), netip.MustParsePrefix("fd00::/8")}, AllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"10.1.0.9": true, "::ffff:10.1.0.9": true, "10.2.0.1": false, "fd00::9": true, "fd00::9%eth0": true,
		"fc00::9": false, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "169.254.169.254": false,
		"::ffff:127.0.0.1": true, "192.168.0.1": false, "8.8.8.8": true,
	} {
		if err := e.check(netip.MustParseAddr(addr)); (err == nil) != want {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if _, err := New(Config{Allow: []netip.Prefix{{}}}); err == nil {
		t.Error("an invalid network was taken")
	}
	for _, address := range []string{"", "127.0.0.1", "localhost:80", "[::1", "/run/x.sock"} {
		if err := e.control("tcp", address, nil); err == nil {
			t.Errorf("%q went through the dialler's hook", address)
		}
	}
}

// hostile are spellings of addresses in special networks, and other traps.
var hostile = []string{
	"http://127.0.0.1/", "http://127.0.0.1:8080/x", "http://127.0.0.1./", "http://127.1/", "http://127.0.1/",
	"http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/",
	"http://0X7F.1/", "http://127.0.0.0x1/", "http://127.000.000.001/", "http://0/", "http://0.0.0.0/", "http://00/",
	"http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://192.168.0.1/", "http://100.100.100.200/",
	"http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]:80/", "http://[::ffff:127.0.0.1]/",
	"http://[::ffff:7f00:1]/", "http://[::ffff:8.8.8.8]/", "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/",
	"http://[2002:7f00:1::]/", "http://[fe80::1%25eth0]/", "http://[fd00::1]/", "http://[fec0::1]/", "http://[ff02::1]/",
	"http://[2001:db8::1]/", "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "http://[::1%25lo]/",
	"http://localhost/", "http://LOCALHOST:99/", "http://localhost./", "http://foo.localhost/",
	"http://１２７.0.0.1/", "http://127。0。0。1/", "http://①②⑦.0.0.1/", "http://ｌｏｃａｌｈｏｓｔ/",
	"http://user@8.8.8.8/", "http://8.8.8.8@127.0.0.1/", "http://user:pass@127.0.0.1/", "http://:pass@127.0.0.1/",
	"http://%31%32%37.0.0.1/", "http://127.0.0.1%2f@8.8.8.8/", "http://127.0.0.1\\@8.8.8.8/", "http://127.0.0.1#@8.8.8.8/",
	"http:127.0.0.1/", "http:///x", "http://:80/", "http://", "http:", "", " ", "//8.8.8.8/", "8.8.8.8", "receiver.example",
	// all sorts of digits, dots and bases
	"http://0x7F000001./", "http://0X7f.0X0.0X0.0X1/", "http://0x7f.1./", "http://0x/", "http://1.0x/", "http://00000177.1/",
	"http://3232235521/", "http://0300.0250.1/", "http://127.0.0.01/", "http://127.0.0.1.1/", "http://256.256.256.256/", "http://1.2.3/",
	"http://４０２/", "http://2852039166/", "http://①/", "http://②①③０７０６４３３/", "http://0ｘ7f.1/", "http://127｡0｡0｡1/", "http://127．0．0．1/",
	"http://[::ﬀff:127.0.0.1]/", "http://[0:0:0:0:0:FFFF:127.0.0.1]/", "http://[::ffff:0x7f.1]/", "http://[::ffff:127.1]/", "http://[1]/",
	"http://[64:ff9b::8.8.8.8]/", "http://[64:FF9B:1::7f00:1]/", "http://[2002:808:808::1]/", "http://[2a00::5efe:10.0.0.1]/",
	"http://[fe80::1]/", "http://[fe80::1%25]/", "http://[fe80::1%eth0]/", "http://[2a00::1%25eth0%25]:x/", "http://[::1].example/", "http://[::1]x/",
	"http://[v1.x]/", "http://[]/", "http://[", "http://]/", "http://\u3002127.0.0.1/", "http://127.0.0.1\u3002/", "http://loc\u00adalhost/", "http://LocalHoſt/",
	"http://localhost\u3002/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "http://localhost%00.example/", "http://localhost%2eexample@127.0.0.1/",
	"http://receiver.example@127.0.0.1/", "http://receiver.example%40@127.0.0.1/", "http://receiver.example:80@127.0.0.1:80/", "http://@127.0.0.1/", "http://a:b@c:d@127.0.0.1/",
	"http://receiver.example@/", "http://:@/", "http://@/", "http://a@receiver.example/", "http://127.0.0.1:80:80/", "http://8.8.8.8:80:@127.0.0.1/", "http://8.8.8.8:+80/", "http://8.8.8.8:8 0/",
	"http://\t127.0.0.1/", "http://127.0.0.1\t/", "\thttp://127.0.0.1/", "http:\\\\127.0.0.1/", "http:/127.0.0.1/", "http:////127.0.0.1/", "///127.0.0.1/", "HTTP://127.0.0.1/", "hTTps://[::1]/",
	"ws://8.8.8.8/", "dict://8.8.8.8/", "data:text/plain,x", "http+unix://%2Frun%2Fx.sock/", "ldap://8.8.8.8/", "jar:http://8.8.8.8!/",
	"ftp://8.8.8.8/", "file:///etc/passwd", "gopher://8.8.8.8/", "unix:///run/x.sock", "javascript:alert(1)",
	"http://8.8.8.8:0/", "http://8.8.8.8:65536/", "http://8.8.8.8:99999999999/", "http://8.8.8.8:x/", "http://8.8.8.8:-1/",
	"http://0../", "http://.127.0.0.1/", "http://./", "http://127.0..1/", "http://a b/", "http://a\r\nb/", "http://[8.8.8.8]/", "http://[::1", "http://::1/", "http://" + strings.Repeat("a", 5000),
}

func TestCheckURLRefuses(t *testing.T) {
	s := senderFor(t, Config{})
	for _, raw := range hostile {
		if err := s.CheckURL(raw); err == nil {
			t.Errorf("%q was taken", raw)
		}
	}
	err := s.CheckURL("https://10.0.0.7/?token=hunter2")
	var forbidden *ForbiddenError
	if !errors.As(err, &forbidden) || !strings.Contains(err.Error(), "webhook.allow_networks") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestCheckURLTakes(t *testing.T) {
	s := senderFor(t, Config{})
	for _, raw := range []string{
		"https://my-system.com/newWebHook", "http://my-erp.com.br&wid=6D6307C3-2973-4468-85FA-D047CB8E1F2E", // both WITI's
		"http://receiver.example", "HTTPS://Receiver.Example:8443/a?b=c#d", "https://user:pass@receiver.example/",
		"http://8.8.8.8/", "http://[2606:4700::1111]:80/", "http://receiver.example./", "http://müller.example/",
		"http://xn--mller-kva.example/", "http://intranet/", "http://1.example/", "http://my_host.example/", "http://0x.example/",
	} {
		if err := s.CheckURL(raw); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
	allowed := senderFor(t, Config{AllowLoopback: true, Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, raw := range []string{"http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]/", "http://10.9.9.9/"} {
		if err := allowed.CheckURL(raw); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// The dialler checks what a name leads to, whatever was checked before.
func TestDiallerRefuses(t *testing.T) {
	hit := make(chan struct{}, 10)
	srv := serve(t, func(http.ResponseWriter, *http.Request) { hit <- struct{}{} })
	port := srv.URL[strings.LastIndexByte(srv.URL, ':'):]
	s := senderFor(t, Config{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "[::]"} {
		v := send(t, s, "http://"+host+port+"/")
		var forbidden *ForbiddenError
		noIPv6 := strings.HasPrefix(host, "[") && errors.Is(v.Err, syscall.EAFNOSUPPORT)
		if v.Outcome != outbox.Retry || !errors.As(v.Err, &forbidden) && !noIPv6 {
			t.Errorf("%s: %+v", host, v)
		}
	}
	if len(hit) != 0 {
		t.Error("a request arrived")
	}
	if v := send(t, local(t), srv.URL); v.Outcome != outbox.Delivered {
		t.Errorf("allowed: %+v", v)
	}
}

// Whatever is taken leads to no special address, read as Go's dialler or as a
// resolver in C would, and whatever is refused is not quoted.
func FuzzCheckURL(f *testing.F) {
	for _, raw := range hostile {
		f.Add(raw)
	}
	f.Add("https://my-system.com/newWebHook")
	s, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		err := s.CheckURL(raw)
		u, parseErr := url.Parse(raw)
		if err != nil {
			if parseErr == nil && len(u.RawQuery) > 12 && strings.Contains(err.Error(), u.RawQuery) {
				t.Errorf("%q: the error quotes the query: %v", raw, err)
			}
			return
		}
		host, err := toASCII(u.Hostname())
		if parseErr != nil || err != nil {
			t.Fatalf("%q was taken: %v, %v", raw, parseErr, err)
		}
		for _, h := range []string{host, strings.TrimRight(host, ".")} {
			a, err := netip.ParseAddr(h)
			if err != nil {
				if ip, ok := inetAton(h); ok {
					a = ip
				} else {
					continue
				}
			}
			// Judged again without our own tables, as far as net/netip goes.
			for _, a := range append([]netip.Addr{a, a.Unmap()}, embedded(a.WithZone(""))...) {
				if special(a) != "" || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() ||
					a.IsMulticast() || a.IsUnspecified() || a.Is4In6() {
					t.Errorf("%q leads to %v", raw, a)
				}
			}
		}
	})
}
