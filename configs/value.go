package configs

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// set puts the value that text writes into a field of Config. Its error says
// what to write instead; field is untouched then.
func set(field reflect.Value, text string) error {
	switch p := field.Addr().Interface().(type) {
	case *time.Duration:
		return assign(p, text, parseDuration)
	case *Size:
		return assign(p, text, ParseSize)
	case *int:
		return assign(p, text, parseInt)
	case *bool:
		return assign(p, text, parseBool)
	case *slog.Level:
		return assign(p, text, parseLevel)
	case *netip.Prefix:
		return assign(p, text, parsePrefix)
	}
	if c, ok := reflect.TypeAssert[interface{ choices() []string }](field); ok && !slices.Contains(c.choices(), text) {
		return fmt.Errorf("%s is not one of %s", quote(text), strings.Join(c.choices(), ", "))
	}
	if field.Kind() != reflect.String {
		return fmt.Errorf("%s cannot be set", field.Type()) // a test holds that no key has such a type
	}
	field.SetString(text)
	return nil
}

func assign[T any](p *T, text string, parse func(string) (T, error)) error {
	v, err := parse(text)
	if err == nil {
		*p = v
	}
	return err
}

// setList puts a list into a field. The elements' errors come back by their
// position; field is untouched if there is one. An empty list is nil.
func setList(field reflect.Value, items []string) map[int]error {
	list := reflect.Zero(field.Type())
	bad := make(map[int]error)
	for i, item := range items {
		v := reflect.New(field.Type().Elem()).Elem()
		if err := set(v, item); err != nil {
			bad[i] = err
			continue
		}
		list = reflect.Append(list, v)
	}
	if len(bad) == 0 {
		field.Set(list)
	}
	return bad
}

// setVariable puts an environment variable's value into a field; lists are
// separated by commas.
func setVariable(field reflect.Value, text string) error {
	if field.Kind() != reflect.Slice {
		return set(field, text)
	}
	var items []string
	if strings.TrimSpace(text) != "" {
		for item := range strings.SplitSeq(text, ",") {
			items = append(items, strings.TrimSpace(item))
		}
	}
	bad := setList(field, items)
	for i := range items {
		if err := bad[i]; err != nil {
			return err
		}
	}
	return nil
}

// example is what a list of the field's type looks like in the file.
func example(field reflect.Value) string {
	if _, ok := reflect.TypeAssert[[]netip.Prefix](field); ok {
		return "[10.0.0.0/8, fd00::/8]"
	}
	return "[5s, 30s, 2m]"
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	number := strings.TrimRight(text, "dDw ")
	n, failed := strconv.Atoi(number)
	switch unit := strings.TrimSpace(text[len(number):]); {
	case failed != nil:
		return 0, fmt.Errorf("%s is not a duration: write a number with a unit (ms, s, m, h), as in 15s or 1h30m", quote(text))
	case unit == "":
		return 0, fmt.Errorf("%s has no unit: write one of ms, s, m, h, as in %ds", quote(text), n)
	case unit == "d" && n > 0 && n < 1e5:
		return 0, fmt.Errorf("%s: the largest unit is the hour: write %dh", quote(text), 24*n)
	}
	return 0, fmt.Errorf("%s: the largest unit is the hour, as in 168h for a week", quote(text))
}

func parseInt(text string) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is too large", quote(text))
	case err != nil:
		return 0, fmt.Errorf("%s is not a whole number", quote(text))
	}
	return n, nil
}

// parseBool takes the two words that YAML 1.2 has for it, and none of the many that
// others have.
func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, fmt.Errorf("%s is neither true nor false", quote(text))
	}
	return text == "true", nil
}

// levels are written in lower case only; slog itself would accept "INFO+2".
var levels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

func parseLevel(text string) (slog.Level, error) {
	l, ok := levels[text]
	if !ok {
		return 0, fmt.Errorf("%s is not one of debug, info, warn, error", quote(text))
	}
	return l, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	switch addr, isAddr := netip.ParseAddr(text); {
	case err == nil && p != p.Masked():
		return p, fmt.Errorf("%s has bits beyond its mask: write %s", quote(text), p.Masked())
	case err == nil:
		return p, nil
	case isAddr == nil && addr.Zone() == "":
		return p, fmt.Errorf("%s is an address, not a network: write %s/%d for this address alone", quote(text), addr, addr.BitLen())
	}
	return p, fmt.Errorf("%s is not a network: write it as in 10.0.0.0/8 or fd00::/8", quote(text))
}

// short writes a duration without the zero units that its String adds.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
