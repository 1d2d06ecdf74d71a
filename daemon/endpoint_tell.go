package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// told is an event about an endpoint, for the daemon's stream.
func (f *fleet) told(kind record.Kind, ep *record.Endpoint, reason string) record.Event {
	return f.fact(kind, record.EndpointFact{
		Endpoint: ep.ID, Name: ep.Name, Instance: ep.Stream, Tenant: ep.Tenant, Reason: reason,
	})
}

func (f *fleet) fact(kind record.Kind, about record.EndpointFact) record.Event {
	data, err := json.Marshal(about)
	if err != nil {
		panic(err) // texts and numbers only
	}
	e := record.Event{Stream: record.DaemonStream, Kind: kind, At: time.Now().UTC(), Data: data}
	if m := f.byID(about.Instance); m != nil {
		e.Name = m.name
	}
	return e
}

// tellChange appends what a change of an endpoint comes to.
func (f *fleet) tellChange(ch *store.Change, old, now *record.Endpoint) {
	before := *old
	before.Disabled, before.Gone = now.Disabled, now.Gone
	if !reflect.DeepEqual(before, *now) {
		ch.Append(f.told(record.EndpointChanged, now, ""))
	}
	switch {
	case old.Disabled == now.Disabled:
	case now.Disabled == "":
		ch.Append(f.told(record.EndpointEnabled, now, ""))
	default:
		ch.Append(f.told(record.EndpointDisabled, now, now.Disabled))
	}
}

// tellWait bounds one try to store what the outbox tells.
const tellWait = 30 * time.Second

// insist calls store until it succeeds, or fails with one of the errors that say
// that there is nothing to do, or the daemon stops: the store may not be writable
// for a while. It answers the last error.
func (f *fleet) insist(store func(context.Context) error, done ...error) error {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), tellWait)
		err := store(ctx)
		cancel()
		if err == nil || slices.ContainsFunc(done, func(is error) bool { return errors.Is(err, is) }) {
			return err
		}
		f.mu.RLock()
		running := f.running
		f.mu.RUnlock()
		if running == nil || !sleep(running, f.timing.StoreRetry) {
			return err
		}
	}
}

// endpointGone stores that a receiver wants nothing any more, unless its address
// has been set since. The outbox calls it on a goroutine of its own. While the
// store cannot be written it waits, until the daemon stops; then the receiver is
// asked once more after the next start.
func (f *fleet) endpointGone(ep record.Endpoint, reason string) {
	err := f.insist(func(ctx context.Context) error {
		return f.edit(ctx, ep.ID, func(now *record.Endpoint) error {
			if now.URL != ep.URL || now.Disabled != "" || f.sends(ep.ID) {
				return errNoChange
			}
			now.Disabled, now.Gone = reason, true
			return nil
		})
	}, errNoChange, api.ErrNoEndpoint)
	switch {
	case err == nil:
		f.log.Warn("receiver answered 410 Gone; its endpoint is disabled until it is resumed",
			"instance", ep.Stream, "endpoint", ep.ID)
	case errors.Is(err, errNoChange), errors.Is(err, api.ErrNoEndpoint):
	default:
		f.log.Error("disabled endpoint could not be stored", "instance", ep.Stream, "endpoint", ep.ID, "err", err)
	}
}

// sends reports whether the outbox sends to an endpoint: what it was told before
// does not hold any more, as an operator has resumed it.
func (f *fleet) sends(id string) bool {
	return slices.ContainsFunc(f.outbox.Endpoints(id), func(st outbox.EndpointStatus) bool { return st.State != statePaused })
}

// endpointHealth makes an event of what the outbox tells. It is called on one
// goroutine of the outbox, one after the other. While the store cannot be
// written it waits, until the daemon stops.
func (f *fleet) endpointHealth(h outbox.Health) {
	ep, ok := f.book.get(h.Endpoint.ID)
	if !ok || h.Kind == record.EndpointGaveUp && h.Stream == record.DaemonStream && f.onlyAboutEndpoints(h.From, h.To) {
		return
	}
	about := record.EndpointFact{
		Endpoint: ep.ID, Name: ep.Name, Instance: ep.Stream, Tenant: ep.Tenant,
		Reason: h.Reason, Fails: h.Fails, From: h.From, To: h.To,
	}
	if h.Kind == record.EndpointGaveUp {
		about.Instance = h.Stream
	}
	ev := f.fact(h.Kind, about)
	ev.At = h.At.UTC()
	err := f.insist(func(ctx context.Context) error {
		ch := f.store.Change()
		ch.Append(ev)
		_, err := f.store.Commit(ctx, ch)
		return err
	})
	if err != nil {
		f.log.Warn("event about an endpoint could not be stored", "endpoint", ep.ID, "kind", string(h.Kind), "err", err)
	}
}

// onlyAboutEndpoints reports whether the daemon's events of a run all tell about
// endpoints. That such a one was given up is not told: two receivers that are
// both out of reach would tell each other for ever.
func (f *fleet) onlyAboutEndpoints(from, to uint64) bool {
	for after := from - 1; after < to; {
		events, err := f.store.Events(record.DaemonStream, after, min(256, int(to-after)))
		if err != nil || len(events) == 0 {
			return true
		}
		for i := range events {
			switch e := &events[i]; {
			case e.Seq > to:
				return true
			case !strings.HasPrefix(string(e.Kind), "endpoint."):
				return false
			}
		}
		after = events[len(events)-1].Seq
	}
	return true
}
