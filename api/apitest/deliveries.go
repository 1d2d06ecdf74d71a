package apitest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Deliver lets the receiver of an endpoint take all that a stream has for it.
func (e *Endpoints) Deliver(id, stream string) {
	e.lane(id, stream, func(t *target, h *held, l *api.Lane) {
		*l = api.Lane{Acked: h.head()}
		t.State, t.Reason, t.Since = "ok", "", time.Time{}
	})
}

// Break lets so many tries of what a stream has for an endpoint fail, the last of
// them now.
func (e *Endpoints) Break(id, stream string, tries int, status int, answer string) {
	e.lane(id, stream, func(t *target, _ *held, l *api.Lane) {
		now := e.f.Now()
		for range tries {
			l.Attempts++
			l.Tries = append(l.Tries, record.Try{
				At: now, Seq: l.Acked + 1, Status: status, Took: 30 * time.Millisecond,
				Error: fmt.Sprintf("post to https://x.example: status %d", status), Answer: answer,
			})
		}
		l.Tries = l.Tries[max(0, len(l.Tries)-5):]
		l.LastError, l.FirstAt, l.NextAt = l.Tries[0].Error, now, now.Add(time.Minute)
		if l.Attempts >= 5 {
			t.State, t.Since, t.Reason, t.ProbeAt = "failing", now, l.LastError, l.NextAt
		}
	})
}

// GiveUp makes a dead letter of all that a stream has for an endpoint.
func (e *Endpoints) GiveUp(id, stream, reason string) {
	e.lane(id, stream, func(_ *target, h *held, l *api.Lane) { e.giveUp(id, h, l, h.head(), reason) })
}

// giveUp passes over the events up to seq. f.mu is held.
func (e *Endpoints) giveUp(id string, h *held, l *api.Lane, seq uint64, reason string) record.DeadLetter {
	d := record.DeadLetter{Endpoint: id, Stream: h.ID, From: l.Acked + 1, To: seq, Reason: reason, At: e.f.Now(), Attempts: l.Attempts}
	if n := len(l.Tries); n > 0 {
		d.Last = &l.Tries[n-1]
	}
	e.dead = append(e.dead, d)
	*l = api.Lane{Acked: seq}
	return d
}

// lane changes the lane of a stream to an endpoint.
func (e *Endpoints) lane(id, stream string, change func(*target, *held, *api.Lane)) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	h, err := e.f.stream(stream)
	if err != nil {
		panic(err)
	}
	for _, t := range e.all {
		if t.ID == id {
			change(t, h, t.lanes[h.ID])
			return
		}
	}
	panic(api.ErrNoEndpoint)
}

// SkipEvent implements api.Endpoints.
func (e *Endpoints) SkipEvent(_ context.Context, id, stream, replay string) (api.DeadLetter, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	t, err := e.target("skip", id)
	if err != nil {
		return api.DeadLetter{}, err
	}
	h, err := e.f.stream(stream)
	if err != nil {
		return api.DeadLetter{}, err
	}
	l := t.lanes[h.ID]
	for i := range e.replays {
		if r := &e.replays[i]; replay != "" && r.Replay == replay && r.Endpoint == id && r.Stream == h.ID {
			lane := api.Lane{Acked: r.Acked}
			d := e.giveUp(id, h, &lane, r.Acked+1, "skipped by operator")
			r.Acked = lane.Acked
			return e.letter(d), nil
		}
	}
	if replay != "" {
		return api.DeadLetter{}, api.ErrNoReplay
	}
	if l == nil || l.Acked >= h.head() {
		return api.DeadLetter{}, api.ErrNothingPending
	}
	return e.letter(e.giveUp(id, h, l, l.Acked+1, "skipped by operator")), nil
}

// Deliveries implements api.Endpoints.
func (e *Endpoints) Deliveries(_ context.Context, stream string) ([]api.Lane, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	if e.f.err != nil {
		return nil, e.f.err
	}
	var out []api.Lane
	for _, t := range e.all {
		for name, l := range t.lanes {
			if h, err := e.f.stream(name); err == nil && (stream == "" || stream == name) {
				out = append(out, t.lane(h, *l))
			}
		}
	}
	for _, l := range e.replays {
		if stream == "" || stream == l.Stream {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b api.Lane) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Replay, b.Replay))
	})
	return out, nil
}

func (t *target) lane(h *held, l api.Lane) api.Lane {
	l.Endpoint, l.Name, l.Owner, l.Format = t.ID, t.Name, t.Owner, *t.Format
	l.Stream, l.StreamName = h.ID, h.Name
	l.Head, l.Pending, l.State = h.head(), h.head()-l.Acked, t.State
	return l
}

// DeadLetters implements api.Endpoints.
func (e *Endpoints) DeadLetters(_ context.Context, q api.DeadQuery) ([]api.DeadLetter, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	if e.f.err != nil {
		return nil, e.f.err
	}
	key := func(d record.DeadLetter) api.DeadKey { return api.DeadLetter{DeadLetter: d}.Key() }
	all := slices.SortedFunc(slices.Values(e.dead), func(a, b record.DeadLetter) int { return key(a).Compare(key(b)) })
	var out []api.DeadLetter
	for _, d := range all {
		if (q.Endpoint == "" || d.Endpoint == q.Endpoint) && (q.Stream == "" || d.Stream == q.Stream) &&
			key(d).Compare(q.After) > 0 && len(out) < q.Limit {
			out = append(out, e.letter(d))
		}
	}
	return out, nil
}

// letter is a dead letter with what is known of its event. f.mu is held.
func (e *Endpoints) letter(d record.DeadLetter) api.DeadLetter {
	out := api.DeadLetter{DeadLetter: d}
	for _, t := range e.all {
		if t.ID == d.Endpoint {
			out.Name, out.Owner = t.Name, t.Owner
		}
	}
	h, err := e.f.stream(d.Stream)
	if err != nil {
		return out
	}
	out.StreamName = h.Name
	for _, ev := range h.events {
		if ev.Seq == d.From {
			out.Kind, out.EventAt = ev.Kind, ev.At
		}
	}
	return out
}

// Replay implements api.Endpoints. The lanes stay where they begin.
func (e *Endpoints) Replay(_ context.Context, spec api.ReplaySpec) ([]api.Lane, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	if e.f.err != nil {
		return nil, e.f.err
	}
	h, err := e.f.stream(spec.Stream)
	if err != nil {
		return nil, err
	}
	from, to := spec.From, spec.To
	for _, ev := range h.events {
		if from == 0 && !ev.At.Before(spec.FromTime) {
			from = ev.Seq
		}
		if !spec.ToTime.IsZero() && !ev.At.After(spec.ToTime) {
			to = ev.Seq
		}
	}
	if to == 0 && spec.ToTime.IsZero() {
		to = h.head()
	}
	if to = min(to, h.head()); from == 0 || from > to {
		return nil, &instance.InvalidError{Field: "from", Problem: "no events are there"}
	}
	var out []api.Lane
	for _, t := range e.all {
		if t.lanes[h.ID] == nil || spec.Endpoint != "" && t.ID != spec.Endpoint {
			continue
		}
		l := t.lane(h, api.Lane{Acked: from - 1, Until: to, Replay: fmt.Sprintf("r%d", len(e.replays)+1)})
		l.Pending = to - l.Acked
		e.replays = append(e.replays, l)
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, &instance.InvalidError{Field: "endpoint", Problem: "takes no events of this stream"}
	}
	e.f.note("replay", h.ID)
	return out, nil
}

// StopReplays implements api.Endpoints.
func (e *Endpoints) StopReplays(_ context.Context, of api.ReplayRef) ([]api.Lane, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	if e.f.err != nil {
		return nil, e.f.err
	}
	var stopped []api.Lane
	e.replays = slices.DeleteFunc(e.replays, func(l api.Lane) bool {
		meant := l.Stream == of.Stream && (of.Endpoint == "" || l.Endpoint == of.Endpoint) && (of.Replay == "" || l.Replay == of.Replay)
		if meant {
			stopped = append(stopped, l)
		}
		return meant
	})
	if len(stopped) == 0 {
		return nil, api.ErrNoReplay
	}
	e.f.note("replay stop", of.Stream)
	return stopped, nil
}

// DeleteDeadLetters implements api.Endpoints.
func (e *Endpoints) DeleteDeadLetters(_ context.Context, of api.DeadRange) (int, error) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	if e.f.err != nil {
		return 0, e.f.err
	}
	before := len(e.dead)
	e.dead = slices.DeleteFunc(e.dead, func(d record.DeadLetter) bool {
		return (of.Endpoint == "" || d.Endpoint == of.Endpoint) && (of.Stream == "" || d.Stream == of.Stream) &&
			d.From >= of.From && (of.To == 0 || d.To <= of.To)
	})
	return before - len(e.dead), nil
}
