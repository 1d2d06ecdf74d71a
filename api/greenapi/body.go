package greenapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"
)

// maxBody bounds a body of JSON.
const maxBody = 1 << 20

// body reads the whole body.
func (r *request) body() ([]byte, error) {
	if err := r.tooLarge(); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r.http.Body)
	return text, brokenOff(err)
}

// brokenOff is what the caller is told of a body that could not be read to its end:
// the system's own words name addresses.
func brokenOff(err error) error {
	if large := (*http.MaxBytesError)(nil); err == nil || errors.As(err, &large) {
		return err
	}
	return errBadData
}

// decode reads the body's JSON object into v, whatever the request says of its type.
// Unknown keys are ignored.
func (r *request) decode(v any) error {
	text, err := r.body()
	if err != nil {
		return err
	}
	return parse(text, v)
}

// parse reads one JSON object. The byte order mark that some frameworks put before it
// is passed over. What was refused may have changed v.
func parse(text []byte, v any) error {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		return errBadData
	}
	var value json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(text))
	err := dec.Decode(&value)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return unexpected(text, int(syntax.Offset)-1)
	case err != nil: // there is no more
		return &failure{status: http.StatusBadRequest, message: "Unexpected end of JSON input"}
	}
	end := int(dec.InputOffset())
	if rest := bytes.TrimLeft(text[end:], " \t\r\n"); len(rest) > 0 {
		return unexpected(text, len(text)-len(rest))
	}
	if value[0] != '{' {
		return errBadData
	}
	err = json.Unmarshal(value, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return invalid(wrong.Field, "cannot be a "+wrong.Value)
	case err != nil:
		return errBadData
	}
	return nil
}

// unexpected is JavaScript's word for broken JSON, which is the hosted service's.
func unexpected(text []byte, at int) error {
	token, _ := utf8.DecodeRune(text[min(max(at, 0), len(text)-1):])
	return &failure{status: http.StatusBadRequest, message: fmt.Sprintf("Unexpected token %c in JSON at position %d", token, at)}
}
