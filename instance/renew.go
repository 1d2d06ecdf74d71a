package instance

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// renewLimit bounds the search for a newer client version.
const renewLimit = 30 * time.Second

// renew looks for a newer client version after WhatsApp has refused the one that
// this connection announced. If there is one the instance tries again, once for
// each version; if there is none it waits for an operator.
func (i *Instance) renew(conn Conn) {
	if i.renewing {
		return
	}
	i.renewing = true
	ctx, cancel := context.WithTimeout(i.ctx, renewLimit)
	i.child(func() {
		defer cancel()
		renewed, err := conn.Renew(ctx)
		i.post(mail{then: func(ctx context.Context) { i.renewed(ctx, renewed, err) }})
	})
}

func (i *Instance) renewed(ctx context.Context, renewed bool, err error) {
	i.renewing = false
	if err != nil {
		i.log.Warn("client version could not be renewed", "err", err)
	}
	if !renewed || i.rec.Cause != fsm.CauseClientOutdated || i.try != nil {
		return
	}
	switch {
	case i.rec.State == fsm.AuthenticatedClosed:
		i.must(ctx, func() error {
			rec := i.current()
			rec.RetryAt = time.Now().UTC()
			return i.store(rec, nil)
		})
	case i.rec.State == fsm.NoConnection && i.session == nil && time.Since(i.asked) < i.cfg.Timing.CodeIdle:
		i.must(ctx, func() error { return i.dialBy(fsm.GenerateRequested, fsm.CauseRetry, false) })
	}
}

// look finds a connection that WhatsApp has silently taken for logged off: after
// a stream error 503 whose socket stays open, pings are answered and nothing else
// comes (WHATSAPP.md §6). Once may be a moment of change, twice is not.
func (i *Instance) look(now time.Time) error {
	t := i.try
	switch {
	case t.closed:
		t.checkAt = time.Time{} // that the connection is lost stands in the backlog
	case t.conn.LoggedOn():
		t.strange, t.checkAt = false, now.Add(i.cfg.Timing.Check)
	case !t.strange:
		t.strange, t.checkAt = true, now.Add(strangeFor)
	default:
		t.checkAt = time.Time{} // a logout under way keeps the connection for a moment
		return i.down(fsm.ConnectionLost, fsm.CauseServerError, 0)
	}
	return nil
}

const strangeFor = 5 * time.Second
