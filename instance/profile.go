package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/record"
)

// How long a name and an about text may be, in characters: what the fields of
// WhatsApp's own apps take, as its users know them (November 2025). What its servers
// would take is not known.
const (
	MaxName  = 25
	MaxAbout = 139
)

// maxWishes is how many changes of name and about text may wait for the one that is
// being made.
const maxWishes = 4

// wish is a change of what the account says of itself.
type wish struct {
	c    *command
	name string // the new one; empty: it is about something else
	ask  func(context.Context, Conn) error
}

// SetName makes a name the account's own, the one that others see, and answers once
// WhatsApp has taken it. From then on the saved session and the connection
// information have it. Changes of name and about text are made one after another.
// It fails with an [*InvalidError], [ErrNotConnected], [ErrNoSettingsKey],
// [ErrBusy], [ErrUnavailable] or an error that wraps [ErrProfileRefused], and nothing
// was changed; with a [*ProfileError] or [ErrNotReady] WhatsApp may have taken it.
func (i *Instance) SetName(ctx context.Context, name string) (record.Info, error) {
	if err := checkName(name); err != nil {
		return i.Status().Info, err
	}
	return i.wish(ctx, name, func(ctx context.Context, conn Conn) error { return conn.SetName(ctx, name) })
}

// SetAbout makes a text what the account says about itself; an empty one takes it
// away. It answers, and fails, as [Instance.SetName] does, but needs no key.
func (i *Instance) SetAbout(ctx context.Context, about string) (record.Info, error) {
	if err := checkAbout(about); err != nil {
		return i.Status().Info, err
	}
	return i.wish(ctx, "", func(ctx context.Context, conn Conn) error { return conn.SetAbout(ctx, about) })
}

func (i *Instance) wish(ctx context.Context, name string, ask func(context.Context, Conn) error) (record.Info, error) {
	r, err := i.ask(ctx, func(c *command) {
		if len(i.wishes) >= maxWishes {
			i.answer(c, ErrBusy)
			return
		}
		i.wishes = append(i.wishes, wish{c, name, ask})
		i.nextWish()
	})
	return r.info, err
}

// nextWish begins the change whose turn it is.
func (i *Instance) nextWish() {
	for !i.wishing && len(i.wishes) > 0 {
		next := i.wishes[0]
		i.wishes = i.wishes[1:]
		switch {
		case next.c.ctx.Err() != nil: // nobody waits for it any more
		case i.stopped.Load():
			i.answer(next.c, ErrStopping)
		case !i.usable():
			i.answer(next.c, ErrNotConnected)
		default:
			i.fulfil(next)
		}
	}
}

// fulfil asks WhatsApp for a change, for as long as somebody waits for it.
func (i *Instance) fulfil(w wish) {
	i.wishing = true
	conn, was := i.try.conn, *i.session
	ctx, cancel := context.WithTimeout(i.ctx, i.cfg.Timing.Command)
	stop := context.AfterFunc(w.c.ctx, cancel)
	i.child(func() {
		defer stop()
		defer cancel()
		err := w.ask(ctx, conn)
		i.post(mail{then: func(ctx context.Context) { i.fulfilled(ctx, w, was, err) }})
	})
}

// fulfilled answers a change that WhatsApp has taken, or not. A new name is in the
// session already where the connection has offered one meanwhile, this name or a
// newer one; where it has not, or that was not stored, it is put there now.
func (i *Instance) fulfilled(ctx context.Context, w wish, was record.Session, err error) {
	i.wishing = false
	defer i.nextWish()
	if err != nil {
		if !unchanged(err) {
			err = &ProfileError{err}
		}
		i.answer(w.c, err)
		return
	}
	if i.session == nil || i.session.ID != was.ID {
		i.answer(w.c, ErrNotConnected) // it was that account's
		return
	}
	recorded := true
	if w.name != "" && i.session.PushName == was.PushName && w.name != was.PushName {
		named := *i.session
		named.PushName, named.SavedAt = w.name, time.Now().UTC()
		i.must(ctx, func() error {
			err := i.store(i.current(), &named)
			recorded = err == nil
			return err
		})
	}
	if !recorded {
		err = ErrNotReady
	}
	i.answer(w.c, err)
}

// unchanged reports whether an error of a connection says that the account is as it
// was.
func unchanged(err error) bool {
	for _, certain := range []error{ErrProfileRefused, ErrNotConnected, ErrNoSettingsKey, ErrBusy} {
		if errors.Is(err, certain) {
			return true
		}
	}
	return about[*InvalidError](err)
}

func checkName(name string) error {
	if strings.TrimSpace(name) == "" {
		return &InvalidError{"name", fmt.Sprintf("must not be empty: WhatsApp wants 1 to %d characters", MaxName)}
	}
	return checkLine("name", name, MaxName)
}

func checkAbout(about string) error { return checkLine("about", about, MaxAbout) }

// checkLine refuses what does not fit on one line of so many characters.
func checkLine(field, text string, most int) error {
	switch {
	case !utf8.ValidString(text):
		return &InvalidError{field, "is not UTF-8"}
	case utf8.RuneCountInString(text) > most:
		return &InvalidError{field, fmt.Sprintf("is longer than %d characters, the most that WhatsApp takes", most)}
	case strings.IndexFunc(text, unicode.IsControl) >= 0:
		return &InvalidError{field, "holds a control character: it must be one line of text"}
	}
	return nil
}

var (
	// ErrProfileRefused says that WhatsApp does not take a name or an about text. The
	// one before stays.
	ErrProfileRefused = errors.New("WhatsApp refused the change")
	// ErrNoSettingsKey says that the account's settings, where its name is, cannot be
	// written yet: the phone shares the key to them some moments after it was linked.
	ErrNoSettingsKey = errors.New("the phone has not shared the key to the account's settings yet: open WhatsApp on it, wait a moment, then try again")
)

// ProfileError says that WhatsApp has not confirmed a change of name or about text,
// and may have made it. It counts as an [ErrNotReady].
type ProfileError struct{ Err error }

func (e *ProfileError) Error() string {
	return "WhatsApp did not confirm the change: " + e.Err.Error() + ": it may have been made; make it again"
}

func (e *ProfileError) Unwrap() error { return e.Err }

// Is makes it an ErrNotReady.
func (e *ProfileError) Is(target error) bool { return target == ErrNotReady }
