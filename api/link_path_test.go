package api

import (
	"regexp"
	"strings"
	"testing"
)

// asked is what parseLink takes.
var asked = regexp.MustCompile(`\A/m/([a-z2-7]{24})(\.png|\.svg|)\z`)

func FuzzLinkPath(f *testing.F) {
	token := strings.Repeat("a2z7", 6)
	for _, p := range []string{
		"/m/" + token, "/m/" + token + ".png", "/m/" + token + ".svg", "/m/" + token + ".PNG", "/m/" + token + ".", "/m/" + token + ".png.svg",
		"/m/" + token + "/", "/m/" + token[1:], "/m/" + token + "a", "/m/" + strings.ToUpper(token), "/m/" + token[1:] + "1", "/m/" + token[1:] + "8", "/m/" + token[3:] + "é",
		"/m/", "/m", "", "m/" + token, "/n/" + token, "/m//" + token, "/m/" + token + "\n", "/m/." + token,
	} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		want := asked.FindStringSubmatch(path)
		l, ok := parseLink(path)
		switch {
		case ok != (want != nil):
			t.Errorf("%q: %v", path, ok)
		case ok && (l.token != want[1] || l.image != strings.TrimPrefix(want[2], ".")):
			t.Errorf("%q: %+v", path, l)
		case !ok && l != link{}:
			t.Errorf("%q: %+v of what was refused", path, l)
		}
	})
}
