package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/instance"
)

// SetName implements [instance.Conn]. The name stands among the account's settings,
// which the server cannot read, and is announced to it, see [conn.announce]. Read back,
// it is saved with the session.
func (c *conn) SetName(ctx context.Context, name string) error {
	err := c.change(ctx, func(ctx context.Context) error {
		return c.changeSetting(ctx, appstate.BuildSettingPushName(name))
	})
	if err != nil {
		return fmt.Errorf("set the name: %w", err)
	}
	if self := c.self.Load(); self == nil || self.name != name {
		c.announce(name) // it could not be read back
	}
	return nil
}

// SetAbout implements [instance.Conn].
func (c *conn) SetAbout(ctx context.Context, about string) error {
	err := c.change(ctx, func(ctx context.Context) error { return c.client.SetStatusMessage(ctx, about) })
	if err != nil {
		return fmt.Errorf("set the about text: %w", err)
	}
	return nil
}

// change asks WhatsApp to change something of the account, one thing after another.
// The library's question heeds no context, see mediaHosts: whoever gives up leaves it
// to end by itself, and it holds off the next until then.
func (c *conn) change(ctx context.Context, ask func(context.Context) error) error {
	if !c.LoggedOn() {
		return instance.ErrNotConnected
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	if err := c.changes.Acquire(ctx, 1); err != nil {
		if c.life.Err() != nil {
			return instance.ErrNotConnected
		}
		return instance.ErrBusy
	}
	answer := make(chan error, 1)
	go func() {
		defer c.changes.Release(1)
		answer <- c.asked(context.WithoutCancel(ctx), ask)
	}()
	select {
	case err := <-answer:
		return profileError(err)
	case <-ctx.Done():
	}
	if c.life.Err() != nil {
		return errCut
	}
	return profileError(ctx.Err())
}

// asked asks, and survives what the library may make of an answer: it reads changes
// of app state without looking how long they are.
func (c *conn) asked(ctx context.Context, ask func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("a change of the account panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errUnreadable
		}
	}()
	return ask(ctx)
}

var errUnreadable = errors.New("the answer cannot be read")

// profileError tells what WhatsApp has refused, or was not asked, from what it has not
// answered.
func profileError(err error) error {
	var refused *whatsmeow.IQError
	var setting settingError
	switch {
	case err == nil, errors.Is(err, instance.ErrNoSettingsKey):
		return err
	case errors.Is(err, errOvertaken):
		return fmt.Errorf("%w: %w", instance.ErrProfileRefused, errOvertaken)
	case errors.Is(err, errNotRead):
		return fmt.Errorf("%w: %w, try again", instance.ErrProfileRefused, maskedError{err})
	case errors.As(err, &setting):
		return fmt.Errorf("%w with code %d", instance.ErrProfileRefused, int(setting))
	case errors.As(err, &refused) && refused.Code == 429:
		return fmt.Errorf("%w: it was changed too often, try again later", instance.ErrProfileRefused)
	case errors.As(err, &refused) && refused.Code == 406:
		return fmt.Errorf("%w: it does not take this text", instance.ErrProfileRefused)
	case errors.As(err, &refused) && refused.Code >= 400 && refused.Code < 500:
		return fmt.Errorf("%w with code %d", instance.ErrProfileRefused, refused.Code)
	default:
		return questionError(err)
	}
}

// announce tells WhatsApp's server what the account is called, which is what others
// see: the settings, where the name stands, it cannot read. Phones and browsers do it
// at each login and with each new name, and so do we, as somebody who is not online:
// whoever is would keep the phone from ringing (SendPresence, read in
// v0.0.0-20251217143725). Nobody answers.
func (c *conn) announce(name string) {
	if name == "" || !c.LoggedOn() {
		return
	}
	go func() {
		err := c.client.DangerousInternals().SendNode(c.life, binary.Node{ //nolint:staticcheck // deprecated as a warning: SendPresence reads the name while it may be changing
			Tag: "presence", Attrs: binary.Attrs{"type": string(types.PresenceUnavailable), "name": name},
		})
		if err != nil && c.life.Err() == nil {
			c.log.Warn("the account's name was not announced; the next login does it", "err", sendError(err))
		}
	}()
}
