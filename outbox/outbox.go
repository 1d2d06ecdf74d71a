package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Config is what [New] needs. Log and Sender must be set; every other zero
// value is the default given beside it.
type Config struct {
	Log    Log
	Sender Sender

	// Carries reports whether an event is meant for an endpoint: its format has a
	// form for it, and its filter lets it through. Nil: every event is.
	Carries func(ep *record.Endpoint, ev *record.Event) bool
	// Covers reports whether the events of a stream belong to an endpoint. It is
	// called on Run's goroutine and must not block. Nil: those of the endpoint's
	// own stream do, and every stream's do where the endpoint has neither a stream
	// nor a tenant.
	Covers func(ep *record.Endpoint, stream string) bool
	// Policy answers how the tries of an endpoint are spread; zero fields are left
	// to what stands below. It is called on Run's goroutine and must not block. Nil:
	// all fields are zero.
	Policy func(ep *record.Endpoint) record.Policy
	// OnDisable is told, on a goroutine of its own, that the receiver of ep wants
	// nothing any more; ep is as it was when the request was sent, so that
	// whoever stores this can see whether the address has changed since. Run
	// waits for it.
	OnDisable func(ep record.Endpoint, reason string)
	// OnHealth is told how an endpoint does, in order, on one goroutine of the
	// outbox's own, which it may block. What is told faster than it listens is
	// gathered, and so is what a lane gives up in one run: of that it is told once a
	// minute. Run waits for it.
	OnHealth func(Health)
	Logger   *slog.Logger // default: none

	MaxInFlight int             // tries under way in all; 256
	PerOrigin   int             // tries under way to one origin: a scheme, host and port; 128
	PerEndpoint int             // tries under way to one endpoint, unless it says otherwise itself; 32
	Schedule    []time.Duration // waits between tries, the last one repeats; [DefaultSchedule]
	Horizon     time.Duration   // of an event, or from the first of a row of failures that reaches it; 72 h
	AckDelay    time.Duration   // at most this long from an acknowledgement to the commit it rides; 50 ms
	StopWait    time.Duration   // how long a stop waits for tries under way; 5 s
}

func (c *Config) setDefaults() {
	if c.Carries == nil {
		c.Carries = func(*record.Endpoint, *record.Event) bool { return true }
	}
	if c.Covers == nil {
		c.Covers = func(ep *record.Endpoint, stream string) bool {
			return ep.Stream == stream || ep.Stream == "" && ep.Tenant == ""
		}
	}
	if c.Policy == nil {
		c.Policy = func(*record.Endpoint) record.Policy { return record.Policy{} }
	}
	if c.OnHealth == nil {
		c.OnHealth = func(Health) {}
	}
	if c.OnDisable == nil {
		c.OnDisable = func(record.Endpoint, string) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = 256
	}
	if c.PerOrigin <= 0 {
		c.PerOrigin = 128
	}
	c.PerOrigin = min(c.PerOrigin, c.MaxInFlight)
	if c.PerEndpoint <= 0 {
		c.PerEndpoint = 32
	}
	if len(c.Schedule) == 0 {
		c.Schedule = DefaultSchedule()
	}
	if c.Horizon <= 0 {
		c.Horizon = 72 * time.Hour
	}
	if c.AckDelay <= 0 {
		c.AckDelay = 50 * time.Millisecond
	}
	if c.StopWait <= 0 {
		c.StopWait = 5 * time.Second
	}
}

// Outbox delivers events. Make it with [New] and let it [Outbox.Run]; the other
// methods may be called from any goroutine, before Run too.
type Outbox struct {
	cfg     Config
	log     *slog.Logger
	ran     atomic.Bool
	stopped chan struct{} // closed when Run reads its mail no more
	mail    mailbox

	news news

	// What follows belongs to Run's goroutine.
	now      time.Time // of this turn of the loop
	targets  map[string]*target
	wide     map[*target]struct{} // those that may cover several streams
	streams  map[string]*stream
	origins  map[string]*origin
	turns    queue[origin] // origins with a lane that may be tried now, in turn
	idle     bool          // none of these can start before something changes
	waits    alarms        // what waits for a time
	inFlight int
	drains   []drain
	saver    saver
	spare    map[string]struct{} // an empty map to change for mail.notified

	scopes  []scope         // that no try has
	work    context.Context // of tries and saves; outlives Run's ctx by at most StopWait
	jobs    chan *job       // to goroutines that have nothing to do; has room for one each
	free    atomic.Int32    // how many of these have nothing to come
	results chan *job
	saved   chan error
	group   sync.WaitGroup
}

// New makes an outbox. Nothing runs before [Outbox.Run].
func New(cfg Config) *Outbox {
	cfg.setDefaults()
	return &Outbox{
		cfg:     cfg,
		log:     cfg.Logger,
		stopped: make(chan struct{}),
		mail:    newMailbox(),
		news:    newNews(),
		targets: make(map[string]*target),
		wide:    make(map[*target]struct{}),
		streams: make(map[string]*stream),
		origins: make(map[string]*origin),
		spare:   make(map[string]struct{}),
		jobs:    make(chan *job, keptWorkers+1),
		results: make(chan *job, cfg.MaxInFlight),
		saved:   make(chan error, 1),
	}
}

// Run delivers until ctx ends. Then it waits for the tries under way, at most
// [Config.StopWait], writes the cursors and returns nil, or an error if they
// could not be written. An error before that is the log's, from reading
// endpoints and lanes. Run works once.
func (o *Outbox) Run(ctx context.Context) error {
	if o.ran.Swap(true) {
		return errors.New("run outbox: it has run already")
	}
	defer o.group.Wait()
	defer close(o.stopped) // first: an OnDisable that is waited for may be asking
	o.now = time.Now()
	if err := o.load(); err != nil {
		return fmt.Errorf("run outbox: %w", err)
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	o.work = work
	o.group.Go(o.spread)
	defer o.news.close()
	defer close(o.jobs)

	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		o.now = time.Now()
		o.readMail()
		o.wakeDue()
		o.dispatch()
		o.startSave()
		o.checkDrains()
		timer.Reset(o.nextWake())
		select {
		case <-ctx.Done():
		case <-o.mail.wake:
		case <-timer.C:
		case j := <-o.results:
			o.now = time.Now()
			o.finishAll(j)
		case err := <-o.saved:
			o.now = time.Now()
			o.finishSave(err)
		}
	}
	return o.stop(cancel)
}

// finishAll finishes a try and those that have come to an end beside it.
func (o *Outbox) finishAll(j *job) {
	for {
		o.finish(j)
		select {
		case j = <-o.results:
		default:
			return
		}
	}
}

// stop lets what is under way end, then writes what is not on disk.
func (o *Outbox) stop(cancel context.CancelFunc) error {
	bound := time.AfterFunc(o.cfg.StopWait, cancel)
	defer bound.Stop()
	for o.inFlight > 0 || o.saver.busy {
		select {
		case <-o.mail.wake:
			o.now = time.Now()
			o.readMail()
		case j := <-o.results:
			o.now = time.Now()
			o.finish(j)
		case err := <-o.saved:
			o.now = time.Now()
			o.finishSave(err)
		}
	}
	o.readMail() // an endpoint that was just added gets its cursor
	if err := o.lastSave(); err != nil {
		return fmt.Errorf("stop outbox: %w", err)
	}
	return nil
}

// nextWake is how long nothing is due.
func (o *Outbox) nextWake() time.Duration {
	wait := time.Hour
	if len(o.waits) > 0 {
		wait = min(wait, o.waits[0].at.Sub(o.now))
	}
	if at, ok := o.saver.due(o.cfg.AckDelay); ok {
		wait = min(wait, at.Sub(o.now))
	}
	return max(wait, 0)
}
