package api

import (
	"context"
	"io"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Files sends files.
type Files interface {
	// SendFile sends a picture or a document to one person and answers once WhatsApp
	// has taken it over. Nothing of content is read where it is known before that it
	// cannot be sent. Otherwise it is read to its end, at most instance.MaxFile bytes,
	// before anything leaves; it is the caller's to end a content that does not end.
	//
	// Name may be a whole path, of which the last part counts, and MIME empty, or
	// application/octet-stream, or wrong for a picture: it is found out then. Errors
	// are those of Send, where an *instance.SendError that is an
	// instance.ErrNotUploaded says that nothing was sent, and instance.ErrFull. One
	// from content itself comes back in a [*ContentError]; an
	// *instance.InvalidError of the field "file" is about its size.
	SendFile(ctx context.Context, id string, f instance.File, content io.Reader) (record.Message, error)
	// HoldFile opens a file without a name for a content of which it is not known yet
	// where it goes. It counts as the instance's until it is closed. SendFile takes it
	// from its beginning, without holding it once more. It, and its Write, fail with
	// instance.ErrFull where there is no room.
	HoldFile(ctx context.Context, id string) (HeldFile, error)
}

// HeldFile is a file that [Files.HoldFile] has opened. The caller closes it.
type HeldFile = interface {
	io.ReadWriteSeeker
	io.Closer
}

// ContentError says that a content could not be read to its end. Nothing was done.
type ContentError struct{ Err error }

func (e *ContentError) Error() string { return "the file broke off: " + e.Err.Error() }

func (e *ContentError) Unwrap() error { return e.Err }
