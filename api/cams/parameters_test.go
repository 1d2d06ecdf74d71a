package cams

import (
	"errors"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParameters(t *testing.T) {
	many := make([]string, maxParameters)
	for i := range many {
		many[i] = "p" + strconv.Itoa(i)
	}
	for text, want := range map[string]parameters{
		"":                             {},
		"a=1&b=2":                      {"a": "1", "b": "2"},
		"&&a=1&":                       {"a": "1"},
		"a":                            {"a": ""},
		"a=":                           {"a": ""},
		"=1":                           {"": "1"},
		"a=b=c":                        {"a": "b=c"},
		"a+b=c+d%20e":                  {"a b": "c d e"},
		"a=%2B%26%3d":                  {"a": "+&="},
		"a=1;b=2":                      {"a": "1;b=2"},
		"a=%d7%A9":                     {"a": "ש"},
		"a=%ff":                        {"a": "\xff"},
		"a=1&A=1":                      {"a": "1", "A": "1"},
		"a=1&a=1":                      nil,
		"a=1&a=2":                      nil,
		"a=1&%61=2":                    nil,
		"a=%":                          nil,
		"a=%2":                         nil,
		"%zz=1":                        nil,
		strings.Join(many, "&") + "&":  {},
		strings.Join(many, "&") + "&x": nil,
	} {
		got := make(parameters)
		err := got.add(text)
		switch {
		case want == nil:
			var f *failure
			if !errors.As(err, &f) || f.code != "IncompleteSignature" || f.why == "" {
				t.Errorf("%q: %v", text, err)
			}
		case err != nil:
			t.Errorf("%q: %v", text, err)
		case len(text) < 100 && !maps.Equal(got, want):
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestCanonical(t *testing.T) {
	p := parameters{"b": "", "a~": "~-_.", "B": "!'()*", "a": "é +\n", "": "="}
	const want = "=%3D&B=%21%27%28%29%2A&a=%C3%A9%20%2B%0A&a~=~-_.&b="
	if got := p.canonical(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := p.without("a~").canonical(); got != strings.Replace(want, "&a~=~-_.", "", 1) || len(p) != 5 {
		t.Errorf("%s of %d", got, len(p))
	}
}

// FuzzParameters: net/url reads the same, where it reads at all, and what is canonical is
// read as the same again.
func FuzzParameters(f *testing.F) {
	for _, v := range vectors(f) {
		c := v.call()
		f.Add(c.query, v.Body)
	}
	f.Add("a=%zz&&=", "a;b=c+d&a")
	f.Fuzz(func(t *testing.T, query, form string) {
		got := make(parameters)
		if got.add(query) != nil || got.add(form) != nil {
			return
		}
		again := make(parameters)
		text := got.canonical()
		if err := again.add(text); err != nil || !maps.Equal(got, again) || again.canonical() != text {
			t.Errorf("%q is %q, and that is %q (%v)", got, text, again, err)
		}
		if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%&=") != "" {
			t.Errorf("%q is not encoded", text)
		}
		theirs, err := url.ParseQuery(query + "&" + form)
		if err != nil {
			return // it refuses semicolons
		}
		ours := make(url.Values)
		for name, value := range got {
			ours.Set(name, value)
		}
		if !reflect.DeepEqual(ours, theirs) {
			t.Errorf("%q, net/url has %q", ours, theirs)
		}
	})
}

// FuzzAuthorization: what is read of the header stands there, and nothing else does.
func FuzzAuthorization(f *testing.F) {
	for _, v := range vectors(f) {
		if v.isV3() {
			f.Add(v.Headers["Authorization"])
		}
	}
	f.Add("ACS3-HMAC-SHA256 Credential=a,SignedHeaders=,Signature=")
	f.Add("ACS3-HMAC-SHA256 Signature=a, Credential=b,\tSignedHeaders=c;;d")
	f.Add("ACS3-HMAC-SM3 Credential=a,SignedHeaders=b,Signature=c")
	f.Fuzz(func(t *testing.T, value string) {
		a, err := parseAuthorization([]string{value})
		if err != nil {
			if a != nil || !errors.Is(err, errMethod) && err.Error() != "IncompleteSignature" {
				t.Errorf("%q: %v, %+v", value, err, a)
			}
			return
		}
		parts := []string{"Credential=" + a.credential, "SignedHeaders=" + strings.Join(a.headers, ";"), "Signature=" + a.signature}
		_, rest, _ := strings.Cut(value, " ")
		there := strings.Split(rest, ",")
		for i := range there {
			there[i] = strings.Trim(there[i], " \t")
		}
		slices.Sort(parts)
		slices.Sort(there)
		if !slices.Equal(parts, there) {
			t.Errorf("%q: %q", value, parts)
		}
	})
}

func TestMoment(t *testing.T) {
	for _, text := range []string{
		"", "2026-01-02T03:04:05", "2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05.0Z", "2026-01-02T03:04:05,5Z", "2026-01-02 03:04:05Z",
		"2026-1-2T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:04:60Z", "2026-01-02t03:04:05z", "1767323045",
		"Fri, 02 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05Z ", "20260102T030405Z", "2026-01-02T3:04:05Z",
	} {
		if at, err := moment(text); !errors.Is(err, errTimeFormat) {
			t.Errorf("%q: %v, %v", text, at, err)
		}
	}
	if at, err := moment("2026-01-02T03:04:05Z"); err != nil || at.Unix() != 1767323045 {
		t.Errorf("%v, %v", at, err)
	}
}

// FuzzMoment: a time that is read is written as it stood there.
func FuzzMoment(f *testing.F) {
	f.Add("2026-01-02T03:04:05Z")
	f.Add("2026-01-02T03:04:05.000Z")
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := moment(text); err == nil && (at.Format(timestamp) != text || at.Nanosecond() != 0) {
			t.Errorf("%q: %v", text, at)
		}
	})
}
