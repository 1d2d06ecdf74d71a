package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Log is the event log in its global order. A position is opaque except that
// later events have greater ones; 0 stands before the first event. All methods
// may be called at any time from any goroutine.
type Log interface {
	// Next returns up to limit events after a position, oldest first, and the
	// position of the last of them. No events and no error mean the end.
	Next(after uint64, limit int) (events []record.Event, last uint64, err error)
	// Locate returns the position of an event, and false if it is not in the log.
	Locate(stream string, epoch uint32, seq uint64) (pos uint64, ok bool)
}

// Config says which broker is used and how.
type Config struct {
	// Dir is the bus's own directory, created with mode 0700 if absent: the
	// bookmark, and for the embedded server its credentials and JetStream store.
	Dir string

	// Embedded runs a server in this process, on Listen: a loopback address
	// with a port, which 0 leaves to the system. Empty means 127.0.0.1:0.
	Embedded bool
	Listen   string

	// URL names the external broker, or several servers of its cluster divided
	// by commas. Only these are dialled: servers they announce are not.
	URL       string
	User      string
	Password  string
	Token     string
	CredsFile string // NATS user credentials (JWT and seed)
	CAFile    string // PEM, instead of the system's authorities
	CertFile  string // PEM, a client certificate
	KeyFile   string

	// MaxAge and MaxBytes bound the JetStream stream. Zero means the default (7
	// days, 1 GiB), negative no bound. They are applied to a stream that this
	// package created; another's configuration is left alone.
	MaxAge   time.Duration
	MaxBytes int64
	// Replicas of a stream that is created on an external cluster, 1 if zero. An
	// existing stream keeps its own.
	Replicas int

	// AckWait is how long an acknowledgement, or the socket, may take before the
	// connection is given up; 10 s if zero.
	AckWait time.Duration

	// Origin names the log for as long as it lives: a new log needs a new one. If
	// empty, a random one is made and kept in Dir. At most 32 letters and digits.
	Origin string

	// MessageTexts publishes what was written in messages. Without it a message
	// goes out as [record.Event.WithoutTexts] has it.
	MessageTexts bool

	Log *slog.Logger // nil discards
}

const (
	defaultMaxAge   = 7 * 24 * time.Hour
	defaultMaxBytes = 1 << 30
	minMaxAge       = time.Minute
	minMaxBytes     = 4 << 20
	defaultAckWait  = 10 * time.Second
)

// Bus publishes one log. Its methods may be called from any goroutine.
type Bus struct {
	cfg    Config
	log    *slog.Logger
	events Log

	embedded *embedded // nil with an external broker
	bookmark *bookmark // Run's goroutine only

	started atomic.Bool
	wake    chan struct{}
	ready   chan struct{} // closed when the broker's address is known
	done    chan struct{} // closed when Run has returned

	mu sync.Mutex // guards what is below
	progress
}

// New checks the configuration and reads what Dir holds. It starts nothing and
// talks to nobody.
func New(cfg Config, events Log) (*Bus, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the bus directory: %w", err)
	}
	b := &Bus{
		cfg:    cfg,
		log:    cfg.Log,
		events: events,
		wake:   make(chan struct{}, 1),
		ready:  make(chan struct{}),
		done:   make(chan struct{}),
	}
	var err error
	if b.bookmark, err = openBookmark(cfg.Dir, cfg.Origin, cfg.Log); err != nil {
		return nil, err
	}
	if cfg.Embedded {
		if b.embedded, err = newEmbedded(cfg); err != nil {
			return nil, err
		}
	}
	if pos, ok := b.bookmark.locate(events); ok {
		b.published = pos
	}
	return b, nil
}

// complete fills in defaults and reports what cannot work.
func (c *Config) complete() error {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MaxAge == 0 {
		c.MaxAge = defaultMaxAge
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	c.MaxAge, c.MaxBytes = max(c.MaxAge, 0), max(c.MaxBytes, -1)
	if c.AckWait <= 0 {
		c.AckWait = defaultAckWait
	}
	c.Replicas = max(c.Replicas, 1)
	if c.Embedded {
		c.Replicas = 1
	}
	switch {
	case c.Dir == "":
		return errors.New("bus: no directory")
	case c.MaxBytes > 0 && c.MaxBytes < minMaxBytes:
		return fmt.Errorf("nats.max_bytes: %d is too small, at least %d", c.MaxBytes, minMaxBytes)
	case c.MaxAge > 0 && c.MaxAge < minMaxAge:
		return fmt.Errorf("nats.max_age: %v is too short, at least %v", c.MaxAge, minMaxAge)
	case !validOrigin(c.Origin):
		return errors.New("bus: an origin has at most 32 letters and digits")
	case c.Embedded && c.URL != "":
		return errors.New("nats.url: names an external broker while the embedded server is on; choose one")
	case c.Embedded:
		return nil
	}
	_, err := redact(c.URL)
	return err
}

// Run starts the embedded server, if there is one, and publishes until ctx is
// done; then it returns nil, after everything it started has gone. Publishes in
// flight are cut off and settled at the next start: call [Bus.WaitPublished]
// before, to have the last events out.
//
// A broker that is out of reach or refuses is no reason to return. What it does
// return is an embedded server that cannot start: a port that is taken
// ([ErrPortTaken]), a directory that cannot be written. It runs once.
func (b *Bus) Run(ctx context.Context) error {
	if !b.started.CompareAndSwap(false, true) {
		return errors.New("bus: already ran")
	}
	defer close(b.done)
	if b.embedded != nil {
		if err := b.embedded.start(); err != nil {
			return err
		}
		defer func() { b.embedded.stop() }()
	}
	close(b.ready)

	var pause pauses
	for ctx.Err() == nil {
		before := b.acknowledged()
		err := b.attempt(ctx)
		if ctx.Err() != nil {
			break
		}
		b.failed(err)
		if b.acknowledged() != before {
			pause = pauses{}
			if b.embedded != nil {
				b.embedded.well()
			}
		}
		pause.wait(ctx)
	}
	if err := b.bookmark.save(); err != nil {
		b.log.Warn("nats bookmark not saved", "err", err)
	}
	b.disconnected()
	return nil
}

// attempt is one session, on a server that works as far as that is up to us.
func (b *Bus) attempt(ctx context.Context) error {
	if b.embedded != nil {
		if err := b.embedded.heal(); err != nil {
			return err
		}
	}
	return b.session(ctx)
}

// Ready is closed when the embedded server accepts connections and [Bus.Info]
// answers; with an external broker, when Run has begun.
func (b *Bus) Ready() <-chan struct{} { return b.ready }

// Notify says that the log has new events. It never blocks; notifications
// coalesce.
func (b *Bus) Notify() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// pauses are the waits between sessions: they double from 10 ms to 15 s, less a
// random part of up to a half, so that daemons do not come back in step.
type pauses struct{ n int }

func (p *pauses) wait(ctx context.Context) {
	d := min(10*time.Millisecond<<p.n, 15*time.Second)
	if d < 15*time.Second {
		p.n++
	}
	t := time.NewTimer(d/2 + rand.N(d/2)) //nolint:gosec // jitter is no secret
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
