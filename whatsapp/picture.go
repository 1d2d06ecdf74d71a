package whatsapp

import (
	"context"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/instance"
)

// SetPicture implements [instance.Conn]. The library sets the account's own picture
// as that of a group with no name (read in v0.0.0-20251217143725, and seen on the
// wire: an iq w:profile:picture without a target).
func (c *conn) SetPicture(ctx context.Context, jpeg []byte) (string, error) {
	if len(jpeg) == 0 {
		return "", &instance.InvalidError{Field: "image", Problem: "must not be empty"} // it would take the picture away
	}
	if !c.LoggedOn() {
		return "", instance.ErrNotConnected
	}
	id, err := c.client.SetGroupPhoto(ctx, types.EmptyJID, jpeg)
	if err != nil {
		return "", fmt.Errorf("set the picture: %w", pictureError(err))
	}
	return id, nil
}

// pictureError tells what WhatsApp has refused from what it has not answered.
func pictureError(err error) error {
	var refused *whatsmeow.IQError
	switch {
	case errors.Is(err, whatsmeow.ErrInvalidImageFormat):
		return fmt.Errorf("%w: it does not take this image", instance.ErrPictureRefused)
	case errors.As(err, &refused) && refused.Code == 429:
		return fmt.Errorf("%w: it was changed too often, try again later", instance.ErrPictureRefused)
	case errors.As(err, &refused) && refused.Code >= 400 && refused.Code < 500:
		return fmt.Errorf("%w with code %d", instance.ErrPictureRefused, refused.Code)
	default:
		return questionError(err)
	}
}

var errCut = errors.New("the connection was lost before the answer came")

// about reports whether an error is, or wraps, one of a type.
func about[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}
