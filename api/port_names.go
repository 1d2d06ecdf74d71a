package api

import (
	"context"

	"github.com/switchhook/switchhook/record"
)

// Names is about what accounts say of themselves. Both answer once WhatsApp has taken
// it, with the connection as it then is. They fail with an *instance.InvalidError
// about the field "name" or "about", instance.ErrNotConnected, instance.ErrBusy or an
// error that wraps instance.ErrProfileRefused; nothing was changed then. With an
// *instance.ProfileError, which is an instance.ErrNotReady, WhatsApp may have taken it.
type Names interface {
	// SetName makes a name the account's own, of 1 to 25 characters. It needs a key
	// that the phone shares; without it fails with instance.ErrNoSettingsKey.
	SetName(ctx context.Context, id, name string) (record.Info, error)
	// SetAbout makes a text what the account says about itself, of at most 139
	// characters; an empty one takes it away.
	SetAbout(ctx context.Context, id, about string) (record.Info, error)
}
