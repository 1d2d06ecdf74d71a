package picture

import "errors"

// Error says why a file cannot be taken as a picture. Its text is for whoever sent
// the file and holds nothing of it.
type Error struct {
	Reason string
	cause  error // what the reader or the decoder said, nil if neither did
}

func (e *Error) Error() string { return e.Reason }

func (e *Error) Unwrap() error { return e.cause }

// ErrBusy says that too much is being uploaded at once. It passes by itself.
var ErrBusy = errors.New("too many pictures are being uploaded at once: try again in a moment")

// What is wrong with files, in words for people.
var (
	errLarge   = &Error{Reason: "is larger than 10 MiB: make it smaller"}
	errEmpty   = &Error{Reason: "is empty"}
	errBroken  = &Error{Reason: "did not arrive whole: send it again"}
	errCut     = &Error{Reason: "is cut off or damaged: it cannot be decoded"}
	errPixels  = &Error{Reason: "has more than 64 megapixels: make it smaller"}
	errHeavy   = &Error{Reason: "needs too much memory to decode: make it smaller, or save it as a plain (not progressive) JPEG"}
	errScans   = &Error{Reason: "has more than 64 passes: save it as a plain (not progressive) JPEG"}
	errNothing = &Error{Reason: "has no pixels"}
	errSlow    = &Error{Reason: "takes too long to decode: make it smaller"}
)
