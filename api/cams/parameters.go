package cams

import (
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// parameters are those of a call by their names, decoded.
type parameters map[string]string

// maxParameters is how many a call may have. The operations know five, and signatures ten.
const maxParameters = 256

// add reads the parameters of a query or a form and adds them. One that is there already
// is an error, as there would be two readings of what was signed.
func (p parameters) add(text string) error {
	for name, value := range pairs(text) {
		name, err := url.QueryUnescape(name)
		if err != nil {
			return incomplete("a parameter is not percent-encoded")
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			return incomplete("a parameter is not percent-encoded")
		}
		if _, twice := p[name]; twice {
			return incomplete("a parameter is given twice")
		}
		if len(p) == maxParameters {
			return incomplete("there are too many parameters")
		}
		p[name] = value
	}
	return nil
}

// pairs are the names and values of a query or a form as they are. A name without "=" has
// the empty value.
func pairs(text string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for pair := range strings.SplitSeq(text, "&") {
			if pair == "" {
				continue
			}
			if name, value, _ := strings.Cut(pair, "="); !yield(name, value) {
				return
			}
		}
	}
}

// canonical is the one text that parameters are signed as: by their names in the order of
// bytes, encoded.
func (p parameters) canonical() string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(p)) {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(encode(name))
		b.WriteByte('=')
		b.WriteString(encode(p[name]))
	}
	return b.String()
}

// without are the parameters but one. They share nothing.
func (p parameters) without(name string) parameters {
	out := maps.Clone(p)
	delete(out, name)
	return out
}

// encode is RFC 3986's percent-encoding of everything but its unreserved characters.
func encode(s string) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upper[c>>4])
			b.WriteByte(upper[c&15])
		}
	}
	return b.String()
}
