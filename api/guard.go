package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// guard decides who may use the admin API.
type guard struct {
	token  [sha256.Size]byte
	open   bool   // there is a token
	public string // host[:port] of the public URL, lower case
	uid    int    // the daemon's own user
}

func newGuard(token, publicURL string) guard {
	g := guard{token: sha256.Sum256([]byte(token)), open: token != "", uid: os.Geteuid()}
	if u, err := url.Parse(publicURL); err == nil {
		g.public = strings.ToLower(u.Host)
	}
	return g
}

// admit answers nil, or why the request is refused.
func (g guard) admit(r *http.Request) *failure {
	if p, ok := peerOf(r.Context()); ok {
		return g.admitPeer(p)
	}
	if why := g.foreign(r); why != nil {
		return why
	}
	if !g.open {
		return &failure{Status: http.StatusForbidden, Code: "no_token", Message: "the admin API is not served here without a token: " +
			"set admin.token in the daemon's configuration, or use its unix socket on the machine itself"}
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(given)))
	right := subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
	if !right || !strings.EqualFold(scheme, "Bearer") {
		return &failure{Status: http.StatusUnauthorized, Code: "unauthorized", Message: "the admin API wants the daemon's admin.token as a bearer token"}
	}
	return nil
}

// admitPeer lets root and the daemon's own user in.
func (g guard) admitPeer(p peer) *failure {
	if p.err == nil && (p.uid == 0 || p.uid == g.uid) {
		return nil
	}
	return &failure{Status: http.StatusForbidden, Code: "forbidden", Message: "the admin socket is for root and the daemon's own user"}
}

// foreign refuses what a page of another site makes a browser send. A page
// reached by a name that we do not know as ours is foreign even when the name
// leads here: that is how DNS rebinding looks.
func (g guard) foreign(r *http.Request) *failure {
	refused := &failure{Status: http.StatusForbidden, Code: "foreign_origin", Message: "the admin API is not for pages of other sites: " +
		"if this is the daemon's own name, set public_url in its configuration"}
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return refused
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return refused // "null" too
	}
	host := strings.ToLower(u.Host)
	if host == g.public || (host == strings.ToLower(r.Host) && literal(u.Hostname())) {
		return nil
	}
	return refused
}

// literal reports whether no DNS answer decides where host leads.
func literal(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}
