package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// TestEndpoint implements [api.Endpoints].
func (f *fleet) TestEndpoint(ctx context.Context, id string) (api.Tested, error) {
	ep, ok := f.book.get(id)
	if !ok || ep.URL == "" {
		return api.Tested{}, api.ErrNoEndpoint
	}
	v := f.test(ctx, &ep)
	t := api.Tested{Delivered: v.Outcome == outbox.Delivered, Status: v.Status, Answer: v.Excerpt, Took: v.Duration}
	if v.Err != nil {
		t.Error = v.Err.Error()
	}
	return t, nil
}

// SkipEvent implements [api.Endpoints]. An endpoint of an instance has one
// stream, which need not be named.
func (f *fleet) SkipEvent(ctx context.Context, id, stream, replay string) (api.DeadLetter, error) {
	ep, ok := f.book.get(id)
	if !ok || ep.URL == "" {
		return api.DeadLetter{}, api.ErrNoEndpoint
	}
	if stream == "" {
		stream = ep.Stream
	}
	stream = f.streamOf(stream)
	switch {
	case stream == "":
		return api.DeadLetter{}, invalid("stream", "is missing: many streams lead to this endpoint, say which instance's, or daemon")
	case !f.book.covers(&ep, stream):
		return api.DeadLetter{}, invalid("stream", "does not lead to this endpoint")
	}
	d, err := f.outbox.Skip(ctx, id, stream, replay)
	switch {
	case errors.Is(err, outbox.ErrNothingPending) && replay != "":
		return api.DeadLetter{}, api.ErrNoReplay // one that is there has something pending
	case errors.Is(err, outbox.ErrNothingPending):
		return api.DeadLetter{}, api.ErrNothingPending
	case err != nil:
		return api.DeadLetter{}, unavailable(err)
	}
	return f.dead(d), nil
}

// streamOf answers the stream of an instance's id or name. Others it leaves as
// they are.
func (f *fleet) streamOf(nameOrID string) string {
	if m := f.named(nameOrID); m != nil {
		return m.id
	}
	return nameOrID
}

// Deliveries implements [api.Endpoints].
func (f *fleet) Deliveries(_ context.Context, stream string) ([]api.Lane, error) {
	lanes, states := f.outbox.Status(f.streamOf(stream)), f.states()
	out := make([]api.Lane, 0, len(lanes))
	for _, l := range lanes {
		if ep, ok := f.book.get(l.Endpoint); ok {
			out = append(out, f.lane(&ep, l, states[ep.ID]))
		}
	}
	slices.SortStableFunc(out, func(a, b api.Lane) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Replay, b.Replay))
	})
	return out, nil
}

// states answers what the outbox says of every endpoint.
func (f *fleet) states() map[string]string {
	out := make(map[string]string)
	for _, st := range f.outbox.Endpoints("") {
		out[st.ID] = st.State
	}
	return out
}

func (f *fleet) lane(ep *record.Endpoint, l outbox.LaneStatus, state string) api.Lane {
	return api.Lane{
		Endpoint: ep.ID, Name: ep.Name, Owner: f.ownerName(ep), Format: ep.Format,
		Stream: l.Stream, StreamName: f.streamName(l.Stream), Replay: l.Replay, Until: l.Until, Acked: l.Acked, Head: l.Head,
		Pending: l.Pending, InFlight: l.InFlight, State: stateOf(ep, state),
		Attempts: l.Attempts, FirstAt: l.FirstAt, NextAt: l.NextAt, LastError: l.LastError, Tries: l.Tries,
	}
}

// DeadLetters implements [api.Endpoints].
func (f *fleet) DeadLetters(_ context.Context, q api.DeadQuery) ([]api.DeadLetter, error) {
	found, err := f.store.DeadLettersAfter(q.Endpoint, q.Stream, store.DeadPlace(q.After), q.Limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.DeadLetter, 0, len(found))
	for _, d := range found {
		out = append(out, f.dead(d))
	}
	return out, nil
}

// DeleteDeadLetters implements [api.Endpoints].
func (f *fleet) DeleteDeadLetters(ctx context.Context, of api.DeadRange) (int, error) {
	to := of.To
	if to == 0 {
		to = math.MaxUint64
	}
	n, err := f.store.DropDeadLetters(ctx, of.Endpoint, of.Stream, of.From, to)
	if n > 0 {
		f.log.Info("dead letters deleted", "instance", of.Stream, "endpoint", of.Endpoint, "dead_letters", n)
	}
	if err != nil {
		return n, unavailable(err)
	}
	return n, nil
}

// dead answers a dead letter with what the log still knows of it.
func (f *fleet) dead(d record.DeadLetter) api.DeadLetter {
	out := api.DeadLetter{DeadLetter: d, StreamName: f.streamName(d.Stream)}
	if ep, ok := f.book.get(d.Endpoint); ok {
		out.Name, out.Owner = ep.Name, f.ownerName(&ep)
	}
	if events, err := f.store.Events(d.Stream, d.From-1, 1); err == nil && len(events) == 1 && events[0].Seq == d.From {
		out.Kind, out.EventAt = events[0].Kind, events[0].At
	}
	return out
}

func (f *fleet) streamName(stream string) string {
	if m := f.byID(stream); m != nil {
		return m.name
	}
	return ""
}

// maxReplays bounds the replays under way of one stream to one endpoint.
const maxReplays = 8

// Replay implements [api.Endpoints]. What the log does not hold any more is left
// out; where that is all, it is refused.
func (f *fleet) Replay(ctx context.Context, spec api.ReplaySpec) ([]api.Lane, error) {
	stream := f.streamOf(spec.Stream)
	from, to, err := f.replayRange(stream, spec)
	if err != nil {
		return nil, err
	}
	if err := f.book.enter(ctx); err != nil {
		return nil, err
	}
	defer f.book.leave()
	targets, err := f.replayTargets(stream, spec.Endpoint)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(rand.Text()[:10])
	ch := f.store.Change()
	lanes := make([]record.Lane, 0, len(targets))
	for _, ep := range targets {
		lanes = append(lanes, record.Lane{Endpoint: ep.ID, Stream: stream, Replay: name, From: from, Until: to, Acked: from - 1})
	}
	putLanes(ch, lanes)
	if _, err := f.store.Commit(ctx, ch); err != nil {
		return nil, unavailable(err)
	}
	for _, l := range lanes {
		f.outbox.StartReplay(l)
	}
	f.log.Info("replay begun", "instance", stream, "replay", name, "from", from, "to", to, "endpoints", len(lanes))
	return f.replaying(targets, lanes), nil
}

// replayTargets answers the endpoints that a stream can be replayed to.
func (f *fleet) replayTargets(stream, only string) ([]record.Endpoint, error) {
	targets := f.book.over(stream)
	if only != "" {
		targets = slices.DeleteFunc(targets, func(ep record.Endpoint) bool { return ep.ID != only })
	}
	switch {
	case len(targets) > 0:
	case only != "":
		return nil, invalid("endpoint", "does not get the events of this stream")
	default:
		return nil, invalid("endpoint", "none gets the events of this stream: add one first")
	}
	under := make(map[string]int)
	for _, l := range f.outbox.Status(stream) {
		if l.Replay != "" {
			under[l.Endpoint]++
		}
	}
	for i := range targets {
		if ep := &targets[i]; under[ep.ID] >= maxReplays {
			return nil, &api.RefusedError{Problem: fmt.Sprintf("%d replays to the endpoint %s are under way: wait for one to end", maxReplays, ep.Name)}
		}
	}
	slices.SortFunc(targets, func(a, b record.Endpoint) int { return cmp.Compare(a.ID, b.ID) })
	return targets, nil
}

// replaying answers the lanes of a replay as they are now, or as they began if
// they have ended already.
func (f *fleet) replaying(targets []record.Endpoint, lanes []record.Lane) []api.Lane {
	now := make(map[string]outbox.LaneStatus)
	for _, st := range f.outbox.Status(lanes[0].Stream) {
		if st.Replay == lanes[0].Replay {
			now[st.Endpoint] = st
		}
	}
	out, states := make([]api.Lane, 0, len(lanes)), f.states()
	for i, l := range lanes {
		st, ok := now[l.Endpoint]
		if !ok {
			st = outbox.LaneStatus{
				Endpoint: l.Endpoint, Stream: l.Stream, Replay: l.Replay, Until: l.Until, Acked: l.Acked,
				Head: f.store.Head(l.Stream), Pending: l.Until - l.Acked,
			}
		}
		out = append(out, f.lane(&targets[i], st, states[l.Endpoint]))
	}
	return out
}

// StopReplays implements [api.Endpoints]. Those that end by themselves meanwhile
// are passed over.
func (f *fleet) StopReplays(ctx context.Context, of api.ReplayRef) ([]api.Lane, error) {
	lanes, err := f.Deliveries(ctx, of.Stream)
	if err != nil {
		return nil, err
	}
	var stopped []api.Lane
	for _, l := range lanes {
		if l.Replay == "" || of.Endpoint != "" && l.Endpoint != of.Endpoint || of.Replay != "" && l.Replay != of.Replay {
			continue
		}
		switch err := f.outbox.StopReplay(ctx, l.Endpoint, l.Stream, l.Replay); {
		case err == nil:
			f.log.Info("replay stopped", "instance", l.Stream, "endpoint", l.Endpoint, "replay", l.Replay, "done", l.Acked, "until", l.Until)
			stopped = append(stopped, l)
		case !errors.Is(err, outbox.ErrNothingPending):
			return nil, unavailable(err)
		}
	}
	if len(stopped) == 0 {
		return nil, api.ErrNoReplay
	}
	return stopped, nil
}

// replayRange answers the first and the last event of a replay.
func (f *fleet) replayRange(stream string, spec api.ReplaySpec) (from, to uint64, err error) {
	head := f.store.Head(stream)
	switch {
	case spec.From == 0 && spec.FromTime.IsZero():
		return 0, 0, invalid("from", "is missing: say from which event, or from what time")
	case spec.From != 0 && !spec.FromTime.IsZero():
		return 0, 0, invalid("from", "give the event or the time, not both")
	case spec.To != 0 && !spec.ToTime.IsZero():
		return 0, 0, invalid("to", "give the event or the time, not both")
	case spec.From > head:
		return 0, 0, invalid("from", "must be at most %d, the seq of the newest event", head)
	case spec.To > head:
		return 0, 0, invalid("to", "must be at most %d, the seq of the newest event", head)
	}
	from, to = spec.From, head
	if !spec.FromTime.IsZero() {
		before, err := f.store.SeqAtTime(stream, spec.FromTime)
		if err != nil {
			return 0, 0, err
		}
		from = before + 1
	}
	if spec.To != 0 {
		to = spec.To
	}
	if !spec.ToTime.IsZero() {
		if to, err = f.store.SeqAtTime(stream, spec.ToTime.Add(time.Nanosecond)); err != nil {
			return 0, 0, err
		}
	}
	if from > to {
		return 0, 0, invalid("to", "there is no event in between")
	}
	first, err := f.store.Events(stream, from-1, 1)
	if err != nil {
		return 0, 0, err
	}
	if len(first) == 0 || first[0].Seq > to {
		return 0, 0, invalid("from", "the log does not hold these events any more: see store.retention")
	}
	return first[0].Seq, to, nil
}
