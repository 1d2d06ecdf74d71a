package bus

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrStopped is returned by waits on a bus whose Run has returned.
var ErrStopped = errors.New("the bus has stopped")

// ErrNotReady is returned by [Bus.Info] while the embedded server is not up.
var ErrNotReady = errors.New("the embedded NATS server is not running yet")

// progress is what the session tells and others ask for.
type progress struct {
	published uint64
	acked     uint64 // messages acknowledged since the start
	streamSeq uint64
	connected bool
	lastErr   error
	lastErrAt time.Time
	moved     chan struct{} // closed and dropped when published changes; nil if nobody waits
}

// Status is how the bus is doing.
type Status struct {
	Connected bool          // a session stands and knows where it is in the stream
	URL       string        // of the broker, without credentials; empty until the embedded server is up
	Published uint64        // see [Bus.Published]
	StreamSeq uint64        // the stream's last sequence, as far as known
	Lag       time.Duration // the age of the oldest event that is not acknowledged; 0 if there is none
	LastError string        // the latest reason for not being connected, kept after it has healed
	ErrorAt   time.Time     // when that was; zero: never
}

// Info is what a subscriber needs.
type Info struct {
	URL      string `json:"url"`
	User     string `json:"user,omitempty"`     // may only subscribe and consume
	Password string `json:"password,omitempty"` // secret
	Stream   string `json:"stream"`
	Subjects string `json:"subjects"`
}

// Published is the position up to which JetStream has acknowledged every event.
// Until the first session it is what the last run knew. It goes back when the
// stream turns out to have been lost.
func (b *Bus) Published() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.published
}

// WaitPublished returns nil once [Bus.Published] is at least pos, and otherwise
// the context's error, or [ErrStopped].
func (b *Bus) WaitPublished(ctx context.Context, pos uint64) error {
	for {
		b.mu.Lock()
		if b.published >= pos {
			b.mu.Unlock()
			return nil
		}
		if b.moved == nil {
			b.moved = make(chan struct{})
		}
		moved := b.moved
		b.mu.Unlock()
		select {
		case <-moved:
		case <-b.done:
			return ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Status reports how the bus is doing. It reads one event from the log.
func (b *Bus) Status() Status {
	b.mu.Lock()
	s := Status{
		Connected: b.connected,
		Published: b.published,
		StreamSeq: b.streamSeq,
		ErrorAt:   b.lastErrAt,
	}
	if b.lastErr != nil {
		s.LastError = b.lastErr.Error()
	}
	b.mu.Unlock()
	if info, err := b.Info(); err == nil {
		s.URL = info.URL
	}
	if events, _, err := b.events.Next(s.Published, 1); err == nil && len(events) > 0 {
		s.Lag = max(time.Since(events[0].At), 1)
	}
	return s
}

// Info tells where and how to subscribe. With an external broker it has no
// credentials: those are its operator's to give. The error is [ErrNotReady].
func (b *Bus) Info() (Info, error) {
	info := Info{Stream: StreamName, Subjects: subjects}
	if b.embedded == nil {
		info.URL, _ = redact(b.cfg.URL)
		return info, nil
	}
	select {
	case <-b.ready:
	default:
		return Info{}, ErrNotReady
	}
	info.URL = "nats://" + b.embedded.addr
	info.User, info.Password = readerName, b.embedded.creds.Reader
	return info, nil
}

// synced is called when a session knows where it resumes.
func (b *Bus) synced(at resumption) {
	b.mu.Lock()
	b.connected, b.streamSeq = true, at.seq
	b.setPublished(at.pos)
	err := b.lastErr
	b.mu.Unlock()
	url := ""
	if info, ierr := b.Info(); ierr == nil {
		url = info.URL
	}
	attrs := []any{"url", url, "stream_seq", at.seq, "resume", at.why}
	if err != nil {
		attrs = append(attrs, "after", err)
	}
	b.log.Info("nats connected", attrs...)
}

// advanced is called for each acknowledgement; pos is 0 where the position of
// its event is not known.
func (b *Bus) advanced(seq, pos uint64, messages int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streamSeq = seq
	b.acked += uint64(messages)
	if pos != 0 {
		b.setPublished(pos)
	}
}

// setPublished needs mu.
func (b *Bus) setPublished(pos uint64) {
	if pos == b.published {
		return
	}
	b.published = pos
	if b.moved != nil {
		close(b.moved)
		b.moved = nil
	}
}

func (b *Bus) acknowledged() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.acked
}

func (b *Bus) disconnected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.connected = false
}

// failed records why a session ended, and logs it if it is news.
func (b *Bus) failed(err error) {
	b.mu.Lock()
	news := b.connected || b.lastErr == nil || rootCause(err) != rootCause(b.lastErr)
	b.connected = false
	b.lastErr, b.lastErrAt = err, time.Now()
	b.mu.Unlock()
	if !news {
		return
	}
	level := slog.LevelWarn
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, errForeignStream) {
		level = slog.LevelError
	}
	b.log.Log(context.Background(), level, "nats publishing is held up", "err", err)
}

// rootCause is what distinguishes one failure from the next: the innermost
// error, since the outer ones name local ports and sequences.
func rootCause(err error) string {
	for err != nil {
		if api, ok := errors.AsType[*jetstream.APIError](err); ok {
			return strconv.Itoa(int(api.ErrorCode))
		}
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
	return ""
}
