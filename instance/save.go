package instance

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// saveRequest is a connection's wish to have its session stored.
type saveRequest struct {
	session *record.Session
	taken   atomic.Bool // by the loop, or by a caller who gave up
	reply   chan error  // buffered
}

func (r *saveRequest) take() bool { return r.taken.CompareAndSwap(false, true) }

// requestSave is how a connection makes its session durable. Its answer is never
// a guess: a caller whose context ends while the session is being written waits.
func (i *Instance) requestSave(ctx context.Context, gen uint64, s *record.Session) error {
	r := &saveRequest{session: s, reply: make(chan error, 1)}
	if !i.post(mail{gen: gen, save: r}) {
		return errSuperseded
	}
	select {
	case err := <-r.reply:
		return err
	case <-i.leaving:
	case <-ctx.Done():
		if r.take() {
			return ctx.Err()
		}
	}
	select {
	case err := <-r.reply:
		return err
	case <-i.leaving:
	}
	select {
	case err := <-r.reply:
		return err
	default:
		return errSuperseded
	}
}

// save commits a session that the connection offers: the scan itself in state
// 3, a changed name or LID later.
func (i *Instance) save(s *record.Session) error {
	kept := *s
	kept.SavedAt = time.Now().UTC()
	if i.session != nil {
		return i.store(i.rec, &kept)
	}
	if err := i.opened(); err != nil {
		return err
	}
	if err := i.fireWith(fsm.Scanned, fsm.CauseScan, &kept, i.steadyUp); err != nil {
		return err
	}
	i.try.paired = true
	i.try.code, i.try.codes = nil, nil
	i.try.deadline = time.Now().Add(i.cfg.Timing.Redial)
	return nil
}
