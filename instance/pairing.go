package instance

import (
	"context"
	"errors"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// Generate puts a QR code on show and answers it, or answers the one that is on
// show. userAgent, if not nil, is stored when this begins a pairing; one that is
// under way keeps the name it has told WhatsApp. It fails with an
// [*InvalidError], [ErrEstablished], [ErrSavedSession], [ErrLoggingOut], a
// [*FailedError] when the dial failed, [ErrNotReady] when no code came in time,
// or [ErrUnavailable].
func (i *Instance) Generate(ctx context.Context, userAgent *string) (record.Code, error) {
	r, err := i.ask(ctx, func(c *command) {
		err := i.pair(userAgent)
		if err == nil && i.rec.State == fsm.AwaitingScan && i.try.code == nil {
			// WhatsApp's codes are used up; only one to type was still on show.
			i.phone = ""
			err = i.dialBy(fsm.CodesExhausted, fsm.CauseQRRefresh, false)
		}
		if err != nil {
			i.answer(c, err)
			return
		}
		i.wait(c, i.untilCode)
	})
	return r.code, err
}

// LinkPhone answers a code to type on the phone with these digits, the one on
// show or a new one; the QR code stays valid beside it. It fails as
// [Instance.Generate] does, and with a [*PairingError] when WhatsApp gave no code
// for that number.
func (i *Instance) LinkPhone(ctx context.Context, digits string, userAgent *string) (record.Code, error) {
	if !PhoneDigits(digits) {
		return record.Code{}, &InvalidError{"phone", PhoneRule}
	}
	r, err := i.ask(ctx, func(c *command) {
		if err := i.pair(userAgent); err != nil {
			i.answer(c, err)
			return
		}
		i.phoneErr = nil
		if digits != i.phone {
			i.phone = digits
			if i.try != nil {
				i.try.typed = nil
			}
		}
		if i.rec.State == fsm.AwaitingScan && i.try != nil {
			i.askPhoneCode()
		}
		i.wait(c, func() (result, bool) { return i.untilPhoneCode(digits) })
	})
	return r.code, err
}

// PhoneRule says to people what [PhoneDigits] takes.
const PhoneRule = "must be a number in international form, 8 to 15 digits without + or spaces and with no 0 before the country code, such as 5511999990000"

// PhoneDigits reports whether s is a phone number in international form: 8 to 15
// digits (E.164), the first not 0. It is the rule for every number that is handed
// in, to pair with and to write to.
func PhoneDigits(s string) bool {
	if len(s) < 8 || len(s) > 15 || s[0] == '0' {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// PairingError says that WhatsApp gave no code to type.
type PairingError struct{ Err error }

func (e *PairingError) Error() string {
	return "WhatsApp gave no pairing code for this number: check it, or scan a QR code instead: " + e.Err.Error()
}

func (e *PairingError) Unwrap() error { return e.Err }

// pair begins a pairing, or goes on with the one that is under way.
func (i *Instance) pair(userAgent *string) error {
	config, err := Patch{UserAgent: userAgent}.Apply(i.rec.Config)
	switch {
	case err != nil:
		return err
	case i.logout != nil:
		return ErrLoggingOut
	case i.fenced() != nil:
		return i.fenced()
	case i.rec.State == fsm.Starting || i.rec.State == fsm.Authenticated:
		return ErrEstablished
	case i.session != nil:
		return ErrSavedSession
	case !i.rec.State.Live():
		edit := func(r *record.Instance) { r.Config, r.Attempts = config, 0 }
		if err := i.fire(fsm.GenerateRequested, fsm.CauseOperator, edit); err != nil {
			return err
		}
		i.begin(false)
	}
	i.asked = time.Now()
	return nil
}

// askPhoneCode asks WhatsApp for a code to type, if one is wanted and none is on
// show. The connection offers QR codes already.
func (i *Instance) askPhoneCode() {
	t, digits := i.try, i.phone
	if digits == "" || t.asks || t.typed != nil || t.closed {
		return
	}
	t.asks = true
	ctx, cancel := context.WithTimeout(i.ctx, i.cfg.Timing.Command)
	i.child(func() {
		defer cancel()
		code, err := t.conn.PairPhone(ctx, digits)
		i.post(mail{then: func(ctx context.Context) { i.phoneCodeCame(ctx, t, digits, code, err) }})
	})
}

// phoneCodeCame is WhatsApp's answer to askPhoneCode.
func (i *Instance) phoneCodeCame(ctx context.Context, t *attempt, digits, text string, err error) {
	t.asks = false
	switch {
	case i.try != t || i.rec.State != fsm.AwaitingScan:
		return
	case digits != i.phone:
		i.askPhoneCode() // another number was asked for meanwhile
		return
	case err != nil:
		i.log.Warn("no pairing code", "err", err)
		i.phone, i.phoneErr = "", err
		return
	}
	ttl := i.cfg.Timing.PhoneCode
	code := &record.Code{Text: text, TTL: ttl, ExpiresAt: time.Now().Add(ttl).UTC()}
	i.must(ctx, func() error {
		rec := i.current()
		event := i.codeEvent(code, rec, i.session)
		event.Kind = record.PairingCodeIssued
		return i.store(rec, nil, event)
	})
	if i.try == t && !t.closed {
		t.typed = code
		i.publish()
	}
}

// phoneCodeExpired takes the code to type off the show. While somebody still asks,
// a new connection brings the next.
func (i *Instance) phoneCodeExpired() error {
	if i.try.closed {
		i.try.typed = nil
		return nil // the store failed; that the connection is lost stands in the backlog
	}
	return i.dialBy(fsm.CodesExhausted, fsm.CauseQRRefresh, false)
}

func (i *Instance) untilCode() (result, bool) {
	switch i.rec.State {
	case fsm.Connecting, fsm.SocketOpen:
		return result{}, false
	case fsm.AwaitingScan:
		if i.try == nil || i.try.code == nil {
			return result{}, false
		}
		return result{code: *i.try.code}, true
	default:
		return i.notPairing()
	}
}

func (i *Instance) untilPhoneCode(digits string) (result, bool) {
	switch i.rec.State {
	case fsm.Connecting, fsm.SocketOpen:
		return result{}, false
	case fsm.AwaitingScan:
		switch invalid := (*InvalidError)(nil); {
		case errors.As(i.phoneErr, &invalid):
			return result{err: invalid}, true
		case i.phoneErr != nil:
			return result{err: &PairingError{i.phoneErr}}, true
		case i.phone != digits:
			return result{err: ErrNotReady}, true // another number was asked for
		case i.try == nil || i.try.typed == nil:
			return result{}, false
		}
		return result{code: *i.try.typed}, true
	default:
		return i.notPairing()
	}
}

// notPairing is the outcome of a wish for a code in a state that has none.
func (i *Instance) notPairing() (result, bool) {
	switch {
	case i.renewing:
		return result{}, false // it may begin again
	case i.rec.State == fsm.Starting || i.rec.State == fsm.Authenticated:
		return result{err: ErrEstablished}, true
	default:
		return result{err: i.failed()}, true
	}
}
