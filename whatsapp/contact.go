package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Contact implements [instance.Conn]. Whether a phone number has WhatsApp is asked
// by that number, and the picture by the JID that WhatsApp then gives: it knows some
// numbers in another form. A hidden number or a group cannot be asked after, only
// its picture: it is taken to exist.
func (c *conn) Contact(ctx context.Context, of string) (record.Contact, error) {
	jid, err := addressee(of)
	if err != nil {
		return record.Contact{}, err
	}
	if !c.LoggedOn() {
		return record.Contact{}, instance.ErrNotConnected
	}
	found := record.Contact{JID: text(jid), Exists: true}
	if jid.Server == types.DefaultUserServer {
		if jid, found.Exists, err = c.onWhatsApp(ctx, jid); err != nil {
			return record.Contact{}, err
		}
		if !found.Exists {
			return found, nil
		}
		found.JID = text(jid)
	}
	if found.PictureURL, err = c.pictureOf(ctx, jid); err != nil {
		return record.Contact{}, err
	}
	return found, nil
}

// onWhatsApp asks whether a phone number has WhatsApp, and answers how WhatsApp
// spells it.
func (c *conn) onWhatsApp(ctx context.Context, jid types.JID) (types.JID, bool, error) {
	answers, err := c.client.IsOnWhatsApp(ctx, []string{"+" + jid.User})
	if err != nil {
		return jid, false, fmt.Errorf("ask after a number: %w", questionError(err))
	}
	for _, a := range answers {
		if a.IsIn && isUser(plain(a.JID)) {
			return plain(a.JID), true, nil
		}
	}
	return jid, false, nil
}

// pictureOf answers where somebody's picture is, "" if there is none to be seen.
func (c *conn) pictureOf(ctx context.Context, jid types.JID) (string, error) {
	info, err := c.client.GetProfilePictureInfo(ctx, jid, &whatsmeow.GetProfilePictureParams{})
	switch {
	case errors.Is(err, whatsmeow.ErrProfilePictureNotSet), errors.Is(err, whatsmeow.ErrProfilePictureUnauthorized):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("ask for a picture: %w", questionError(err))
	case info == nil || !strings.HasPrefix(info.URL, "https://"):
		return "", nil
	}
	return info.URL, nil
}

// questionError is the library's error about a question as callers and logs may
// have it.
func questionError(err error) error {
	switch {
	case errors.Is(err, whatsmeow.ErrIQTimedOut):
		return errNoAnswer
	case about[*whatsmeow.DisconnectedError](err):
		return errCut
	default:
		return sendError(err)
	}
}

// addressee reads who is asked after: the digits of a phone number, or the JID of a
// person or a group.
func addressee(of string) (types.JID, error) {
	if user, ok := strings.CutSuffix(of, "@"+types.GroupServer); ok {
		if parts := strings.Split(user, "-"); len(user) > 64 || len(parts) > 2 || !digits(parts[0]) || !digits(parts[len(parts)-1]) {
			return types.EmptyJID, &instance.InvalidError{Field: "jid", Problem: "a group's JID is digits, such as 120363000000000001@g.us"}
		}
		return types.NewJID(user, types.GroupServer), nil
	}
	jid, err := recipient(of)
	if invalid, ok := errors.AsType[*instance.InvalidError](err); ok {
		return types.EmptyJID, &instance.InvalidError{Field: "jid", Problem: invalid.Problem}
	}
	return jid, err
}
