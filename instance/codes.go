package instance

import (
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// offer puts the first of WhatsApp's codes on show.
func (i *Instance) offer(codes []string) error {
	switch {
	case i.session != nil:
		return nil // a login has no use for them
	case len(codes) == 0:
		return i.down(fsm.PairingFailed, fsm.CauseServerError, 0)
	}
	code := i.newCode(codes[0])
	event := func(rec record.Instance, s *record.Session) record.Event { return i.codeEvent(code, rec, s) }
	if i.rec.State == fsm.AwaitingScan { // WhatsApp renewed them by itself
		if err := i.store(i.current(), nil, event(i.rec, i.session)); err != nil {
			return err
		}
	} else if err := i.fire(fsm.CodeIssued, fsm.CauseProgress, nil, event); err != nil {
		return err
	}
	i.show(code, codes[1:])
	i.askPhoneCode()
	return nil
}

// nextCode renews the code on show, or asks WhatsApp for more when all were
// shown.
func (i *Instance) nextCode() error {
	if i.try.closed {
		i.try.code = nil
		return nil // the store failed; that the connection is lost stands in the backlog
	}
	if len(i.try.codes) == 0 {
		if i.try.typed != nil || i.try.asks { // a new connection would make it worthless
			i.try.code = nil
			i.publish()
			return nil
		}
		return i.dialBy(fsm.CodesExhausted, fsm.CauseQRRefresh, false)
	}
	code := i.newCode(i.try.codes[0])
	if err := i.store(i.current(), nil, i.codeEvent(code, i.rec, i.session)); err != nil {
		return err
	}
	i.show(code, i.try.codes[1:])
	return nil
}

func (i *Instance) newCode(text string) *record.Code {
	ttl := i.cfg.Timing.CodeShown
	return &record.Code{Text: text, TTL: ttl, ExpiresAt: time.Now().Add(ttl).UTC()}
}

func (i *Instance) codeEvent(code *record.Code, rec record.Instance, s *record.Session) record.Event {
	info := i.describe(rec, s)
	return record.Event{Stream: i.id, Kind: record.QRIssued, At: time.Now().UTC(), Name: rec.Name, Info: &info, Code: code}
}

func (i *Instance) show(code *record.Code, rest []string) {
	i.try.code, i.try.codes = code, rest
	i.try.deadline = time.Time{}
	i.publish()
}
