package instance

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/record"
)

// maxLookUps bounds the look-ups under way at once. WhatsApp locks accounts that
// ask after many numbers.
const maxLookUps = 8

// Contact asks WhatsApp who a phone number or a JID is, and where their picture is.
// Nothing is stored. It fails with an [*InvalidError], [ErrNotConnected], [ErrBusy],
// [ErrNotReady] or a [*LookUpError].
func (i *Instance) Contact(ctx context.Context, jid string) (record.Contact, error) {
	if jid == "" || len(jid) > 128 {
		return record.Contact{}, &InvalidError{"jid", "must be a phone number in international form, or a JID"}
	}
	r, err := i.ask(ctx, func(c *command) {
		switch {
		case !i.usable():
			i.answer(c, ErrNotConnected)
			return
		case i.lookUps >= maxLookUps:
			i.answer(c, ErrBusy)
			return
		}
		i.lookUps++
		conn := i.try.conn
		ctx, cancel := context.WithTimeout(i.ctx, i.cfg.Timing.Command)
		stop := context.AfterFunc(c.ctx, cancel)
		i.child(func() {
			defer stop()
			defer cancel()
			found, err := conn.Contact(ctx, jid)
			i.post(mail{then: func(context.Context) {
				i.lookUps--
				if err != nil && !about[*InvalidError](err) && !errors.Is(err, ErrNotConnected) {
					err = &LookUpError{err}
				}
				c.reply <- result{info: i.info(), contact: found, err: err}
			}})
		})
	})
	return r.contact, err
}

// about reports whether an error is, or wraps, one of a type.
func about[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}

// LookUpError says that WhatsApp has not answered a question. It counts as an
// [ErrNotReady].
type LookUpError struct{ Err error }

func (e *LookUpError) Error() string { return "WhatsApp did not say: " + e.Err.Error() }

func (e *LookUpError) Unwrap() error { return e.Err }

// Is makes it an ErrNotReady.
func (e *LookUpError) Is(target error) bool { return target == ErrNotReady }
