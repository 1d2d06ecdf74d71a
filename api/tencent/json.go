package tencent

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// object is a JSON object that was read. Values are object, []any, string, json.Number,
// bool and nil.
type object map[string]any

// The bounds of what is read. The longest call with any use has some 700 tokens.
const (
	maxDepth  = 16
	maxTokens = 4096
)

// Why text is not taken. Texts name what to do about it.
var (
	errBroken    = errors.New("it is broken, or something follows it")
	errEncoding  = errors.New("it is not valid UTF-8")
	errSurrogate = errors.New("a \\u escape is half a character: write surrogates in pairs")
	errDeep      = errors.New("it is nested more than " + strconv.Itoa(maxDepth) + " deep")
	errLong      = errors.New("it has more than " + strconv.Itoa(maxTokens) + " tokens")
	errSameName  = errors.New("an object has a name twice")
)

// parse reads one JSON value. Unlike encoding/json it refuses what that would mend or
// choose from: a name that stands twice in an object, text that is not valid UTF-8, and an
// escaped half of a surrogate pair. It keeps numbers as they are written, and its memory is
// bounded by the text's length.
func parse(text []byte) (any, error) {
	switch {
	case !utf8.Valid(text):
		return nil, errEncoding
	case !json.Valid(text):
		return nil, errBroken
	case halfCharacter(text):
		return nil, errSurrogate
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(text))}
	r.dec.UseNumber()
	return r.value(0)
}

// reader makes values of valid JSON.
type reader struct {
	dec    *json.Decoder
	tokens int
}

// token is the next one.
func (r *reader) token() (json.Token, error) {
	if r.tokens++; r.tokens > maxTokens {
		return nil, errLong
	}
	return r.dec.Token()
}

// value reads a value that is within so many others.
func (r *reader) value(depth int) (any, error) {
	t, err := r.token()
	if err != nil {
		return nil, err
	}
	open, ok := t.(json.Delim)
	switch {
	case !ok:
		return t, nil
	case depth == maxDepth:
		return nil, errDeep
	case open == '[':
		return r.array(depth + 1)
	}
	return r.object(depth + 1)
}

func (r *reader) array(depth int) (any, error) {
	all := []any{}
	for r.dec.More() {
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := r.token() // the bracket
	return all, err
}

func (r *reader) object(depth int) (any, error) {
	o := make(object)
	for r.dec.More() {
		t, err := r.token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, errBroken
		}
		if _, twice := o[name]; twice {
			return nil, errSameName
		}
		if o[name], err = r.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := r.token() // the brace
	return o, err
}

// halfCharacter reports whether valid JSON escapes a surrogate without its other half.
func halfCharacter(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 {
			return false
		}
		first, ok := escaped(text[at:])
		if !ok {
			text = text[at+2:]
			continue
		}
		text = text[at+6:]
		if !utf16.IsSurrogate(first) {
			continue
		}
		second, ok := escaped(text)
		if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		text = text[6:]
	}
}

// escaped reads the \uXXXX that text begins with, if it does.
func escaped(text []byte) (rune, bool) {
	const length = len(`\uXXXX`)
	if len(text) < length || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:length]), 16, 16)
	return rune(n), err == nil
}
