package sandbox

import (
	"container/list"
	"sync"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// mailbox is what the server holds for one companion. It delivers in order, to
// one connection at a time, and all that has not been acknowledged once more to
// every new one.
type mailbox struct {
	id     deviceID
	office *postOffice

	mu     sync.Mutex
	queue  *list.List // of *letter; below: guarded by mu
	byID   map[string]*letter
	round  *round // nil while the companion is not connected
	before uint64 // letters up to this one are from before the round
}

// round is the delivery to one connection. Its fields are guarded by the box.
type round struct {
	c       *conn
	next    *list.Element // nil when all has been put on the wire
	busy    bool          // somebody is delivering
	waiting int           // letters from before the connection that are still to be sent
	missed  int           // how many the companion has been told of
	begun   bool
}

// open makes ready for the delivery to a connection that has just become the
// companion's, and returns what begins it. What is posted in between counts as
// new. For a connection that gets its mail already there is nothing to begin.
func (b *mailbox) open(c *conn) (begin func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.round != nil && b.round.c == c {
		return func() {}
	}
	r := &round{c: c, next: b.queue.Front(), waiting: b.queue.Len(), busy: true}
	b.round, b.before = r, b.office.serial.Load()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		r.busy = false
		if b.round == r {
			b.deliver()
		}
	}
}

// shut ends the delivery to a connection, if it is that one's.
func (b *mailbox) shut(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.round != nil && b.round.c == c {
		b.round = nil
	}
}

// post queues a new letter.
func (b *mailbox) post(l *letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.older = b.byID[l.id]
	b.byID[l.id] = l
	b.enqueue(l)
}

// enqueue puts a letter at the end of the queue, wherever it was. The caller holds
// the lock.
func (b *mailbox) enqueue(l *letter) {
	b.unqueue(l)
	l.place = b.queue.PushBack(l)
	if b.round != nil {
		if b.round.next == nil {
			b.round.next = l.place
		}
		b.deliver()
	}
}

// unqueue takes a letter out of the queue. The caller holds the lock.
func (b *mailbox) unqueue(l *letter) {
	if l.place == nil {
		return
	}
	if r := b.round; r != nil {
		if r.next == l.place {
			r.next = l.place.Next()
		}
		if l.round != r && l.serial <= b.before {
			r.waiting--
		}
	}
	b.queue.Remove(l.place)
	l.place = nil
}

// forget lets nothing be known of a letter any more.
func (b *mailbox) forget(l *letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.place != nil {
		b.unqueue(l)
		b.office.waiting.Add(-1)
	}
	at, known := b.byID[l.id]
	switch {
	case !known:
	case at == l && l.older == nil:
		delete(b.byID, l.id)
	case at == l:
		b.byID[l.id] = l.older
	default:
		for ; at.older != nil; at = at.older {
			if at.older == l {
				at.older = l.older
				return
			}
		}
	}
}

// deliver sees to it that somebody delivers. The caller holds the lock.
func (b *mailbox) deliver() {
	r := b.round
	if r.busy || r.next == nil {
		return
	}
	r.busy = true
	r.c.spawn(func() { b.walk(r) })
}

// walk delivers until nothing is left or the connection does not take it.
func (b *mailbox) walk(r *round) {
	for {
		before, step, after := b.step(r)
		if before != nil {
			r.c.say(*before)
		}
		if step == nil {
			return
		}
		select {
		case <-step.saved:
		case <-r.c.ctx.Done():
			return
		}
		for range step.times {
			if err := r.c.sendPacked(step.tag, step.packed); err != nil {
				r.c.log.Debug("mail was not sent", "err", err)
				return
			}
		}
		if after != nil {
			r.c.say(*after)
		}
	}
}

// parcel is a letter on its way out.
type parcel struct {
	tag    string
	packed []byte
	times  int
	saved  <-chan struct{}
}

// always is closed: what need not be waited for.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// step takes the next letter, and what is to be said before and after it. What a
// companion finds after an absence stands between a preview and a total.
func (b *mailbox) step(r *round) (before *binary.Node, step *parcel, after *binary.Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.round != r || r.next == nil {
		r.busy = false
		return nil, nil, nil
	}
	if !r.begun && r.waiting > 0 {
		r.missed = r.waiting
		before = b.preview(r.missed)
	}
	r.begun = true
	l := r.next.Value.(*letter) //nolint:forcetypeassert // the queue holds nothing else
	r.next = r.next.Next()
	if l.round != r && l.serial <= b.before {
		r.waiting--
	}
	l.round = r
	if r.missed > 0 && (r.waiting <= 0 || r.next == nil) {
		node := element("ib", binary.Attrs{"from": types.ServerJID}, element("offline", binary.Attrs{"count": r.missed}))
		after, r.missed = &node, 0
	}
	times := 1 + l.encores
	l.encores, l.owed = 0, false
	l.status.Sends += times
	l.status.LastSendAt = now()
	saved := l.saved
	if saved == nil {
		saved = always
	}
	return before, &parcel{tag: string(l.class), packed: l.packed, times: times, saved: saved}, after
}

// preview says what a companion has missed.
func (b *mailbox) preview(count int) *binary.Node {
	kinds := make(map[MailClass]int)
	for e := b.queue.Front(); e != nil; e = e.Next() {
		kinds[e.Value.(*letter).class]++ //nolint:forcetypeassert // the queue holds nothing else
	}
	node := element("ib", binary.Attrs{"from": types.ServerJID}, element("offline_preview", binary.Attrs{
		"count": count, "appdata": 0, "message": kinds[MailMessage], "notification": kinds[MailCall] + kinds[MailNotification], "receipt": kinds[MailReceipt],
	}))
	return &node
}

// finish ends the waiting of letters with these ids, those that end says true of,
// and returns them. One that is to go out once more waits until it has.
func (b *mailbox) finish(end func(*letter) bool, ids ...string) []*letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	var finished []*letter
	for _, id := range ids {
		for l := b.byID[id]; l != nil; l = l.older {
			if !end(l) || l.place == nil || l.owed && !l.status.Dropped {
				continue
			}
			b.unqueue(l)
			b.office.waiting.Add(-1)
			b.office.journal.write(l.erased())
			b.office.remember(l, l.packed)
			finished = append(finished, l)
			l.packed, l.plain = nil, nil
			if l.done != nil {
				close(l.done)
				l.done = nil
			}
		}
	}
	return finished
}

// waitingIDs returns the ids of the letters in the queue.
func (b *mailbox) waitingIDs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []string
	for e := b.queue.Front(); e != nil; e = e.Next() {
		ids = append(ids, e.Value.(*letter).id) //nolint:forcetypeassert // the queue holds nothing else
	}
	return ids
}

// again delivers a letter once more, with other contents if they are given; of one
// that has been acknowledged the office knows what was sent. It says whether it
// could.
func (b *mailbox) again(l *letter, packed []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	repeated := packed == nil
	if l.place == nil && repeated {
		packed = b.office.recently(l)
	}
	switch {
	case l.place == nil && packed == nil:
		return false
	case l.place != nil && repeated && (b.round == nil || l.round != b.round):
		l.encores++ // it has yet to go out
		return true
	case l.place == nil:
		b.office.waiting.Add(1)
	}
	if packed != nil {
		l.packed = packed
	}
	l.owed = repeated
	b.enqueue(l)
	return true
}

// find returns the latest letter with an id that f says true of, or nil.
func (b *mailbox) find(id string, f func(*letter) bool) *letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := b.byID[id]; l != nil; l = l.older {
		if f(l) {
			return l
		}
	}
	return nil
}
