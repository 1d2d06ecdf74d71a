package instance

import (
	"errors"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// figuresEvery is how old the stored figures of a busy connection may be. To write
// the record for every message would cost as much as the message.
const figuresEvery = 10 * time.Second

// deliver stores what has arrived together with the device keys that belong to
// it. Where it cannot, the connection ends: WhatsApp has no other way to learn
// that it must send again.
func (i *Instance) deliver(d Delivery) error {
	if i.session == nil || len(d.Keys) > 0 && d.Session != i.session.ID {
		return errSuperseded
	}
	c := Change{Instance: i.rec, Same: true, Keys: d.Keys, KeysOf: d.Session}
	if now := time.Now(); now.Sub(i.figuresAt) >= figuresEvery {
		c.Instance, c.Same, i.figuresAt = i.current(), false, now
	}
	if d.Kind != "" {
		c.Events = []record.Event{{
			Stream: i.id, Kind: d.Kind, At: time.Now().UTC(), Name: i.rec.Name, Message: d.Message,
		}}
	}
	err := i.commit(c)
	switch {
	case err == nil:
		i.stored(c.Instance)
		i.publish()
	case errors.Is(err, ErrUnavailable):
		i.degrade(err)
	default:
		i.log.Error("what arrived cannot be stored; it is not acknowledged", "kind", string(d.Kind), "err", err)
		i.lose(fsm.CauseInternalError, err)
	}
	return err
}

// lose closes the connection at once and leaves the transition to the fact that
// says so.
func (i *Instance) lose(cause fsm.Cause, err error) {
	if i.try == nil || i.try.closed {
		return
	}
	i.try.close(i)
	i.backlog = append(i.backlog, mail{gen: i.try.gen, fact: &Fact{Kind: FactLost, Cause: cause, Err: err}})
}
