package api

import (
	"net/url"
	"strings"
)

// cleanPath makes runs of "/" one and leaves everything else of an escaped path
// alone: no dot segments are resolved and an encoded slash stays part of its
// segment. Some clients join a host that ends in "/" with a path that begins
// with one (WIRE.md §0). No path at all, which a target in absolute form may have, is
// the root (RFC 9112, 3.2.2).
func cleanPath(escaped string) string {
	if escaped == "" {
		return "/"
	}
	if !strings.Contains(escaped, "//") {
		return escaped
	}
	var b strings.Builder
	b.Grow(len(escaped))
	slash := false
	for i := range len(escaped) {
		c := escaped[i]
		if c == '/' && slash {
			continue
		}
		slash = c == '/'
		b.WriteByte(c)
	}
	return b.String()
}

// segments splits what follows the prefix of a clean path, decoded. ok is false
// for a path that is not below prefix, or that holds an empty or undecodable
// segment.
func segments(path, prefix string) (segs []string, ok bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return nil, false
	}
	for s := range strings.SplitSeq(rest, "/") {
		dec, err := url.PathUnescape(s)
		if err != nil || dec == "" {
			return nil, false
		}
		segs = append(segs, dec)
	}
	return segs, true
}
