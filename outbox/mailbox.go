package outbox

import (
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
// its cursor; a stream that it covers and that has no lane begins with the first
// event since the endpoint was created. What is pending is tried at once. With a new address, or enabled again, it also starts the schedule and the
// horizon anew: a request under way to the old address is cut short, and unless
// it was acknowledged its event goes to the new one.
func (o *Outbox) SetEndpoint(ep record.Endpoint, lanes ...record.Lane) {
	o.mail.post(func() { o.setEndpoint(ep, lanes) })
}

// RemoveEndpoint ends the deliveries to an endpoint, its replays included. Its
// lanes are not written again, except by a save that is under way already.
func (o *Outbox) RemoveEndpoint(id string) {
	o.mail.post(func() {
		if t := o.targets[id]; t != nil {
			o.removeTarget(t)
		}
	})
}

// RemoveStream ends the deliveries of a stream to every endpoint. Its lanes are
// not written again, except by a save that is under way already.
func (o *Outbox) RemoveStream(stream string) {
	o.mail.post(func() { o.removeStream(stream) })
}

// Cover says that an endpoint's streams may be others than before: an
// instance's tenant has changed. Lanes of streams that an endpoint covers no
// more end. A stream that it has no lane of begins with the first event since
// the endpoint was created, unless [Outbox.SetEndpoint] gave a lane before.
func (o *Outbox) Cover() {
	o.mail.post(func() {
		for t := range o.wide {
			o.cover(t, nil)
		}
	})
}

// StartReplay begins a replay; call it after its lane was stored. The lane
// delivers what follows Acked, up to Until, once more. It ends by itself, and
// with its endpoint or its stream.
func (o *Outbox) StartReplay(lane record.Lane) {
	o.mail.post(func() { o.startReplay(lane) })
}

// Retry has an endpoint tried now, whatever its schedule says. A disabled one
// stays disabled; where the breaker is open, one lane probes.
func (o *Outbox) Retry(endpoint string) {
	o.mail.post(func() {
		t := o.targets[endpoint]
		switch {
		case t == nil || t.paused():
		case t.brk.open:
			o.probe(t)
		default:
			for _, l := range t.lanes {
				l.due = time.Time{}
				o.place(l)
			}
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
		o.notified(name)
	}
	clear(notified)
	o.spare = notified
	for _, command := range commands {
		command()
	}
}
