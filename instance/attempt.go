package instance

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// attempt is one connection, from the dial to its end. It is thrown away with
// everything it still had to say: WhatsApp's library surfaces what is left in a
// closed socket's queue on the next connection of the same client
// (WHATSAPP.md §6), so there is none.
type attempt struct {
	gen    uint64
	conn   Conn
	ctx    context.Context    // of the dial, or the wait for a turn to dial, and of uploads
	cancel context.CancelFunc // ends it
	closed bool
	gone   chan struct{}          // closed when the connection is
	land   atomic.Pointer[func()] // tells the budget that it is in flight no more

	deadline time.Time // of the present phase; zero: none
	redialed bool      // the connection after the scan
	redial   bool      // WhatsApp asked for a new connection
	paired   bool      // the scan is committed

	codes []string     // still to be shown
	code  *record.Code // on show
	typed *record.Code // to type on the phone, on show
	asks  bool         // a code to type was asked for, and the answer has not come

	counted Gauges    // what of the gauges is in the record already
	checkAt time.Time // when to look whether it still counts as logged in; zero: never
	strange bool      // at the last look it did not
}

type dialResult struct {
	err   error
	cause fsm.Cause // of err
}

// begin opens a connection and dials it in a child goroutine. granted says that
// its turn to dial has come; otherwise it takes one for a command.
func (i *Instance) begin(granted bool) {
	i.end()
	i.gen++
	gen := i.gen
	ctx, cancel := context.WithCancel(i.ctx)
	t := &attempt{gen: gen, ctx: ctx, cancel: cancel, gone: make(chan struct{})}
	i.try = t
	conn, err := i.cfg.Driver.Open(Spec{
		Instance:  i.id,
		Session:   i.session,
		UserAgent: i.rec.Config.UserAgent,
		Report:    func(f Fact) { i.post(mail{gen: gen, fact: &f}) },
		Save: func(ctx context.Context, s *record.Session) error {
			return i.request(ctx, gen, func() error { return i.save(s) })
		},
		Deliver: func(ctx context.Context, d Delivery) error {
			return i.request(ctx, gen, func() error { return i.deliver(d) })
		},
	})
	if err != nil {
		cancel()
		i.backlog = append(i.backlog, mail{gen: gen, dial: &dialResult{err, fsm.CauseInternalError}})
		return
	}
	t.conn = conn
	i.publish()
	previous := i.previous
	i.previous = t.gone
	i.open = append(slices.DeleteFunc(i.open, closed), t.gone)
	i.child(func() {
		i.awaitClosed(ctx, previous)
		if i.mayDial(ctx, t, granted) != nil {
			return // nobody wants it any more
		}
		err := i.dial(ctx, conn)
		if ctx.Err() == nil {
			i.cfg.Dials.Report(err == nil)
		}
		i.post(mail{gen: gen, dial: &dialResult{err, fsm.CauseNetwork}})
	})
}

func closed(gone <-chan struct{}) bool {
	select {
	case <-gone:
		return true
	default:
		return false
	}
}

// mayDial waits for the moment to dial; see begin for granted.
func (i *Instance) mayDial(ctx context.Context, t *attempt, granted bool) error {
	if !granted {
		return i.cfg.Dials.Acquire(ctx, true)
	}
	land, err := i.cfg.Dials.Pace(ctx)
	if err == nil {
		t.land.Store(&land)
	}
	return err
}

// landed tells the budget that the attempt is usable, or was given up. One that
// is given up while it waits for its dial may miss this; the budget has a limit.
func (t *attempt) landed() {
	if land := t.land.Load(); land != nil {
		(*land)()
	}
}

// awaitClosed lets the connection before finish, for a moment: it may still be
// writing the keys that the next one reads.
func (i *Instance) awaitClosed(ctx context.Context, previous <-chan struct{}) {
	if previous == nil {
		return
	}
	limit := time.NewTimer(goodbye)
	defer limit.Stop()
	select {
	case <-previous:
	case <-limit.C:
		i.log.Warn("last connection did not close in time")
	case <-ctx.Done():
	}
}

// dial is Conn.Dial, given up when its time is over whether it heeds it or not.
func (i *Instance) dial(ctx context.Context, conn Conn) error {
	ctx, cancel := context.WithTimeout(ctx, i.cfg.Timing.Dial)
	defer cancel()
	done := make(chan error, 1)
	i.child(func() { done <- conn.Dial(ctx) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("dial: %w", ctx.Err())
	}
}

// end forgets the live attempt and closes its connection in the background.
func (i *Instance) end() {
	if i.try == nil {
		return
	}
	i.rec = i.current() // what has passed since the last commit is not forgotten
	i.try.close(i)
	i.try = nil
	i.publish()
}

// hangUp is end; no reconnect waits for its turn any more, and no code is wanted.
func (i *Instance) hangUp() {
	i.end()
	i.phone = ""
	i.leaveQueue()
}

// close ends the connection without waiting for it.
func (t *attempt) close(i *Instance) {
	if t.closed {
		return
	}
	t.closed = true
	t.cancel()
	t.landed()
	if t.conn != nil {
		i.child(func() {
			defer close(t.gone)
			t.conn.Close()
		})
	}
}

// steadyUp begins a connection's count of failures anew.
func (i *Instance) steadyUp(rec *record.Instance) { rec.Attempts = 0 }

// dialled is the answer of the dial.
func (i *Instance) dialled(r *dialResult) error {
	if r.err != nil {
		level := slog.LevelWarn
		if r.err.Error() == i.trouble {
			level = slog.LevelDebug // said already
		}
		i.trouble = r.err.Error()
		i.log.Log(i.ctx, level, "dial failed", "err", r.err, "attempt", i.rec.Attempts+1)
		return i.down(fsm.DialFailed, r.cause, 0)
	}
	i.trouble = ""
	if err := i.opened(); err != nil {
		return err
	}
	if i.try.redialed && i.rec.State == fsm.Starting {
		i.try.deadline = time.Now().Add(i.cfg.Timing.Login)
	}
	return nil
}

// opened notes that the handshake is done. What the connection reports may
// overtake the dial's own answer, and implies it.
func (i *Instance) opened() error {
	if i.rec.State == fsm.Connecting {
		if err := i.fire(fsm.HandshakeDone, fsm.CauseProgress, nil); err != nil {
			return err
		}
		i.try.deadline = time.Now().Add(i.cfg.Timing.Login)
	}
	if i.rec.State == fsm.SocketOpen && i.session != nil {
		if err := i.fire(fsm.LoginSent, fsm.CauseProgress, nil); err != nil {
			return err
		}
		i.try.deadline = time.Now().Add(i.cfg.Timing.Login)
	}
	return nil
}

// redialForLogin opens the connection that WhatsApp asks for after a scan; the
// state stays 4.
func (i *Instance) redialForLogin() {
	i.begin(false)
	i.try.redialed = true
}
