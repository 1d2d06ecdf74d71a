package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/record"
)

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// The bounds of a stream of server-sent events.
const (
	// MaxStreams is how many of them there are at once, over all instances.
	MaxStreams = 1024

	heartbeat    = 15 * time.Second // between two signs of life
	reconnect    = 3 * time.Second  // how long a client waits before it comes again
	streamedPage = 64               // events that are in memory for one of them
)

var errManyStreams = &failure{
	Status: http.StatusTooManyRequests, Code: "many_streams",
	Message: "there are " + strconv.Itoa(MaxStreams) + " event streams already: end some, or ask with ?wait= instead",
}

// errOver ends a stream behind its last event.
var errOver = errors.New("the stream is over")

// follow answers events as they come, as server-sent events: id is the event's
// id, data the event in the format. It begins behind Last-Event-ID, or else
// behind ?after=, and goes on until the client or the daemon goes, or the
// instance is no more. Where the log was pruned an event "pruned" says which are
// missing. A reader that does not take what is sent is cut off.
func (a *API) follow(c *call) (any, error) {
	q := c.URL.Query()
	if last := c.Header.Get("Last-Event-ID"); last != "" {
		q.Set("after", last)
	}
	l, err := a.parseLook(q)
	if err != nil {
		return nil, err
	}
	after, err := a.locate(c, l.after)
	if err != nil {
		return nil, err
	}
	if c.entry.Deleting && after >= a.cfg.Instances.Head(c.entry.ID) {
		return nothing{}, nil // which tells a browser not to come again
	}
	if a.streams.Add(1) > MaxStreams {
		a.streams.Add(-1)
		c.w.Header().Set("Retry-After", "30")
		return nil, errManyStreams
	}
	defer a.streams.Add(-1)

	wake, stop := a.cfg.Instances.Watch(c.entry.ID) // before the first look, so that nothing falls between
	defer stop()
	f := &follower{a: a, c: c, look: l, after: after, control: http.NewResponseController(c.w)}
	if err := f.begin(); err != nil {
		return streamed{}, nil // the client has gone; there is nobody to tell
	}
	f.run(wake)
	return streamed{}, nil
}

// follower is one stream under way.
type follower struct {
	a       *API
	c       *call
	look    look
	after   uint64
	told    uint64 // up to here it was said what is pruned
	control *http.ResponseController
}

func (f *follower) begin() error {
	h := f.c.w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would gather it otherwise
	h.Set(HeadHeader, strconv.FormatUint(f.a.cfg.Instances.Head(f.c.entry.ID), 10))
	f.c.w.WriteHeader(http.StatusOK)
	return f.say("retry: %d\n\n", reconnect.Milliseconds())
}

// run sends until the stream is over.
func (f *follower) run(wake <-chan struct{}) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		more, err := f.next()
		if err != nil {
			return
		}
		if more {
			select {
			case <-f.a.stopped:
				return
			default:
				continue
			}
		}
		select {
		case <-wake:
		case <-beat.C:
			if f.say(":\n\n") != nil {
				return
			}
		case <-f.a.stopped:
			return
		case <-f.c.Context().Done():
			return
		}
	}
}

// next sends one page. more is false when there was none.
func (f *follower) next() (more bool, err error) {
	p, err := f.a.read(f.c, f.after, streamedPage)
	if err != nil {
		if f.c.Context().Err() == nil {
			f.a.cfg.Log.Warn("event stream ended early", "instance", f.c.entry.ID, "err", err)
		}
		return false, err
	}
	if from, to, ok := p.pruned(); ok && to > f.told {
		f.told = to
		if err := f.write("event: pruned\ndata: {\"from\":%d,\"to\":%d}\n\n", from, to); err != nil {
			return false, err
		}
	}
	for i := range p.events {
		ev := &p.events[i]
		body, err := f.look.encode(ev)
		if err != nil {
			f.a.cfg.Log.Error("event could not be encoded", "event", ev.ID(), "err", err)
			return false, err
		}
		if err := f.write("id: %s\ndata: %s\n\n", ev.ID(), bytes.ReplaceAll(body, []byte("\n"), []byte("\ndata: "))); err != nil {
			return false, err
		}
		f.after = ev.Seq
		if ev.Kind == record.InstanceDeleted {
			return false, errors.Join(errOver, f.control.Flush())
		}
	}
	if len(p.events) > 0 || f.told > 0 {
		err = f.control.Flush()
	}
	return len(p.events) > 0, err
}

// write gives a reader so long to take a piece.
func (f *follower) write(format string, args ...any) error {
	_ = f.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // only a test's writer has none
	_, err := fmt.Fprintf(f.c.w, format, args...)
	return err
}

// say writes and flushes.
func (f *follower) say(format string, args ...any) error {
	if err := f.write(format, args...); err != nil {
		return err
	}
	return f.control.Flush()
}
