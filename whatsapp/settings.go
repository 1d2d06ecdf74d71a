package whatsapp

import (
	"context"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/instance"
)

// maxOvertaken is how often a change of the settings is made anew because another
// device was faster.
const maxOvertaken = 5

var (
	errOvertaken = errors.New("other devices are changing the account's settings at the same moment, try again")
	errNotRead   = errors.New("the account's settings cannot be read")
)

// settingError is a code with which a change of the settings was refused.
type settingError int

func (e settingError) Error() string { return fmt.Sprintf("refused with code %d", int(e)) }

// changeSetting changes the account's settings, an app state: a log of changes by all
// devices, numbered by the server and encrypted with a key that the phone shares. One
// that does not follow the last is refused.
//
// The library would do so (SendAppState), but it then applies what it has missed
// outside of the lock that its own syncs hold: the older of two names could stay, and
// what it says of a failure does not tell a change that was refused from one that was
// only not read back (read in v0.0.0-20251217143725, and seen by the race detector).
func (c *conn) changeSetting(ctx context.Context, patch appstate.PatchInfo) error {
	key, err := c.client.Store.AppStateKeys.GetLatestAppStateSyncKeyID(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errNotRead, err)
	case key == nil:
		return instance.ErrNoSettingsKey
	}
	for try := 0; ; try++ {
		err := c.pushSetting(ctx, key, patch)
		if !errors.Is(err, errOvertaken) || try == maxOvertaken {
			if err == nil {
				c.readBack(ctx, patch.Type)
			}
			return err
		}
		err = c.client.FetchAppState(ctx, patch.Type, false, false)
		switch {
		case errors.Is(err, appstate.ErrKeyNotFound): // which the library now asks the phone for
			return instance.ErrNoSettingsKey
		case err != nil:
			return fmt.Errorf("%w: %w", errNotRead, err)
		}
	}
}

// pushSetting makes a change that follows the last one known here.
func (c *conn) pushSetting(ctx context.Context, key []byte, patch appstate.PatchInfo) error {
	version, hash, err := c.client.Store.AppState.GetAppStateVersion(ctx, string(patch.Type))
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRead, err)
	}
	coding := appstate.NewProcessor(c.client.Store, quietLog{c.log, "settings"})
	encoded, err := coding.EncodePatch(ctx, key, appstate.HashState{Version: version, Hash: hash}, patch)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRead, err)
	}
	answer, err := c.client.DangerousInternals().SendIQ(ctx, whatsmeow.DangerousInfoQuery{ //nolint:staticcheck // deprecated as a warning: see changeSetting
		Namespace: "w:sync:app:state", Type: "set", To: types.ServerJID,
		Content: []binary.Node{{Tag: "sync", Content: []binary.Node{{
			Tag:     "collection",
			Attrs:   binary.Attrs{"name": string(patch.Type), "version": version, "return_snapshot": false},
			Content: []binary.Node{{Tag: "patch", Content: encoded}},
		}}}},
	})
	if err != nil {
		return err
	}
	collection, ok := answer.GetOptionalChildByTag("sync", "collection")
	if !ok {
		return errUnreadable
	}
	if collection.AttrGetter().OptionalString("type") != "error" {
		return nil
	}
	reason := collection.GetChildByTag("error")
	switch code := reason.AttrGetter().Int("code"); code {
	case 409:
		return errOvertaken
	default:
		return settingError(code)
	}
}

// readBack has the library read what was changed, so that the next change follows it.
// Where it cannot, the next change does that first.
func (c *conn) readBack(ctx context.Context, of appstate.WAPatchName) {
	if err := c.client.FetchAppState(ctx, of, false, false); err != nil {
		c.log.Info("a change of the account's settings was not read back; the next one does it", "err", sendError(err))
	}
}
