package configs

import (
	"math"
	"testing"
)

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		size Size
		back string
	}{
		{"0B", 0, "0B"},
		{"1B", 1, "1B"},
		{"1KiB", KiB, "1KiB"},
		{"1024KiB", MiB, "1MiB"},
		{"1025KiB", MiB + KiB, "1025KiB"},
		{"512 MiB", 512 * MiB, "512MiB"},
		{"10GiB", 10 * GiB, "10GiB"},
		{"2TiB", 2 * TiB, "2TiB"},
		{"-1MiB", -MiB, "-1MiB"},
		{"9223372036854775807B", math.MaxInt64, "9223372036854775807B"},
	} {
		got, err := ParseSize(tt.text)
		if err != nil || got != tt.size || got.String() != tt.back {
			t.Errorf("%s: got %d, %s, %v", tt.text, got, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                     `"" is not a size: write a whole number with a unit, as in 512MiB`,
		"1.5GiB":               `"1.5GiB" is not a size: write a whole number with a unit, as in 512MiB`,
		"GiB":                  `"GiB" is not a size: write a whole number with a unit, as in 512MiB`,
		"10":                   `"10" has no unit: write one of B, KiB, MiB, GiB, TiB, as in 10MiB`,
		"10M":                  `"10M": "M" is not a unit: write one of B, KiB, MiB, GiB, TiB`,
		"10mib":                `"10mib": "mib" is not a unit: write one of B, KiB, MiB, GiB, TiB`,
		"9000000TiB":           `"9000000TiB" is too large`,
		"-9000000TiB":          `"-9000000TiB" is too large`,
		"99999999999999999999": `"99999999999999999999" is too large`,
	} {
		if got, err := ParseSize(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %d, %v, want %s", text, got, err, want)
		}
	}
}
