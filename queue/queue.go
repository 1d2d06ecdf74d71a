// Package queue hands out the events of a stream one notification after the other,
// for whoever fetches them instead of being sent to: the oldest that was not deleted,
// the same again until it is.
//
// It holds nothing of the events. A stream has a cursor into the event log, stored as
// a [record.Lane], and what was deleted behind it out of turn. What follows the cursor
// is made into notifications when somebody asks; what is older than [Keep] is passed
// over. So a queue that nobody reads costs nothing, and what the cursor has not passed
// is there after a restart or a kill.
//
// # Receipts
//
// A notification is known by its receipt: the event's seq times [Places], plus the
// notification's place among those of its event. Receipts rise along the stream, mean
// the same after a restart, and fit into 53 bits, as far as JavaScript counts, for
// more events than a stream will ever have; into 31 bits for four million.
//
// # Who waits
//
// A waiting [Queue.Next] is its caller's goroutine on a channel. Where the head of the
// stream has not moved since it looked last, it reads nothing. How far a stream holds
// nothing of interest is remembered, in memory, so that no stretch is read twice; and
// one call reads a bounded stretch.
package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/switchhook/switchhook/record"
)

const (
	// Keep is how long a notification waits to be fetched, from its event's commit on.
	Keep = 24 * time.Hour
	// Places is how many notifications one event makes at most. Further ones are not
	// handed out.
	Places = 512
	// maxApart bounds what is remembered of deletions out of turn.
	maxApart = 1000
	// readChunk is how many events are read at once; the stream's turn is held so long.
	readChunk = 256
	// readMost bounds how many events one call reads.
	readMost = 64 * readChunk
)

// Log is the event log, and where cursors are kept. Its methods are called on several
// goroutines at once.
type Log interface {
	// Events answers up to limit events of a stream with a seq above after, in order.
	Events(stream string, after uint64, limit int) ([]record.Event, error)
	// Head is the seq of the stream's last event. It answers from memory.
	Head(stream string) uint64
	// SeqAtTime answers the seq of the stream's last event before a time.
	SeqAtTime(stream string, at time.Time) (uint64, error)
	// Lane answers a cursor as it was stored; false if it never was.
	Lane(endpoint, stream string) (record.Lane, bool, error)
	// SaveLane stores a cursor; on nil it is on disk.
	SaveLane(ctx context.Context, l record.Lane) error
}

// Config is what [New] needs. All of it is called on several goroutines at once.
type Config struct {
	Log Log
	// Watch wakes its receiver after events were appended to a stream, or what is
	// wanted of it may have changed. stop ends it.
	Watch func(stream string) (wake <-chan struct{}, stop func())
	// Make answers the notifications of an event, each in its place; nil in the place
	// of one that is not wanted.
	Make func(ev *record.Event) ([][]byte, error)
	// Endpoint names the endpoint under which a stream's cursor is kept; false while
	// the stream is not fetched from.
	Endpoint func(stream string) (id string, open bool)
	Logger   *slog.Logger // discards when nil
}

// Queue hands out notifications. Make it with [New]; any goroutine may use it.
type Queue struct {
	cfg Config
	log *slog.Logger

	mu      sync.Mutex
	streams map[string]*stream // guarded by mu
}

// New makes a queue.
func New(cfg Config) *Queue {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Queue{cfg: cfg, log: cfg.Logger, streams: make(map[string]*stream)}
}

// Notification is what is handed out.
type Notification struct {
	Receipt int64
	Body    []byte // shared: not to be changed
}

// Next answers the oldest notification of a stream that was not deleted, and waits for
// one if there is none. ok is false when none came in time, or earlier when there was
// so much of no interest to read that the next call shall go on with it. The error is
// the log's, or ctx's.
func (q *Queue) Next(ctx context.Context, name string, wait time.Duration) (n Notification, ok bool, err error) {
	wake, stop := q.cfg.Watch(name)
	defer stop()
	over := time.NewTimer(wait)
	defer over.Stop()
	for read := 0; ; {
		n, ok, more, err := q.look(ctx, name)
		switch {
		case ok || err != nil:
			return n, ok, err
		case more:
			if read += readChunk; read >= readMost {
				return n, false, nil
			}
			continue
		}
		select {
		case <-wake:
			read = 0
		case <-over.C:
			return n, false, nil
		case <-ctx.Done():
			return n, false, fmt.Errorf("wait for a notification: %w", ctx.Err())
		}
	}
}

// look answers what is next, if anything; more says that the search is not over.
func (q *Queue) look(ctx context.Context, name string) (n Notification, ok, more bool, err error) {
	s, err := q.enter(ctx, name)
	if err != nil {
		return n, false, false, err
	}
	defer s.leave()
	if !s.open {
		return n, false, false, nil
	}
	if more, err = q.find(name, s); err != nil {
		return n, false, false, fmt.Errorf("look for a notification: %w", err)
	}
	if s.next == nil {
		return n, false, more, nil
	}
	return s.next.Notification, true, false, nil
}

// Delete deletes the notification of a receipt, and answers true, once that is on
// disk, if it was there: handed out or not, not deleted, not too old. Of those that
// follow the next one, at most a thousand can be deleted out of turn; what cannot be
// remembered stays, and the answer is false. The error is the log's, or ctx's; then
// nothing is deleted.
func (q *Queue) Delete(ctx context.Context, name string, receipt int64) (bool, error) {
	s, err := q.enter(ctx, name)
	if err != nil {
		return false, err
	}
	defer s.leave()
	if !s.open || receipt < Places {
		return false, nil
	}
	deleted, err := q.remove(ctx, name, s, receipt)
	if err != nil {
		return false, fmt.Errorf("delete a notification: %w", err)
	}
	return deleted, nil
}
