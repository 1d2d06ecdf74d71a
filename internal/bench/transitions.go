package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// member is one instance: its record, and a session for what its events tell.
type member struct {
	rec     record.Instance
	session record.Session
}

func newMember(n int) *member {
	id := fmt.Sprintf("b%09d", n)
	return &member{
		rec: record.Instance{
			ID: id, Name: instanceName(n), WID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), CreatedAt: time.Now().UTC(),
			Config: record.Config{APIVersion: "1.0", Webhook: "https://receiver.example/postback/" + id},
			State:  fsm.AuthenticatedClosed, Cause: fsm.CauseRestart,
		},
		session: record.Session{JID: fmt.Sprintf("55119%08d:1@s.whatsapp.net", n), PushName: "Bench", Platform: "android"},
	}
}

// next is the transition that began at a moment.
func (m *member) next(at time.Time) *fsm.Transition {
	t := &fsm.Transition{From: m.rec.State, To: fsm.Authenticated, Event: fsm.LoginAccepted, At: at}
	if t.From == fsm.Authenticated {
		t.To, t.Event, t.Cause = fsm.AuthenticatedClosed, fsm.ConnectionLost, fsm.CauseNetwork
		t.Hint = t.Cause.Hint()
	}
	return t
}

// transition fills the change set of the next one.
func (m *member) transition(ch *store.Change, at time.Time) {
	t := m.next(at)
	m.rec.State, m.rec.Cause, m.rec.Since = t.To, t.Cause, at
	m.rec.Stats.SentBytes++
	info := record.Describe(m.rec, &m.session)
	ch.PutInstance(m.rec)
	ch.Append(record.Event{
		Stream: m.rec.ID, Kind: record.ConnectionChanged, At: at, Name: m.rec.Name, Transition: t, Info: &info,
	})
}

func (e *engine) commit(ctx context.Context, m *member, at time.Time) error {
	ch := e.store.Change()
	m.transition(ch, at)
	_, err := e.store.Commit(ctx, ch)
	return err
}

// fill commits as many events as are ordered, in big change sets: they wait for
// whoever does not take them.
func (e *engine) fill(ctx context.Context, o *engineOrder) (done, error) {
	const each = 250
	began := time.Now()
	members := e.members[o.First:o.Behind]
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, m := range members {
		n := o.Events / len(members)
		if i < o.Events%len(members) {
			n++
		}
		g.Go(func() error {
			for n > 0 {
				ch := e.store.Change()
				for range min(n, each) {
					m.transition(ch, time.Now().UTC())
				}
				n -= min(n, each)
				if _, err := e.store.Commit(gctx, ch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return done{}, err
	}
	err := e.published(ctx)
	return done{Events: o.Events, Took: time.Since(began)}, err
}

// pace makes transitions by the clock, one instance after the other, whether the
// ones before are done or not: an event's time is when it was due. An instance
// whose commit is still under way has its next one waiting.
func (e *engine) pace(ctx context.Context, o *engineOrder) (done, error) {
	members := e.members[o.First:o.Behind]
	total := int(o.Rate * o.For.Seconds())
	var began, stored spans
	g, gctx := errgroup.WithContext(ctx)
	due := make([]chan time.Time, len(members))
	for i, m := range members {
		due[i] = make(chan time.Time, total/len(members)+1)
		g.Go(func() error {
			for at := range due[i] {
				began.note(time.Since(at))
				if err := e.commit(gctx, m, at.UTC()); err != nil {
					return err
				}
				stored.note(time.Since(at))
			}
			return nil
		})
	}
	clock, err := newAlarm()
	if err != nil {
		return done{}, err
	}
	defer func() { _ = clock.close() }() // it holds nothing
	begin := time.Now()
	g.Go(func() error {
		defer func() {
			for _, c := range due {
				close(c)
			}
		}()
		for i := range total {
			at := begin.Add(time.Duration(float64(i) / o.Rate * float64(time.Second)))
			if err := clock.wait(time.Until(at)); err != nil {
				return err
			}
			if gctx.Err() != nil {
				return context.Cause(gctx)
			}
			due[i%len(due)] <- at
		}
		return nil
	})
	err = g.Wait()
	return done{Events: total, Took: time.Since(begin), Began: began.short(), Stored: stored.short()}, err
}

// flood bounds how many events are on their way at once.
type flood struct {
	on     atomic.Bool
	tokens chan struct{}
}

// flood makes transitions as fast as they are delivered, and answers when all
// have been, are on NATS, and the cursors are on disk.
func (e *engine) flood(ctx context.Context, o *engineOrder) (done, error) {
	members := e.members[o.First:o.Behind]
	e.flow.tokens = make(chan struct{}, o.Window)
	for range o.Window {
		e.flow.tokens <- struct{}{}
	}
	file := filepath.Join(e.Dir, "switchhook.db")
	before, err := transactions(file)
	if err != nil {
		return done{}, err
	}
	e.flow.on.Store(true)
	defer e.flow.on.Store(false)
	var issued atomic.Int64
	begin := time.Now()
	g, gctx := errgroup.WithContext(ctx)
	for _, m := range members {
		g.Go(func() error {
			for issued.Add(1) <= int64(o.Events) {
				select {
				case <-e.flow.tokens:
				case <-gctx.Done():
					return context.Cause(gctx)
				}
				if err := e.commit(gctx, m, time.Now().UTC()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return done{}, err
	}
	if err := e.outbox.WaitDrained(ctx, ""); err != nil {
		return done{}, err
	}
	if err := e.published(ctx); err != nil {
		return done{}, err
	}
	d := done{Events: o.Events, Took: time.Since(begin)}
	after, err := transactions(file)
	d.Commits = int(after - before)
	return d, err
}

// counting is the sender, and tells the flood what has arrived.
type counting struct {
	outbox.Sender

	flow *flood
}

// Send implements [outbox.Sender].
func (c counting) Send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event) outbox.Verdict {
	v := c.Sender.Send(ctx, ep, prev, events)
	if v.Outcome == outbox.Delivered && c.flow.on.Load() {
		for range events {
			select {
			case c.flow.tokens <- struct{}{}:
			default:
			}
		}
	}
	return v
}
