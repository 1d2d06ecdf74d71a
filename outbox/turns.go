package outbox

import (
	"context"
	"net/url"
	"time"
)

// origin is one scheme, host and port: the targets that lead there share a
// bound.
type origin struct {
	name     string
	targets  int           // that lead here
	inFlight int           // requests under way
	ready    queue[target] // that have a lane to try, in turn
	turn     link[origin]  // in Outbox.turns while ready is not empty
}

// originOf names the origin of an address. An address that cannot be read is an
// origin of its own: the sender will say what is wrong with it.
func originOf(id, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return id
	}
	return u.Scheme + "://" + u.Host
}

// attach makes t lead to the origin of its address.
func (o *Outbox) attach(t *target) {
	name := originOf(t.ep.ID, t.ep.URL)
	if t.org != nil && t.org.name == name {
		return
	}
	o.detach(t)
	g := o.origins[name]
	if g == nil {
		g = &origin{name: name}
		g.turn.item = g
		o.origins[name] = g
	}
	g.targets++
	t.org = g
	o.offer(t)
}

// detach takes t from its origin.
func (o *Outbox) detach(t *target) {
	g := t.org
	if g == nil {
		return
	}
	t.turn.leave()
	if g.ready.len == 0 {
		g.turn.leave()
	}
	t.org = nil
	g.targets--
	o.forget(g)
}

// forget drops an origin that nothing leads to and no request is under way to.
func (o *Outbox) forget(g *origin) {
	if g.targets == 0 && g.inFlight == 0 && o.origins[g.name] == g {
		delete(o.origins, g.name)
	}
}

// offer lets t have its turn if one of its lanes is ready, and no longer if
// none is.
func (o *Outbox) offer(t *target) {
	if t.org == nil {
		return
	}
	if t.ready.len+t.replays.len == 0 {
		t.turn.leave()
		if t.org.ready.len == 0 {
			t.org.turn.leave()
		}
		return
	}
	t.turn.move(&t.org.ready)
	t.org.turn.move(&o.turns)
	o.idle = false
}

// dispatch starts tries while there is room: origins in turn, of each its
// endpoints in turn, of each its lanes, first come first served.
func (o *Outbox) dispatch() {
	for !o.idle {
		if l := o.next(); l != nil {
			o.start(l)
		} else {
			o.idle = true // until a lane is ready or a slot is free
		}
	}
}

// next finds the lane whose turn it is and takes it from its queue. An origin
// may hold as many slots as are free in all, so that however many of them hang,
// slots are left. Whoever holds none may always have one: what is passed over
// here holds a slot, so few are.
func (o *Outbox) next() *lane {
	for range o.turns.len {
		free := o.cfg.MaxInFlight - o.inFlight
		g := o.turns.pop()
		var l *lane
		if g.inFlight < min(o.cfg.PerOrigin, free) {
			l = o.nextOf(g)
		}
		if g.ready.len > 0 {
			g.turn.move(&o.turns)
		}
		if l != nil {
			return l
		}
	}
	return nil
}

// nextOf is next among the endpoints of an origin, by the same rule.
func (o *Outbox) nextOf(g *origin) *lane {
	for range g.ready.len {
		free := o.cfg.PerOrigin - g.inFlight
		t := g.ready.pop()
		var l *lane
		if t.inFlight < min(t.limit, free) {
			if l = t.ready.pop(); l == nil {
				l = t.replays.pop()
			}
		}
		if t.ready.len+t.replays.len > 0 {
			t.turn.move(&g.ready)
		}
		if l != nil {
			return l
		}
	}
	return nil
}

// scope is how a try is cut short.
type scope struct {
	ctx    context.Context //nolint:containedctx // of the try that it belongs to for now
	cancel context.CancelFunc
}

// scope answers one that nobody has, and that was not cut short: to make one for each
// try costs more than to find the lane whose turn it is.
func (o *Outbox) scope() scope {
	if n := len(o.scopes); n > 0 {
		s := o.scopes[n-1]
		o.scopes = o.scopes[:n-1]
		return s
	}
	ctx, cancel := context.WithCancel(o.work)
	return scope{ctx, cancel}
}

// leave takes back the scope of a try that has come to an end.
func (o *Outbox) leave(s scope) {
	if s.ctx.Err() == nil && len(o.scopes) < o.cfg.MaxInFlight {
		o.scopes = append(o.scopes, s)
		return
	}
	s.cancel()
}

// start sends what is next in l on its way.
func (o *Outbox) start(l *lane) {
	t := l.to
	s := o.scope()
	l.cancel = s.cancel
	t.inFlight++
	t.org.inFlight++
	o.inFlight++
	j := &job{
		scope: s, lane: l, to: t, org: t.org, gen: l.gen, mode: l.mode(), ep: t.ep, horizon: t.horizon,
		stream: l.st.name, replay: l.rec.Replay != "", started: o.now, seen: l.seen, gathered: l.gatherTime(),
		after: l.rec.Acked, prev: l.rec.Prev, head: l.end(), until: l.rec.Until,
		batchTo: l.rec.BatchTo, firstAt: l.rec.FirstAt, starting: l.starting,
	}
	l.guessed, l.seen = false, time.Time{}
	if o.free.Add(-1) >= 0 { // one of those that are is on its way to the channel
		o.jobs <- j
		return
	}
	o.free.Add(1)
	o.group.Go(func() { o.makeTries(j) })
}
