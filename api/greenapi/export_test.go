package greenapi

import (
	"slices"
	"strconv"
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
