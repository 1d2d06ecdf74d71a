// Package reply writes JSON answers the way every dialect wants them: compact,
// keys in the order of the struct, and "&", "<" and ">" left as they are,
// because clients compare addresses as strings.
package reply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Type is the media type of every JSON answer.
const Type = "application/json; charset=utf-8"

// Encode answers v as compact JSON without a final newline.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// JSON answers the request with v. A value that cannot be encoded is a mistake
// in the program and panics, before anything was sent.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := Encode(v)
	if err != nil {
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", Type)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone; there is nobody to tell
}

// Error is the plain form of an error: {"error":"…"}.
type Error struct {
	Error string `json:"error"`
}
