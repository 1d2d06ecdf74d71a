package witi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/instance"
)

// parameter is the first value of that name in a raw query, names compared
// without regard to case; empty if there is none. A pair that is not well
// encoded is passed over.
func parameter(query, name string) string {
	for pair := range strings.SplitSeq(query, "&") {
		k, v, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(k)
		if err != nil || !strings.EqualFold(key, name) {
			continue
		}
		if value, err := url.QueryUnescape(v); err == nil {
			return value
		}
	}
	return ""
}

// bodyError marks a body that could not be taken; its text is for the caller.
type bodyError struct{ err error }

func (e bodyError) Error() string { return e.err.Error() }
func (e bodyError) Unwrap() error { return e.err }

// parseGenerate reads the body of generate_qrcode, which may be empty.
func parseGenerate(body []byte) (userAgent *string, err error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	var b struct {
		UserAgent *string `json:"user_agent"`
	}
	if err := parse(body, &b); err != nil {
		return nil, err
	}
	return b.UserAgent, nil
}

// parseConfig reads the body of set_config.
func parseConfig(body []byte) (instance.Patch, error) {
	var b struct {
		Webhook    *string `json:"webhook"`
		UserAgent  *string `json:"user_agent"`
		CanBulk    *bool   `json:"APIVersionCanBulk"`
		APIVersion *string `json:"APIVersion"`
	}
	if err := parse(body, &b); err != nil {
		return instance.Patch{}, err
	}
	return instance.Patch{Webhook: b.Webhook, UserAgent: b.UserAgent, CanBulk: b.CanBulk, APIVersion: b.APIVersion}, nil
}

// parse reads one JSON object, whatever the request said of its type. Unknown
// keys are ignored, and so is the byte order mark that some editors and
// frameworks put before it.
func parse(body []byte, v any) error {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if !utf8.Valid(body) {
		return bodyError{errors.New("the body is not UTF-8")}
	}
	if !bytes.HasPrefix(body, []byte("{")) {
		return bodyError{errors.New("the body is not a JSON object")}
	}
	err := json.Unmarshal(body, v)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return bodyError{fmt.Errorf("%s cannot be a %s", wrong.Field, wrong.Value)}
	}
	if err != nil {
		return bodyError{fmt.Errorf("the body is not JSON: %w", err)}
	}
	return nil
}
