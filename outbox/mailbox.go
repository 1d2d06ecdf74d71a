package outbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/record"
)

// mailbox is how everyone else reaches Run's goroutine. Putting something in
// never blocks; wake-ups coalesce.
type mailbox struct {
	mu       sync.Mutex
	commands []func()            // guarded by mu; run in order on Run's goroutine
	notified map[string]struct{} // guarded by mu; streams with new events

	wake chan struct{}
}

func newMailbox() mailbox {
	return mailbox{notified: make(map[string]struct{}), wake: make(chan struct{}, 1)}
}

func (m *mailbox) post(command func()) {
	m.mu.Lock()
	m.commands = append(m.commands, command)
	m.mu.Unlock()
	m.ring()
}

func (m *mailbox) ring() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Notify says that events of a stream were committed. It never blocks, and may
// be called once for many events.
func (o *Outbox) Notify(stream string) {
	o.mail.mu.Lock()
	o.mail.notified[stream] = struct{}{}
	o.mail.mu.Unlock()
	o.mail.ring()
}

// SetEndpoint adds an endpoint or changes one; call it after the endpoint was
// stored, with the lanes that were stored beside it. A lane that is known keeps
// its cursor. What is pending is tried at once.
// With a new address, or enabled again, it also starts the schedule and the
// horizon anew: a request under way to the old address is cut short, and unless
// it was acknowledged its event goes to the new one.
func (o *Outbox) SetEndpoint(ep record.Endpoint, lanes ...record.Lane) {
	o.mail.post(func() { o.setEndpoint(ep, lanes) })
}

// RemoveEndpoint ends the deliveries to an endpoint. Its lane is not written
// again, except by a save that is under way already.
func (o *Outbox) RemoveEndpoint(id string) {
	o.mail.post(func() {
		if l := o.lanes[id]; l != nil {
			o.removeLane(l)
		}
	})
}

// RemoveStream ends the deliveries of a stream to every endpoint. Its lanes are
// not written again, except by a save that is under way already.
func (o *Outbox) RemoveStream(stream string) {
	o.mail.post(func() {
		if st := o.streams[stream]; st != nil {
			for _, l := range slices.Clone(st.lanes) {
				o.removeLane(l)
			}
		}
	})
}

// Cover says that an endpoint's streams may be others than before: an
// instance's tenant has changed. Every endpoint's lanes are looked over.
func (o *Outbox) Cover() { o.mail.post(func() {}) }

// Skip gives up the event that a lane is stuck with, or the batch of events: it
// becomes a dead letter, which is on disk when Skip answers. The error is
// [ErrNothingPending], ctx's, or says that Run does not run; the event is
// skipped nonetheless if it was ctx's.
func (o *Outbox) Skip(ctx context.Context, endpoint, stream string) (record.DeadLetter, error) {
	return record.DeadLetter{}, ErrNothingPending
}

// ErrNothingPending is the error of [Outbox.Skip] when a lane has nothing to
// skip, or is not there.
var ErrNothingPending = errors.New("nothing is pending")

// StartReplay begins a replay; call it after its lane was stored.
func (o *Outbox) StartReplay(lane record.Lane) { o.mail.post(func() {}) }

// Retry has an endpoint tried now, whatever its schedule says. A disabled one
// stays disabled.
func (o *Outbox) Retry(endpointID string) {
	o.mail.post(func() {
		if l := o.lanes[endpointID]; l != nil && l.ep.Disabled == "" {
			l.due = time.Time{}
			o.place(l)
		}
	})
}

// ask runs f on Run's goroutine and waits for it. It answers false, and f has
// not run and never will, before Run and after it.
func (o *Outbox) ask(f func()) bool {
	if !o.ran.Load() {
		return false
	}
	done := make(chan struct{})
	o.mail.post(func() { f(); close(done) })
	select {
	case <-done:
		return true
	case <-o.stopped:
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// readMail applies everything that has arrived. The lock is not held meanwhile:
// whoever commits may call Notify under a lock that Log.Head needs.
func (o *Outbox) readMail() {
	o.mail.mu.Lock()
	commands, notified := o.mail.commands, o.mail.notified
	o.mail.commands, o.mail.notified = nil, o.spare
	o.mail.mu.Unlock()
	for name := range notified {
		if st := o.streams[name]; st != nil {
			st.head = o.cfg.Log.Head(name)
			for _, l := range st.lanes {
				o.place(l)
			}
		}
	}
	clear(notified)
	o.spare = notified
	for _, command := range commands {
		command()
	}
}
