package outbox

import (
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

// news keeps what OnHealth has not been told yet: for each endpoint two changes
// of its breaker at most, for each lane one run that was given up.
type news struct {
	mu     sync.Mutex
	wake   chan struct{}
	closed bool // guarded by mu; so is what follows
	items  []*Health
	gaveUp map[string]*Health    // by endpoint, a zero byte and stream
	breaks map[string][2]*Health // the last two by endpoint
}

func newNews() news {
	return news{
		wake: make(chan struct{}, 1), gaveUp: make(map[string]*Health), breaks: make(map[string][2]*Health),
	}
}

// tell has OnHealth told, soon.
func (o *Outbox) tell(h Health) {
	n := &o.news
	n.mu.Lock()
	n.add(&h)
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *news) add(h *Health) {
	id := h.Endpoint.ID
	if h.Kind == record.EndpointGaveUp {
		key := id + "\x00" + h.Stream
		if old := n.gaveUp[key]; old != nil && old.To < h.From {
			old.To, old.Reason, old.At = h.To, h.Reason, h.At
			return
		}
		n.gaveUp[key] = h
	} else {
		last := n.breaks[id]
		if last[0] != nil && last[1] != nil {
			// It has changed twice meanwhile, and is what it was.
			n.items = slices.DeleteFunc(n.items, func(x *Health) bool { return x == last[0] || x == last[1] })
			last = [2]*Health{}
		}
		n.breaks[id] = [2]*Health{last[1], h}
	}
	n.items = append(n.items, h)
}

// take answers everything that is new, and whether more may come.
func (n *news) take() (items []*Health, open bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	items, n.items = n.items, nil
	clear(n.gaveUp)
	clear(n.breaks)
	return items, !n.closed
}

func (n *news) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	close(n.wake)
}

// spread tells OnHealth what there is to tell, in order, until close.
func (o *Outbox) spread() {
	for {
		<-o.news.wake
		items, open := o.news.take()
		for _, h := range items {
			o.cfg.OnHealth(*h)
		}
		if !open {
			return
		}
	}
}
