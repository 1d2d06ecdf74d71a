package greenapi

import (
	"net/url"
	"strconv"
	"strings"
)

// prefix begins every path of this dialect, in any case.
const prefix = "/waInstance"

// Owns reports whether a clean, escaped path is this dialect's.
func Owns(path string) bool {
	return len(path) >= len(prefix) && strings.EqualFold(path[:len(prefix)], prefix)
}

// MaxBody bounds the body of a request for a clean, escaped path.
func MaxBody(path string) int64 {
	if m := methods[parsePath(path).method]; m != nil && m.body > 0 {
		return m.body
	}
	return maxBody
}

// target is what a path names.
type target struct {
	id     int64  // 0: none that an instance can have
	method string // in lower case
	token  string
	rest   []string // what follows the token
}

// maxDigits is how long an idInstance may be.
const maxDigits = 10

// parsePath reads a clean, escaped path. What is missing, or not well escaped, is
// empty; one slash at the end says nothing.
func parsePath(path string) (t target) {
	if !Owns(path) {
		return t
	}
	segments := strings.Split(strings.TrimSuffix(path[len(prefix):], "/"), "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			plain = ""
		}
		segments[i] = plain
	}
	t.id = parseID(segments[0])
	if len(segments) > 1 {
		t.method = strings.ToLower(segments[1])
	}
	if len(segments) > 2 {
		t.token = segments[2]
		t.rest = segments[3:]
	}
	return t
}

// parseID reads an idInstance, 0 for what is none.
func parseID(s string) int64 {
	if s == "" || len(s) > maxDigits || strings.Trim(s, "0123456789") != "" {
		return 0
	}
	n, _ := strconv.ParseInt(s, 10, 64) // ten digits always fit
	return n
}
