package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/record"
)

// resumption is where a session takes up publishing: behind the stream's
// message seq, with the event after pos.
type resumption struct {
	seq uint64
	pos uint64
	why string
}

// resume looks at the stream and decides; the package comment has the rules.
func (s *session) resume(ctx context.Context) (resumption, error) {
	info := s.stream.CachedInfo()
	at := resumption{seq: info.State.LastSeq}
	mark := s.bookmark
	if !mark.Created.Equal(info.Created) || mark.Seq > at.seq {
		mark.clear() // it speaks of a stream that is no more
	}
	if at.seq == 0 {
		at.why = "the stream is empty"
		return at, nil
	}

	last, err := s.stream.GetMsg(ctx, at.seq)
	gone := errors.Is(err, jetstream.ErrMsgNotFound)
	if err != nil && !gone {
		return at, fmt.Errorf("read the stream's last message: %w", err)
	}
	if !gone {
		if id, ok := ours(last.Header, mark.Origin); ok {
			if at.pos, ok = locate(s.events, id); ok {
				mark.set(info.Created, at.seq, id)
				at.why = "after the stream's last event"
				return at, nil
			}
		}
	}

	var known bool
	at.pos, known = mark.locate(s.events)
	switch {
	case gone && known && mark.Seq == at.seq:
		at.why = "after the bookmark, the stream's events have expired"
	case info.State.Msgs == 0:
		at.why = "the stream's events have expired"
	default:
		at.why = "behind what the stream has of this log"
		// What follows a bookmark is an unbroken run; without one, early events
		// may have expired, and the last that is covered counts.
		if at.pos, err = s.covered(ctx, at.pos, known); err != nil {
			return at, err
		}
	}
	return at, nil
}

// covered walks the log from a position and returns the position of the last
// event that the stream holds or, by what it holds of the event's own stream,
// must have held. With unbroken, it stops at the first event that is not.
func (s *session) covered(ctx context.Context, from uint64, unbroken bool) (uint64, error) {
	asked := map[string]held{}
	result, at := from, from
	for {
		events, last, err := s.events.Next(at, readBatch)
		if err != nil {
			return 0, fmt.Errorf("read the event log: %w", err)
		}
		if len(events) == 0 {
			return result, nil
		}
		at = last
		var hit *record.Event
		ended := false
		for i := range events {
			e := &events[i]
			h, ok := asked[e.Stream]
			if !ok {
				if h, err = s.lastOf(ctx, e.Stream); err != nil {
					return 0, err
				}
				asked[e.Stream] = h
			}
			if h.covers(e) {
				hit = e
			} else if unbroken {
				ended = true
				break
			}
		}
		if hit != nil {
			if result, _ = s.events.Locate(hit.Stream, hit.Epoch, hit.Seq); result == 0 {
				return 0, fmt.Errorf("event %s has left the log", hit.ID())
			}
		}
		if ended {
			return result, nil
		}
	}
}

// held is the last event that JetStream has of one of our streams; zero: none.
type held struct {
	epoch uint32
	seq   uint64
}

func (h held) covers(e *record.Event) bool {
	return e.Epoch < h.epoch || e.Epoch == h.epoch && e.Seq <= h.seq
}

// lastOf asks JetStream for the last event of one of our streams. If the last
// one is another log's, that is as good as none.
func (s *session) lastOf(ctx context.Context, stream string) (held, error) {
	if !validSubject(record.SubjectPrefix + stream) {
		return held{}, nil
	}
	msg, err := s.stream.GetLastMsgForSubject(ctx, record.SubjectPrefix+stream+".>")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return held{}, nil
	}
	if err != nil {
		return held{}, fmt.Errorf("read the last message of stream %s: %w", stream, err)
	}
	id, ok := ours(msg.Header, s.bookmark.Origin)
	if !ok {
		return held{}, nil
	}
	of, epoch, seq, err := record.ParseID(id)
	if err != nil || of != stream {
		return held{}, nil //nolint:nilerr // an id that is none is nothing of ours
	}
	return held{epoch, seq}, nil
}

// locate finds an event in the log by its id.
func locate(log Log, id string) (pos uint64, ok bool) {
	stream, epoch, seq, err := record.ParseID(id)
	if err != nil {
		return 0, false
	}
	return log.Locate(stream, epoch, seq)
}
