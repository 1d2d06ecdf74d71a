package api

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// ErrNotStored says that the file of a message was not downloaded yet, or was
// cleared since.
var ErrNotStored = errors.New("the file is not stored: download it first, with switchhook media NAME SEQ or POST to the same path")

// Messages sends, and fetches what came with messages.
type Messages interface {
	// Send sends a text to one person and answers once WhatsApp has taken it over.
	// It may fail with instance.ErrBusy, and with an *instance.SendError when the
	// text may have been sent or not.
	Send(ctx context.Context, id string, t instance.Text) (record.Message, error)
	// Fetch downloads the file that came with the message of an event, unless it is
	// stored already, and answers where it is. It takes 2 min at most. It may fail
	// with instance.ErrFull, instance.ErrGone and an *instance.FetchError.
	Fetch(ctx context.Context, id string, seq uint64) (record.File, error)
	// Stored opens the stored file of an event's message, or answers ErrNotStored.
	// The caller closes it.
	Stored(ctx context.Context, id string, seq uint64) (Stored, error)
}

// Stored is an open file that came with a message.
type Stored struct {
	record.File
	MIME       string // as the sender says
	ModifiedAt time.Time
	Content    io.ReadSeekCloser
}
