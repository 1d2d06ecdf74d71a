package bus

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/record"
)

const (
	readBatch   = 256
	maxInFlight = 512
	maxBytes    = 8 << 20 // in flight; one message more may be
)

// flight is a message on its way.
type flight struct {
	id   string // the event's
	ack  *ack   // nil: not heard yet
	seq  uint64 // the stream sequence it must get
	pos  uint64 // its event's position in the log; 0: not known
	size int
	sent time.Time
}

// pipeline is the chain of one session. Only the session's goroutine uses it.
type pipeline struct {
	*session
	batch []record.Event // read and not sent
	read  uint64         // position of the last event read
	more  bool           // the log may have events after it

	acks    *acks
	flights []flight  // sent and not acknowledged, oldest first
	first   uint64    // the number of the oldest
	heard   time.Time // when the last acknowledgement came
	bytes   int
	seq     uint64 // of the last message sent
	prev    string // message id of the last message sent
}

// publish sends the log from the resumption on and returns the first doubt, or
// nil when ctx is done.
func (s *session) publish(ctx context.Context, at resumption) error {
	acks, err := listenForAcks(s.nc)
	if err != nil {
		return err
	}
	p := &pipeline{session: s, read: at.pos, seq: at.seq, more: true, acks: acks}
	tick := time.NewTicker(min(time.Second, s.cfg.AckWait/2))
	defer tick.Stop()
	for {
		if err := p.fill(); err != nil {
			return err
		}
		select {
		case m := <-acks.heard:
			if err := p.settle(m); err != nil {
				return err
			}
		case <-s.wake:
			p.more = true
		case <-tick.C:
			if s.embedded != nil && !s.embedded.works() {
				return errNoJetStream
			}
			if err := p.overdue(); err != nil {
				return err
			}
			if s.bookmark.due() {
				if err := s.bookmark.save(); err != nil {
					s.log.Warn("nats bookmark not saved", "err", err)
				}
			}
		case err := <-s.async:
			return fmt.Errorf("nats connection: %w", err)
		case <-s.closed:
			return s.died()
		case <-ctx.Done():
			return nil
		}
	}
}

// fill sends as much as the window lets through.
func (p *pipeline) fill() error {
	for len(p.flights) < maxInFlight && p.bytes < maxBytes {
		if len(p.batch) == 0 {
			// Half a window at a time: not a read for each acknowledgement.
			if !p.more || len(p.flights) > maxInFlight/2 {
				return nil
			}
			events, last, err := p.events.Next(p.read, readBatch)
			if err != nil {
				return fmt.Errorf("read the event log: %w", err)
			}
			if len(events) == 0 {
				p.more = false
				return nil
			}
			p.batch, p.read = events, last
		}
		var pos uint64
		if len(p.batch) == 1 {
			pos = p.read
		}
		if err := p.send(&p.batch[0], pos); err != nil {
			return err
		}
		p.batch = p.batch[1:]
	}
	return nil
}

// send publishes one event as the next link of the chain.
func (p *pipeline) send(e *record.Event, pos uint64) error {
	if !p.cfg.MessageTexts && e.Message != nil {
		e = new(e.WithoutTexts())
	}
	msg, omitted, err := encode(e, p.bookmark.Origin, p.limit-headroom-len(p.prev))
	if err != nil {
		return err
	}
	id := msg.Header.Get(HeaderID)
	if omitted != nil {
		p.log.Warn("event published without its content", "event", id, "reason", omitted.Omitted, "size", omitted.Size, "limit", omitted.Limit)
	}
	msg.Header[jetstream.ExpectedStreamHeader] = []string{StreamName}
	msg.Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(p.seq, 10)}
	if len(p.flights) > 0 {
		// The sequence is foretold: a stranger's message could take it, and
		// this one be accepted though the one before was refused. Its name
		// cannot be taken. Without flights the sequence is exact.
		msg.Header[jetstream.ExpectedLastMsgIDHeader] = []string{p.prev}
	}
	number := uint64(0)
	msg.Reply, number = p.acks.subject()
	if err := p.nc.PublishMsg(msg); err != nil {
		return fmt.Errorf("publish %s: %w", id, err)
	}
	if len(p.flights) == 0 {
		p.first = number
	}
	p.seq++
	p.prev = msg.Header.Get(jetstream.MsgIDHeader)
	p.flights = append(p.flights, flight{id: id, seq: p.seq, pos: pos, size: msg.Size(), sent: time.Now()})
	p.bytes += msg.Size()
	return nil
}

// settle takes an acknowledgement and those that have come beside it, and lets the
// flights go that are done with, oldest first.
func (p *pipeline) settle(m *nats.Msg) error {
	for {
		if number, ok := p.acks.number(m); ok && number >= p.first && number-p.first < uint64(len(p.flights)) {
			got := parseAck(m)
			p.flights[number-p.first].ack = &got
		}
		for len(p.flights) > 0 && p.flights[0].ack != nil {
			if err := p.land(); err != nil {
				return err
			}
		}
		select {
		case m = <-p.acks.heard:
		default:
			return nil
		}
	}
}

// land takes the oldest flight, which is acknowledged.
func (p *pipeline) land() error {
	f := p.flights[0]
	switch got := f.ack; {
	case got.err != nil:
		return fmt.Errorf("publish %s as %d: %w", f.id, f.seq, got.err)
	case got.seq != f.seq || got.duplicate || got.stream != StreamName:
		return fmt.Errorf("publish %s as %d: acknowledged as %d of %s (duplicate: %t)", f.id, f.seq, got.seq, got.stream, got.duplicate)
	}
	p.heard = time.Now()
	p.flights[0] = flight{}
	p.flights = p.flights[1:]
	p.first++
	p.bytes -= f.size
	p.bookmark.set(p.stream.CachedInfo().Created, f.seq, f.id)
	p.advanced(f.seq, f.pos)
	return nil
}

// overdue reports that acknowledgements have stopped coming. A slow link that
// carries a full window takes its time, but not in silence.
func (p *pipeline) overdue() error {
	if len(p.flights) == 0 {
		return nil
	}
	f := &p.flights[0]
	if time.Since(f.sent) < p.cfg.AckWait || time.Since(p.heard) < p.cfg.AckWait {
		return nil
	}
	return fmt.Errorf("publish %s: no acknowledgement: %w", f.id, nats.ErrTimeout)
}
