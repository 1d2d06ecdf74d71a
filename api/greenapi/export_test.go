package greenapi

import (
	"slices"
	"strconv"
	"strings"
)

// Methods are the names of all methods.
func Methods() (names []string) {
	for _, m := range methods {
		names = append(names, m.name)
	}
	slices.Sort(names)
	return names
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Verb is a method's.
func Verb(name string) string { return methods[strings.ToLower(name)].verb }
