package configs

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as a whole number with a binary unit:
// 512MiB.
type Size int64

// The units of a [Size].
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
	TiB Size = 1 << 40
)

var units = []struct {
	name string
	size Size
}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// String writes the size in the largest unit that leaves it whole.
func (s Size) String() string {
	for _, u := range units {
		if s%u.size == 0 && s != 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return "0B"
}

// ParseSize is the inverse of [Size.String]. The unit is required, so that
// nobody has to know what a bare number would count; KB, MB and the like are
// refused because half of their users mean 1000 and the other half 1024.
func ParseSize(text string) (Size, error) {
	digits := strings.TrimRight(text, "BKMGTPEibkmgtpe ")
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is too large", quote(text))
	case err != nil:
		return 0, fmt.Errorf("%s is not a size: write a whole number with a unit, as in 512MiB", quote(text))
	}
	unit := strings.TrimSpace(text[len(digits):])
	for _, u := range units {
		if unit != u.name {
			continue
		}
		if n > math.MaxInt64/int64(u.size) || n < math.MinInt64/int64(u.size) {
			return 0, fmt.Errorf("%s is too large", quote(text))
		}
		return Size(n) * u.size, nil
	}
	if unit == "" {
		return 0, fmt.Errorf("%s has no unit: write one of B, KiB, MiB, GiB, TiB, as in %sMiB", quote(text), digits)
	}
	return 0, fmt.Errorf("%s: %s is not a unit: write one of B, KiB, MiB, GiB, TiB", quote(text), quote(unit))
}
