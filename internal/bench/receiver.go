package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// receiver is a plain net/http server that PostBacks are sent to. It holds every
// lane to its order and notes how old each event is when all of it has come, by
// the event's own time; sender and receiver share the machine's clock.
//
// The first element of a path is the group whose figures the request belongs to;
// path and stream together are a lane.
type receiver struct {
	mu     sync.RWMutex
	groups map[string]*group // guarded by mu
	since  atomic.Int64      // Unix nanoseconds; the age of older events is not noted
	held   chan struct{}     // never closed: requests that hang wait for it
}

// group is what is counted together.
type group struct {
	as    atomic.Value // string: "", "hang" or "fail"
	count atomic.Int64
	again atomic.Int64 // events that had come before
	ages  atomic.Pointer[spans]

	mu    sync.Mutex
	lanes map[string]uint64 // guarded by mu; the last seq
	wrong string            // guarded by mu; what was out of order first
}

// receiverOrder is what a receiver may be told. Group "" is all.
type receiverOrder struct {
	Do    string    `json:"do"` // "behave", "since" or "report"
	Group string    `json:"group,omitempty"`
	As    string    `json:"as,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// received is the report of a group.
type received struct {
	Events int64     `json:"events"`
	Again  int64     `json:"again"`
	Ages   quantiles `json:"ages"`
}

// runReceiver is the receiver's process. It listens on addresses of its own for
// each of the endpoints, so that each is an origin, as endpoints are in life.
func runReceiver(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("receiver", flag.ContinueOnError)
	n := set.Int("n", 1, "addresses to listen on")
	first := set.Int("first", 1, "the number of the first of them")
	port := set.Int("port", 0, "the port of all; 0 takes any")
	if err := set.Parse(args); err != nil {
		return err
	}
	r := &receiver{groups: make(map[string]*group), held: make(chan struct{})}
	srv := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	defer func() { _ = srv.Close() }()
	var lc net.ListenConfig
	addrs := make([]string, *n)
	for i := range addrs {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(loopback(*first+i), strconv.Itoa(*port)))
		if err != nil {
			return err
		}
		addrs[i] = l.Addr().String()
		go func() { _ = srv.Serve(l) }() // it ends with Close
	}
	return obey(ctx, addrs, r.do)
}

// loopback is the nth of the machine's own addresses.
func loopback(n int) string { return fmt.Sprintf("127.1.%d.%d", n/250, n%250+1) }

func (r *receiver) do(_ context.Context, o *receiverOrder) (any, error) {
	switch o.Do {
	case "behave":
		r.group(o.Group).as.Store(o.As)
		return nil, nil
	case "since":
		r.since.Store(o.Since.UnixNano())
		for _, g := range r.all() {
			g.ages.Store(new(spans))
		}
		return nil, nil
	case "report":
		return r.report()
	default:
		return nil, fmt.Errorf("a receiver does not %q", o.Do)
	}
}

func (r *receiver) report() (map[string]received, error) {
	out := make(map[string]received)
	for name, g := range r.all() {
		g.mu.Lock()
		wrong := g.wrong
		g.mu.Unlock()
		if wrong != "" {
			return nil, fmt.Errorf("out of order: %s", wrong)
		}
		out[name] = received{Events: g.count.Load(), Again: g.again.Load(), Ages: g.ages.Load().short()}
	}
	return out, nil
}

func (r *receiver) all() map[string]*group {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return maps.Clone(r.groups)
}

func (r *receiver) group(name string) *group {
	r.mu.RLock()
	g := r.groups[name]
	r.mu.RUnlock()
	if g != nil {
		return g
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if g = r.groups[name]; g == nil {
		g = &group{lanes: make(map[string]uint64)}
		g.ages.Store(new(spans))
		r.groups[name] = g
	}
	return g
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// ServeHTTP takes one request.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	g := r.group(name)
	switch as, _ := g.as.Load().(string); as {
	case "hang":
		select {
		case <-r.held:
		case <-req.Context().Done():
		}
		return
	case "fail":
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	body := bodies.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer bodies.Put(body)
	body.Reset()
	if _, err := io.Copy(body, req.Body); err != nil {
		return // the sender was stopped half way
	}
	g.take(req, body.Bytes(), time.Now(), r.since.Load())
}

func (g *group) take(req *http.Request, body []byte, now time.Time, since int64) {
	g.count.Add(1)
	if at := eventTime(body); !at.IsZero() && at.UnixNano() >= since {
		g.ages.Load().note(now.Sub(at))
	}
	id := req.Header.Get("webhook-id")
	stream, _, ok := strings.Cut(id, "/")
	seq, err := strconv.ParseUint(req.Header.Get("switchhook-seq"), 10, 64)
	if !ok || err != nil {
		return // the limit's, which is no PostBack
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	lane := req.URL.Path + " " + stream
	last := g.lanes[lane]
	switch {
	case seq == last+1:
		g.lanes[lane] = seq
	case seq <= last:
		g.again.Add(1)
	case g.wrong == "":
		g.wrong = fmt.Sprintf("%s: event %d came after event %d", lane, seq, last)
	}
}

// eventTime reads the time of an event in our own format without decoding it.
func eventTime(body []byte) (at time.Time) {
	_, rest, _ := bytes.Cut(body, []byte(`"time":"`))
	text, _, _ := bytes.Cut(rest, []byte{'"'})
	_ = at.UnmarshalText(text) // zero: there is none
	return at
}
