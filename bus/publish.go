package bus

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/switchhook/switchhook/record"
)

const (
	readBatch   = 256
	maxInFlight = 512
	maxBytes    = 8 << 20   // in flight; one message more may be
	maxUnasked  = 256 << 10 // without an acknowledgement asked for: a slow link shall not be silent
)

// flight is a message on its way.
type flight struct {
	id   string // the event's
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
	heard   time.Time // when the last acknowledgement came
	bytes   int
	unasked int    // bytes sent since an acknowledgement was asked for
	seq     uint64 // of the last message sent
	prev    string // name of the last message sent; empty if it is known to be the stream's last
	draft   *draft
}

// publish sends the log from the resumption on and returns the first doubt, or
// nil when ctx is done.
func (s *session) publish(ctx context.Context, at resumption) error {
	acks, err := listenForAcks(s.nc)
	if err != nil {
		return err
	}
	p := &pipeline{session: s, read: at.pos, seq: at.seq, more: true, acks: acks, draft: newDraft(s.bookmark.Origin)}
	tick := time.NewTicker(min(time.Second, s.cfg.AckWait/2))
	defer tick.Stop()
	for {
		if err := p.fill(); err != nil {
			return err
		}
		select {
		case m := <-acks.heard:
			if err := p.settle(ctx, m); err != nil {
				return err
			}
		case <-s.wake:
			p.more = true
		case <-tick.C:
			if s.embedded != nil {
				if err := s.embedded.check(); err != nil {
					return err
				}
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

// send publishes one event as the next link of the chain. Its place in the stream is
// foretold: a stranger's message could take it, and this one be accepted though the one
// before was refused. The name of the one before cannot be taken. Behind what is settled
// the sequence alone says it.
//
// Nats-Expected-Stream is not sent: the server looks through all headers for each it knows
// of. Another stream that has come to bind our subjects shows in the acknowledgement.
func (p *pipeline) send(e *record.Event, pos uint64) error {
	if !p.cfg.MessageTexts && e.Message != nil {
		e = new(e.WithoutTexts())
	}
	msg := p.draft
	if len(p.flights) == 0 {
		p.prev = ""
	}
	msg.link(p.seq, p.prev)
	omitted, err := msg.fill(e, p.limit-headroom)
	if err != nil {
		return err
	}
	id := msg.id[0]
	if omitted != nil {
		p.log.Warn("event published without its content", "event", id, "reason", omitted.Omitted, "size", omitted.Size, "limit", omitted.Limit)
	}
	size := msg.Size()
	p.seq++
	if p.unasked += size; p.asks(size) {
		p.unasked = 0
		msg.Reply = p.acks.subject(p.seq)
	}
	if err := p.nc.PublishMsg(&msg.Msg); err != nil {
		return fmt.Errorf("publish %s: %w", id, err)
	}
	p.prev = msg.name[0]
	p.flights = append(p.flights, flight{id: id, seq: p.seq, pos: pos, size: size, sent: time.Now()})
	p.bytes += size
	return nil
}

// asks reports whether the next message of that size has to be acknowledged: the first
// behind what is settled, so that a refusal comes with its own reason, and the last
// that can be sent for now, and now and then one between them, so that an answer comes
// within AckWait over a slow link too. Each answers for those before it; see settle.
func (p *pipeline) asks(size int) bool {
	return len(p.flights) == 0 || len(p.batch) == 1 || p.unasked >= maxUnasked || len(p.flights)+1 >= maxInFlight || p.bytes+size >= maxBytes
}

// settle takes an acknowledgement. It is for the message that asked and for all before
// it: each is accepted only behind the one before, so that the last could not be stored
// without the others.
func (p *pipeline) settle(ctx context.Context, m *nats.Msg) error {
	seq, ok := p.acks.asked(m)
	if !ok || len(p.flights) == 0 || seq < p.flights[0].seq || seq > p.seq {
		return nil
	}
	last := int(seq - p.flights[0].seq)
	f := p.flights[last]
	switch got := parseAck(m); {
	case got.err != nil:
		p.land(p.stored(ctx, last))
		return fmt.Errorf("publish %s as %d: %w", f.id, f.seq, got.err)
	case got.seq != f.seq || got.duplicate || got.stream != StreamName:
		return fmt.Errorf("publish %s as %d: acknowledged as %d of %s (duplicate: %t)", f.id, f.seq, got.seq, got.stream, got.duplicate)
	}
	p.heard = time.Now()
	p.land(last + 1)
	return nil
}

// stored answers how many of the first flights are in the stream, at most so many,
// where a later one was refused: another daemon may have come between any two.
func (p *pipeline) stored(ctx context.Context, most int) int {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return sort.Search(most, func(i int) bool {
		f := &p.flights[i]
		m, err := p.stream.GetMsg(ctx, f.seq)
		if err != nil {
			return true
		}
		id, mine := ours(m.Header, p.bookmark.Origin)
		return !mine || id != f.id
	})
}

// land lets the first flights go: they are in the stream.
func (p *pipeline) land(n int) {
	if n == 0 {
		return
	}
	f := p.flights[n-1]
	for _, one := range p.flights[:n] {
		p.bytes -= one.size
		if one.pos != 0 {
			f.pos = one.pos
		}
	}
	clear(p.flights[:n])
	p.flights = p.flights[n:]
	p.bookmark.set(p.stream.CachedInfo().Created, f.seq, f.id)
	p.advanced(f.seq, f.pos, n)
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
