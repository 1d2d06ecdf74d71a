package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// mailboxSize bounds what waits for the loop. Senders block when it is full.
const mailboxSize = 16

// Config is what an instance is made of.
type Config struct {
	Record  record.Instance
	Session *record.Session // nil without a saved session
	Picture *record.Picture // nil without one

	Journal Journal
	Driver  Driver
	Dials   Dials
	Files   Files // nil: nothing can be stored
	Timing  Timing
	// CheckWebhook refuses a webhook address with an error that names the
	// remedy. Nil accepts every one.
	CheckWebhook func(url string) error
	Log          *slog.Logger
}

// Instance owns one connection. Its exported methods may be called from any
// goroutine; everything else belongs to the goroutine of Run.
type Instance struct {
	id      string
	cfg     Config
	log     *slog.Logger
	mailbox chan mail
	crashed chan string   // a child's panic
	leaving chan struct{} // closed when the mailbox is read no more
	done    chan struct{} // closed when Run has returned
	status  atomic.Pointer[Status]
	stopped atomic.Bool // Run was told to end; otherwise it failed

	// The rest is the loop's own.
	ctx      context.Context // the children's and the commits'
	machine  *fsm.Machine
	rec      record.Instance
	session  *record.Session
	picture  *record.Picture // never changed, only replaced
	children sync.WaitGroup

	try      *attempt // the live connection attempt, nil without one
	gen      uint64
	previous <-chan struct{}   // closed when the attempt before is; nil: there was none
	open     []<-chan struct{} // closed when an attempt is; those of attempts that may not be
	turn     *turn             // a reconnect's wait for its turn to dial, nil without one
	trouble  string            // why the last dial failed, until one succeeds

	asked     time.Time // when a code was last asked for
	phone     string    // digits of the phone that a code to type is wanted for
	phoneErr  error     // why WhatsApp gave no code to type
	renewing  bool      // a newer client version is being looked for
	sending   int       // messages on their way
	uploading int       // files on their way to the media servers
	picturing bool      // the account's picture is being set
	pictures  []picturing
	wishing   bool // a change of name or about text is being made
	wishes    []wish
	clears    int       // how often the files were cleared
	lookUps   int       // questions on their way
	figuresAt time.Time // when what arrives has last stored the figures
	storage   string    // why the last file could not be stored
	logout    *logout   // a logout under way, nil without one
	deleted   bool
	fencing   context.Context // of an export that waits for the connection to end; nil: none does
	broken    error           // why the loop cannot go on
	waiters   []*waiter
	backlog   []mail // what arrived while a commit was being retried
	degraded  error
}

// Status is what an instance says of itself without being asked to do anything.
type Status struct {
	Record      record.Instance
	Info        record.Info
	Code        *record.Code    // QR code on show, nil without one
	PairingCode *record.Code    // code to type on show, nil without one
	Picture     *record.Picture // the account's own as it was last set here, nil without one; not to be changed
	Degraded    string          // why nothing can be committed now, empty while it can
	Storage     string          // why files cannot be stored now, empty while they can

	try *attempt // whose traffic the figures go on with
	at  Gauges   // what of it is in them already
}

// New makes an instance from what the store holds. An error means that the
// stored state is none.
func New(cfg Config) (*Instance, error) {
	m, err := fsm.New(cfg.Record.State, cfg.Session != nil)
	if err != nil {
		return nil, fmt.Errorf("make instance %s: %w", cfg.Record.ID, err)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	i := &Instance{
		id: cfg.Record.ID, cfg: cfg, log: cfg.Log.With("instance", cfg.Record.ID),
		mailbox: make(chan mail, mailboxSize), crashed: make(chan string, 1),
		leaving: make(chan struct{}), done: make(chan struct{}),
		machine: m, rec: cfg.Record, session: cfg.Session, picture: cfg.Picture, deleted: !cfg.Record.DeletedAt.IsZero(),
	}
	i.publish()
	return i, nil
}

// ID is the instance's id.
func (i *Instance) ID() string { return i.id }

// Status answers at once, in every state.
func (i *Instance) Status() Status {
	st := *i.status.Load()
	if st.try != nil {
		now := st.try.conn.Gauges()
		now.Known = now.Known && st.Info.CanRestore
		st.Record.Stats = count(st.Record.Stats, now, st.at)
	}
	st.Info.Stats = st.Record.Stats
	if i.cfg.Files != nil {
		st.Info.Storage = i.cfg.Files.Usage()
	}
	st.try = nil
	return st
}

// Linked answers the number that is linked, digits only and empty without one, and
// whether the instance is there: not deleted. It costs less than [Instance.Status].
func (i *Instance) Linked() (phone string, there bool) {
	st := i.status.Load()
	return st.Info.Phone, st.Record.DeletedAt.IsZero()
}

// Run drives the connection until ctx ends or the instance is deleted, records
// that it stopped, and returns when all its goroutines have gone; one that hangs
// against its contract is waited for no longer than goodbye. recovered is why a
// stored state that claims a socket is no longer true: restart, or
// internal_error after a failure. It returns an error when something could not
// be recorded for good: the stop, or a fact; a child's panic is its own. It may
// be called once.
func (i *Instance) Run(ctx context.Context, recovered fsm.Cause) error {
	defer close(i.done)
	// Children live until the stop is recorded, not just until ctx ends.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, func() { time.AfterFunc(goodbye, cancel) })()
	defer i.waitForChildren()
	defer cancel()
	defer i.abandon()
	defer close(i.leaving)
	defer i.hangUp()
	i.ctx = life

	i.recoverState(ctx, recovered)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !i.deleted && i.broken == nil {
		i.settle()
		if ctx.Err() != nil {
			i.stopped.Store(true)
			i.lastTexts(ctx)
			return i.stop()
		}
		if len(i.backlog) > 0 {
			m := i.backlog[0]
			i.backlog = i.backlog[1:]
			i.handle(ctx, m)
			continue
		}
		timer.Reset(i.untilDeadline(time.Now()))
		select {
		case <-ctx.Done():
		case what := <-i.crashed:
			panic("a child of the instance panicked: " + what)
		case m := <-i.mailbox:
			i.handle(ctx, m)
		case <-timer.C:
			i.expire(ctx, time.Now())
		}
	}
	return i.broken
}

// abandon answers whoever still waits: the loop has ended.
func (i *Instance) abandon() {
	for _, w := range i.waiters {
		w.reply <- result{info: i.Status().Info, err: i.ended()}
	}
	i.waiters = nil
}

// recoverState makes a stored state that claims a socket true again.
func (i *Instance) recoverState(ctx context.Context, cause fsm.Cause) {
	if latest := time.Now().Add(i.cfg.Timing.RetryMax); i.rec.Cause.Retries() && i.rec.RetryAt.After(latest) {
		i.rec.RetryAt = latest // stored under a clock that ran ahead
		i.publish()
	}
	if !i.rec.State.Live() {
		return
	}
	comeBack := i.retryNow
	if cause == fsm.CauseInternalError {
		comeBack = i.retryLater
	}
	i.must(ctx, func() error {
		return i.fire(fsm.Recovered, cause, comeBack)
	})
}

// afterPanic is for how many failures in a row the one of our own code counts.
const afterPanic = 3

// retryLater lets a connection that has failed inside Switchhook come back in a
// while: dialled at once it would fail again before anybody could close it.
func (i *Instance) retryLater(rec *record.Instance) {
	if rec.State == fsm.AuthenticatedClosed {
		rec.RetryAt = time.Now().UTC().Add(backoff(afterPanic, i.cfg.Timing))
	}
}

// retryNow lets a connection with a session come back at once.
func (i *Instance) retryNow(rec *record.Instance) {
	if rec.State == fsm.AuthenticatedClosed {
		rec.RetryAt = time.Now().UTC()
	}
}

// stop records that the socket goes down with the daemon. A logout under way
// ends as one that WhatsApp was not told of: after a restart nobody would know
// that it was asked for.
func (i *Instance) stop() (err error) {
	i.hangUp()
	switch {
	case i.logout != nil:
		err = i.finishLogout(fsm.CauseLogoutUnconfirmed)
		i.settle()
	case i.rec.State.Live():
		err = i.fire(fsm.Stopped, fsm.CauseShutdown, i.retryNow)
	}
	if err != nil {
		return fmt.Errorf("record the stop of %s: %w", i.id, err)
	}
	return nil
}

// mail is one entry of the mailbox: a command, a fact, a connection's request, or
// what a child has to say.
type mail struct {
	gen     uint64 // of the attempt that a fact, a dial or a request belongs to
	fact    *Fact
	dial    *dialResult
	request *request
	then    func(context.Context) // whatever attempt lives now
	out     *logoutResult
	turn    *turn // the reconnect's turn to dial has come
	cmd     *command
}

// post enqueues mail. It blocks while the mailbox is full and gives up when
// nobody will read it.
func (i *Instance) post(m mail) bool {
	select {
	case i.mailbox <- m:
		return true
	case <-i.leaving:
		return false
	}
}

func (i *Instance) handle(ctx context.Context, m mail) {
	switch {
	case m.cmd != nil:
		i.command(m.cmd)
	case m.turn != nil:
		i.turnCame(ctx, m.turn)
	case m.out != nil:
		i.loggedOutBySelf(ctx, m.out)
	case m.then != nil:
		m.then(ctx)
	case m.request != nil && !m.request.take():
	case i.try == nil || m.gen != i.try.gen || m.request != nil && i.try.closed:
		// Yesterday's attempt: nothing it says moves today's.
		if m.request != nil {
			m.request.reply <- errSuperseded
		}
	case m.request != nil:
		m.request.reply <- m.request.do()
	case m.dial != nil:
		i.must(ctx, func() error { return i.dialled(m.dial) })
	case m.fact != nil:
		i.hear(ctx, *m.fact)
	}
}

var errSuperseded = errors.New("the connection was closed meanwhile")

// publish makes the present state the one that Status answers.
func (i *Instance) publish() {
	st := &Status{Record: i.rec, Info: record.Describe(i.rec, i.session), Storage: i.storage, Picture: i.picture}
	if i.try != nil && i.rec.State == fsm.AwaitingScan {
		st.Code, st.PairingCode = i.try.code, i.try.typed
	}
	if i.try != nil && i.try.conn != nil {
		st.try, st.at = i.try, i.try.counted
	}
	if i.degraded != nil {
		st.Degraded = i.degraded.Error()
	}
	i.status.Store(st)
}
