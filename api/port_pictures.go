package api

import (
	"context"
	"errors"
	"io"

	"github.com/switchhook/switchhook/record"
)

// ErrNoPicture says that no picture was set here, or that it was cleared since, or
// that a token leads to none.
var ErrNoPicture = errors.New("there is no picture: switchhook instance picture NAME FILE sets one")

// MaxPicture is the most that SetPicture reads of a file, in bytes. A handler that
// lets more through learns from it that the file is too large.
const MaxPicture = 10 << 20

// Pictures is about what accounts show of themselves.
type Pictures interface {
	// SetPicture makes a JPEG file the account's own picture: the middle of it, in a
	// square of 640 pixels at most, upright and without metadata. It answers once
	// WhatsApp has taken it. A reader that blocks is for the caller to bound. It
	// fails with an *instance.InvalidError about the field "image" for a file that
	// cannot be taken, instance.ErrNotConnected before anything is read, and errors
	// that wrap instance.ErrFull, instance.ErrPictureRefused or instance.ErrBusy;
	// nothing was changed then. With an *instance.PictureError, which is an
	// instance.ErrNotReady, WhatsApp may have taken it, and nothing is stored.
	SetPicture(ctx context.Context, id string, image io.Reader) (record.Picture, error)
	// OwnPicture answers the picture that was last set here; false if there is none.
	// What was set on the phone is not known.
	OwnPicture(ctx context.Context, id string) (record.Picture, bool, error)
	// OpenPicture opens the picture that a token leads to, or its thumbnail, or
	// answers ErrNoPicture. The caller closes it. How long it takes tells nothing of
	// tokens there are.
	OpenPicture(ctx context.Context, token string, thumb bool) (Stored, error)
	// Contact asks WhatsApp who a phone number or a JID is. It fails with an
	// *instance.InvalidError about the field "jid", instance.ErrNotConnected,
	// instance.ErrBusy or an instance.ErrNotReady.
	Contact(ctx context.Context, id, jid string) (record.Contact, error)
}
