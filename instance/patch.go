package instance

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/record"
)

// Patch is a partial change of an instance's configuration; nil fields keep
// their value.
type Patch struct {
	Webhook    *string
	UserAgent  *string
	APIVersion *string // "1.0" or "1.1"
	CanBulk    *bool
}

// Apply answers the configuration with the patch applied, or an
// [*InvalidError].
func (p Patch) Apply(c record.Config) (record.Config, error) {
	if p.APIVersion != nil {
		if *p.APIVersion != "1.0" && *p.APIVersion != "1.1" {
			return c, &InvalidError{"APIVersion", `must be "1.0" or "1.1"`}
		}
		c.APIVersion = *p.APIVersion
	}
	if p.UserAgent != nil {
		if !plain(*p.UserAgent) {
			return c, &InvalidError{"user_agent", "must be at most 512 bytes of plain text"}
		}
		c.UserAgent = *p.UserAgent
	}
	if p.Webhook != nil {
		c.Webhook = *p.Webhook
	}
	if p.CanBulk != nil {
		c.CanBulk = *p.CanBulk
	}
	return c, nil
}

const maxUserAgent = 512

// plain reports whether s can be shown on a phone and kept as it is.
func plain(s string) bool {
	return len(s) <= maxUserAgent && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
