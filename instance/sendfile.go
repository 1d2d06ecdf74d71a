package instance

import (
	"context"
	"errors"
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/record"
)

// MaxFile is how many bytes a file to send has at most.
const MaxFile = 100 << 20

// MaxUploads bounds the files of an instance that are on their way to WhatsApp's
// media servers at once.
const MaxUploads = 8

// What is said of a file, in bytes: names are as long as common file systems take
// them.
const (
	maxFileName = 255
	maxMIME     = 128
)

// File is a file to send to one person; its content comes beside it.
type File struct {
	ID      string // the message's id; empty makes one up
	To      string // digits, or a JID
	Name    string // what the recipient sees it called, without a path
	MIME    string // image/jpeg and image/png are shown as pictures, others as documents
	Caption string // what is written with it; may be empty
}

// Check refuses what cannot be sent, whatever the connection does, with an
// [*InvalidError]. It knows nothing of the content.
func (f File) Check() error {
	media, _, err := mime.ParseMediaType(f.MIME)
	switch {
	case f.To == "":
		return &InvalidError{"to", "must be a phone number in international form, or a JID"}
	case len(f.ID) > 128:
		return &InvalidError{"id", "must have at most 128 bytes; leave it out to have one made"}
	case f.Name == "" || len(f.Name) > maxFileName || !utf8.ValidString(f.Name) || strings.ContainsAny(f.Name, `/\`) || strings.ContainsFunc(f.Name, unicode.IsControl):
		return &InvalidError{"name", "must be a file's name such as invoice.pdf: UTF-8 of at most 255 bytes, without a path"}
	case err != nil || len(f.MIME) > maxMIME || !strings.Contains(media, "/"):
		return &InvalidError{"mime", "must be a media type such as application/pdf"}
	case len(f.Caption) > maxText || !utf8.ValidString(f.Caption):
		return &InvalidError{"caption", "must be UTF-8 of at most 65536 bytes"}
	}
	return nil
}

// SendFile sends a file to one person and answers what was sent once WhatsApp has
// taken it over and that is recorded as message.sent, with Media. It takes at most
// Timing.Upload and then Timing.Command. Whether it was delivered and read follows
// as message.receipt. Errors are those of [Instance.Send]; an [ErrNotUploaded] in a
// [*SendError] says that nothing was sent, and an error that wraps [ErrFull] that
// the disk has no room for it. When ctx, the connection or the instance ends while
// the file is being uploaded, nothing is sent.
//
// content is read from its beginning to its end. It may still be being read for a
// moment after SendFile has failed, so it must bear to be closed meanwhile, as an
// *os.File does.
func (i *Instance) SendFile(ctx context.Context, f File, content io.ReadSeeker) (record.Message, error) {
	if err := f.Check(); err != nil {
		return record.Message{}, err
	}
	if err := checkContent(content); err != nil {
		return record.Message{}, err
	}
	r, err := i.askFor(ctx, i.cfg.Timing.Upload+i.cfg.Timing.Command, func(c *command) {
		switch {
		case !i.canSend():
			i.answer(c, ErrNotConnected)
			return
		case i.uploading >= MaxUploads:
			i.answer(c, ErrBusy)
			return
		}
		i.uploading++
		try := i.try
		ctx, cancel := context.WithTimeout(try.ctx, i.cfg.Timing.Upload)
		stop := context.AfterFunc(c.ctx, cancel)
		i.child(func() {
			defer cancel()
			defer stop()
			send, err := try.conn.Upload(ctx, f, content)
			i.post(mail{then: func(ctx context.Context) { i.uploaded(ctx, c, try, send, err) }})
		})
	})
	return r.message, err
}

// checkContent refuses a content of no bytes, or too many.
func checkContent(content io.Seeker) error {
	size, err := content.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	switch {
	case err != nil:
		return &SendError{&notUploadedError{err}}
	case size == 0:
		return &InvalidError{"file", "is empty"}
	case size > MaxFile:
		return &InvalidError{"file", "is larger than 100 MiB"}
	}
	return nil
}

// uploaded sends the message that a file belongs to, unless the connection that it
// was uploaded on, or whoever has asked for it, has gone meanwhile.
func (i *Instance) uploaded(ctx context.Context, c *command, try *attempt, send Sending, err error) {
	i.uploading--
	invalid := (*InvalidError)(nil)
	switch {
	case c.ctx.Err() != nil:
		i.answer(c, ErrNotReady) // nobody hears it
	case ctx.Err() != nil:
		i.answer(c, ErrStopping)
	case errors.As(err, &invalid), errors.Is(err, ErrFull):
		i.answer(c, err)
	case i.try != try, !i.canSend(), errors.Is(err, ErrNotConnected):
		i.answer(c, ErrNotConnected)
	case err != nil:
		i.answer(c, &SendError{&notUploadedError{err}})
	case i.sending >= maxSending:
		i.answer(c, ErrBusy)
	default:
		i.launch(c, send)
	}
}

// ErrNotUploaded in a [SendError] says that a file did not reach WhatsApp's media
// servers: no message was sent.
var ErrNotUploaded = errors.New("the file could not be uploaded, and nothing was sent")

// notUploadedError is ErrNotUploaded with the reason.
type notUploadedError struct{ err error }

func (e *notUploadedError) Error() string        { return ErrNotUploaded.Error() + ": " + e.err.Error() }
func (e *notUploadedError) Is(target error) bool { return target == ErrNotUploaded }
func (e *notUploadedError) Unwrap() error        { return e.err }
