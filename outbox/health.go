package outbox

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Health is news of how an endpoint does.
type Health struct {
	Endpoint record.Endpoint
	Kind     record.Kind // EndpointFailing, EndpointRecovered or EndpointGaveUp
	Stream   string      // of what was given up
	From, To uint64      // what was given up
	Fails    int         // failed tries in a row, over all lanes
	Reason   string      // holds no secret
	At       time.Time
}

const (
	gaveUpEach = time.Minute // at most one piece of news of a run that grows
	mostNews   = 4096        // that wait to be told
)

// news keeps what OnHealth has not been told yet: for each endpoint two changes
// of its breaker at most, for each lane one run that grows.
type news struct {
	mu      sync.Mutex
	wake    chan struct{}
	closed  bool // guarded by mu; so is what follows
	items   []*item
	runs    map[string]*toldRun // by endpoint, stream and replay
	breaks  map[string][2]*item // the last two by endpoint
	dropped int                 // as there were too many
}

// item is a piece of news.
type item struct {
	Health
	replay string
	after  time.Time // it is told then, or at once
}

// toldRun is what was told of what a lane gave up.
type toldRun struct {
	at      time.Time // when the last was told
	waiting *item     // what is not yet
}

func newNews() news {
	return news{
		wake: make(chan struct{}, 1), runs: make(map[string]*toldRun), breaks: make(map[string][2]*item),
	}
}

// tell has OnHealth told, soon. What an endpoint gave up, of a replay or of none,
// may follow at once what was given up before.
func (o *Outbox) tell(h Health, replay string, follows bool) {
	n := &o.news
	n.mu.Lock()
	n.add(&item{Health: h, replay: replay}, follows)
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *news) add(it *item, follows bool) {
	id := it.Endpoint.ID
	if it.Kind == record.EndpointGaveUp {
		n.addGivenUp(it, follows)
		return
	}
	last := n.breaks[id]
	if last[0] != nil && last[1] != nil {
		// It has changed twice meanwhile, and is what it was.
		n.items = slices.DeleteFunc(n.items, func(x *item) bool { return x == last[0] || x == last[1] })
		last = [2]*item{}
	}
	n.breaks[id] = [2]*item{last[1], it}
	for _, x := range n.items { // what was before is told before
		if x.Endpoint.ID == id {
			x.after = time.Time{}
		}
	}
	n.items = append(n.items, it)
}

// addGivenUp adds a run to the one that waits if it follows that, and tells of one
// that grows a minute later. No run claims what was delivered in between.
func (n *news) addGivenUp(it *item, follows bool) {
	key := it.key()
	r := n.runs[key]
	if r == nil {
		r = &toldRun{}
		n.runs[key] = r
	}
	if w := r.waiting; w != nil {
		if follows {
			w.To, w.Reason, w.At = it.To, it.Reason, it.At
			return
		}
		w.after = time.Time{}
	}
	if len(n.items) >= mostNews {
		n.dropped++
		return
	}
	if follows && !r.at.IsZero() {
		it.after = r.at.Add(gaveUpEach)
	}
	r.waiting = it
	n.items = append(n.items, it)
}

func (it *item) key() string { return it.Endpoint.ID + "\x00" + it.Stream + "\x00" + it.replay }

// take answers everything that is to be told now, when there is more, and whether
// more may come.
func (n *news) take(now time.Time) (items []*item, wait time.Duration, open bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	wait = time.Hour
	n.items = slices.DeleteFunc(n.items, func(it *item) bool {
		if !n.closed && it.after.After(now) {
			wait = min(wait, it.after.Sub(now))
			return false
		}
		if r := n.runs[it.key()]; r != nil && it.Kind == record.EndpointGaveUp {
			r.at = now
			if r.waiting == it {
				r.waiting = nil
			}
		}
		items = append(items, it)
		return true
	})
	for key, r := range n.runs {
		if r.waiting == nil && now.Sub(r.at) >= gaveUpEach {
			delete(n.runs, key)
		}
	}
	clear(n.breaks)
	return items, wait, !n.closed
}

// lost answers how many pieces of news were dropped since it was asked last.
func (n *news) lost() (dropped int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	dropped, n.dropped = n.dropped, 0
	return dropped
}

func (n *news) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	close(n.wake)
}

// spread tells OnHealth what there is to tell, in order, until close.
func (o *Outbox) spread() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-o.news.wake:
		case <-timer.C:
		}
		items, wait, open := o.news.take(time.Now())
		for _, it := range items {
			if it.Kind == record.EndpointGaveUp {
				o.log.LogAttrs(o.work, slog.LevelError, "postback given up", slog.String("instance", it.Stream),
					slog.String("endpoint", it.Endpoint.ID), slog.Uint64("seq", it.From), slog.Uint64("to", it.To),
					slog.String("reason", it.Reason))
			}
			o.cfg.OnHealth(it.Health)
		}
		if n := o.news.lost(); n > 0 {
			o.log.LogAttrs(o.work, slog.LevelWarn, "news of endpoints dropped", slog.Int("count", n))
		}
		if !open {
			return
		}
		timer.Reset(wait)
	}
}
