package outbox

import (
	"context"
	"net/url"
	"slices"
)

// receiver is what one scheme, host and port takes: the lanes that lead there
// share a bound and take turns with those of other receivers.
type receiver struct {
	name     string
	lanes    int     // that lead here
	ready    []*lane // that may be tried now, first come first served
	inFlight int
	inTurn   bool // is in Outbox.turns
}

// receiverOf names the receiver of an address. An address that cannot be read
// is a receiver of its own: the sender will say what is wrong with it.
func receiverOf(id, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return id
	}
	return u.Scheme + "://" + u.Host
}

// attach makes l lead to the receiver of its endpoint's address.
func (o *Outbox) attach(l *lane) {
	name := receiverOf(l.ep.ID, l.ep.URL)
	if l.recv != nil && l.recv.name == name {
		return
	}
	o.detach(l)
	r := o.receivers[name]
	if r == nil {
		r = &receiver{name: name}
		o.receivers[name] = r
	}
	r.lanes++
	l.recv = r
}

// detach takes l from its receiver. A receiver that no lane leads to is
// forgotten; tries still under way keep it alive themselves.
func (o *Outbox) detach(l *lane) {
	r := l.recv
	if r == nil {
		return
	}
	if l.queued {
		r.ready = slices.DeleteFunc(r.ready, func(x *lane) bool { return x == l })
		l.queued = false
	}
	l.recv = nil
	if r.lanes--; r.lanes == 0 {
		delete(o.receivers, r.name)
	}
}

// enqueue lets l be tried when it is its turn.
func (o *Outbox) enqueue(l *lane) {
	l.queued = true
	l.recv.ready = append(l.recv.ready, l)
	o.offer(l.recv)
}

// offer gives r a turn if it can use one.
func (o *Outbox) offer(r *receiver) {
	if r.inTurn || len(r.ready) == 0 || r.inFlight >= o.cfg.PerEndpoint {
		return
	}
	r.inTurn = true
	o.turns = append(o.turns, r)
}

// dispatch starts tries while there is room: one for each receiver, then the
// next one for each.
func (o *Outbox) dispatch() {
	for o.inFlight < o.cfg.MaxInFlight && len(o.turns) > 0 {
		r := o.turns[0]
		o.turns[0] = nil
		o.turns = o.turns[1:]
		r.inTurn = false
		if len(r.ready) == 0 { // its lanes were taken away meanwhile
			continue
		}
		l := r.ready[0]
		r.ready[0] = nil
		r.ready = r.ready[1:]
		l.queued = false
		o.start(l)
		o.offer(r)
	}
}

// start sends l's next event on its way.
func (o *Outbox) start(l *lane) {
	ctx, cancel := context.WithCancel(o.work)
	l.cancel = cancel
	l.recv.inFlight++
	o.inFlight++
	l.guessed = false
	j := job{
		lane: l, recv: l.recv, gen: l.gen, ep: l.ep, started: o.now,
		after: l.rec.Acked, prev: l.rec.Prev, firstAt: l.rec.FirstAt, head: l.st.head,
	}
	o.assign(shift{ctx, j})
}
