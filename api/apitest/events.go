package apitest

import (
	"cmp"
	"context"
	"slices"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Fire moves an instance by events of the table. Illegal ones are passed over.
func (f *Fake) Fire(name string, cause fsm.Cause, events ...fsm.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(name)
	if err != nil {
		panic(err)
	}
	f.fire(h, cause, events...)
}

// fire is Fire with f.mu held.
func (f *Fake) fire(h *held, cause fsm.Cause, events ...fsm.Event) {
	for _, ev := range events {
		row, ok := fsm.Next(h.State, h.session != nil, ev)
		if !ok {
			continue
		}
		switch {
		case row.Makes:
			h.session = h.paired
		case row.Drops:
			h.session = nil
			h.picture = record.Picture{}
		}
		tr := fsm.Transition{From: h.State, To: row.To, Event: ev, Cause: cause, Hint: cause.Hint(), At: f.Now()}
		h.State, h.Cause, h.Since = row.To, cause, tr.At
		info := h.info()
		f.append(h, record.Event{Kind: record.ConnectionChanged, Transition: &tr, Info: &info})
	}
}

// append adds an event to the instance's stream. f.mu is held.
func (f *Fake) append(h *held, ev record.Event) {
	ev.Stream, ev.Epoch, ev.Seq = h.ID, max(h.epoch, 1), h.head()+1
	ev.At, ev.Name = f.Now(), cmp.Or(ev.Name, h.Name)
	h.events = append(h.events, ev)
	f.wake(h.ID)
}

// wake tells the watchers of a stream. f.mu is held.
func (f *Fake) wake(stream string) {
	for _, w := range f.watchers[stream] {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Head implements api.Instances.
func (f *Fake) Head(stream string) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.stream(stream)
	if err != nil {
		return 0
	}
	return h.head()
}

// Events implements api.Instances.
func (f *Fake) Events(_ context.Context, stream string, after uint64, limit int) ([]record.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.stream(stream)
	if err != nil {
		return nil, instance.ErrNotFound
	}
	rest := h.events
	for len(rest) > 0 && rest[0].Seq <= after {
		rest = rest[1:]
	}
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

// Tell appends an event to the daemon's own stream.
func (f *Fake) Tell(kind record.Kind) { f.TellOf(record.Event{Kind: kind}) }

// TellOf is Tell with what else the event says.
func (f *Fake) TellOf(e record.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.append(&f.own, e)
}

// Prune forgets the events of a stream up to seq.
func (f *Fake) Prune(stream string, seq uint64) {
	f.rewrite(stream, func(h *held) {
		h.pruned = seq
		h.events = slices.DeleteFunc(h.events, func(e record.Event) bool { return e.Seq <= seq })
	})
}

// Rewind forgets the events of a stream behind seq and lets it go on in a later
// epoch, as happens when a backup is restored.
func (f *Fake) Rewind(stream string, seq uint64) {
	f.rewrite(stream, func(h *held) {
		h.epoch = max(h.epoch, 1) + 1
		h.events = slices.DeleteFunc(h.events, func(e record.Event) bool { return e.Seq > seq })
	})
}

func (f *Fake) rewrite(stream string, change func(*held)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.stream(stream)
	if err != nil {
		panic(err)
	}
	change(h)
}

// stream is the instance, or what holds the events of the daemon or of a tenant, by its
// id. f.mu is held.
func (f *Fake) stream(name string) (*held, error) {
	if name == record.DaemonStream {
		return &f.own, nil
	}
	for _, t := range f.tenants {
		if t.ID == name {
			return &t.own, nil
		}
	}
	return f.find(name)
}

func (h *held) head() uint64 {
	if n := len(h.events); n > 0 {
		return h.events[n-1].Seq
	}
	return h.pruned
}

// Watch implements api.Instances.
func (f *Fake) Watch(stream string) (wake <-chan struct{}, stop func()) {
	w := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watchers[stream] = append(f.watchers[stream], w)
	return w, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.watchers[stream] = slices.DeleteFunc(f.watchers[stream], func(o chan struct{}) bool { return o == w })
	}
}

// Watchers is how many watch a stream now.
func (f *Fake) Watchers(stream string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.watchers[stream])
}
