package configs

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that must not be seen: every way of printing, logging or
// marshalling it writes "[redacted]", or nothing if it is empty. Only
// [Secret.Reveal] and a conversion give it away. (fmt asks no type about
// the verbs %p and %w, and shows the value.)
type Secret string

const redacted = "[redacted]"

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is "[redacted]", or empty if the secret is.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter. String alone would not do: fmt shows the
// bare value to a verb that does not suit it, such as %d.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText covers encoding/json, encoding/xml and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
