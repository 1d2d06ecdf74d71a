package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/switchhook/switchhook/api/witi"
	"github.com/switchhook/switchhook/bus"
	"github.com/switchhook/switchhook/daemon"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
)

// plan is what an engine is to have.
type plan struct {
	Dir       string     `json:"dir"`
	NATS      bool       `json:"nats"`
	Instances int        `json:"instances"`
	Endpoints []endpoint `json:"endpoints"`
	Profile   string     `json:"profile,omitempty"` // a file
}

// endpoint is that of a tenant: the instances from First up to before Behind.
type endpoint struct {
	ID     string `json:"id"`
	URL    string `json:"url"`
	Format string `json:"format"`
	First  int    `json:"first"`
	Behind int    `json:"behind"`
}

// engine is what is measured: the store, the outbox with its sender, and the bus,
// wired as the daemon wires them. Transitions are committed as its instances do:
// the record with the event, from a goroutine for each instance.
type engine struct {
	plan

	store   *store.Store
	outbox  *outbox.Outbox
	bus     *bus.Bus // nil without NATS
	members []*member
	byID    map[string]*member
	flow    flood
}

// engineOrder is what an engine may be told.
type engineOrder struct {
	Do     string        `json:"do"`               // "fill", "pace", "flood", "drain", "retry" or "waiting"
	First  int           `json:"first,omitempty"`  // of the instances
	Behind int           `json:"behind,omitempty"` // the last of them
	Events int           `json:"events,omitempty"`
	Rate   float64       `json:"rate,omitempty"`
	For    time.Duration `json:"for,omitempty"`
	Window int           `json:"window,omitempty"`
}

// done is what came of an order.
type done struct {
	Events  int           `json:"events"`
	Took    time.Duration `json:"took"`
	Commits int           `json:"commits"`
	Stored  quantiles     `json:"stored"` // from when an event was due to its commit
	Began   quantiles     `json:"began"`  // and to when the commit began
}

// runEngine is the engine's process.
func runEngine(ctx context.Context, args []string) (err error) {
	set := flag.NewFlagSet("engine", flag.ContinueOnError)
	file := set.String("plan", "", "the file with the plan")
	if err := set.Parse(args); err != nil {
		return err
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	e := &engine{}
	if err := json.Unmarshal(text, &e.plan); err != nil {
		return err
	}
	if err := e.profileStart(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if err := e.open(log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.store.Close()) }()
	stop := make(chan struct{})
	rooms, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 3)
	n := 0
	run := func(f func(context.Context) error) {
		n++
		go func() { ended <- f(rooms) }()
	}
	disk, cancelDisk := context.WithCancel(context.WithoutCancel(ctx))
	stored := make(chan error, 1)
	go func() { stored <- e.store.Run(disk) }()
	defer func() {
		close(stop)
		cancel()
		for range n {
			err = errors.Join(err, <-ended)
		}
		cancelDisk()
		err = errors.Join(err, <-stored)
	}()
	go daemon.KeepSmall(rooms) // as the program does
	if err := e.addEndpoints(ctx); err != nil {
		return err
	}
	run(e.outbox.Run)
	if e.bus != nil {
		run(e.bus.Run)
		select {
		case <-e.bus.Ready():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	_ = e.outbox.Status("none") // it answers once the lanes are loaded
	pprof.StopCPUProfile()
	return obey(ctx, nil, e.do)
}

// profileStart profiles until the engine is ready, if that is wanted.
func (e *engine) profileStart() error {
	if e.Profile == "" {
		return nil
	}
	f, err := os.Create(e.Profile + ".start")
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(f) // the file stays open until the process ends
}

// open builds the rooms.
func (e *engine) open(log *slog.Logger) (err error) {
	keyFile := filepath.Join(e.Dir, "store.key")
	key, err := seal.ReadFile(keyFile)
	if errors.Is(err, os.ErrNotExist) {
		key = seal.NewKey()
		err = seal.WriteFile(keyFile, key)
	}
	if err != nil {
		return err
	}
	e.store, err = store.Open(filepath.Join(e.Dir, "switchhook.db"), store.Options{
		Network: "sandbox", Log: log,
		Unseal: func(record []byte, inClear bool) (store.Sealer, []byte, error) {
			if record == nil {
				ring := seal.NewRing(key, !inClear)
				fresh := ring.Record()
				return ring, fresh, nil
			}
			ring, err := seal.OpenRing(record, key)
			return ring, nil, err
		},
	})
	if err != nil {
		return err
	}
	e.members = make([]*member, e.Instances)
	e.byID = make(map[string]*member, e.Instances)
	for i := range e.members {
		e.members[i] = newMember(i)
		e.byID[e.members[i].rec.ID] = e.members[i]
	}
	for _, ep := range e.Endpoints {
		for _, m := range e.members[ep.First:ep.Behind] {
			m.rec.Tenant = ep.ID
		}
	}
	sender, err := webhook.New(webhook.Config{
		Formats:       map[string]webhook.Encoder{"witi": witi.Encoder{WID: e.wid}},
		AllowLoopback: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	if err != nil {
		return err
	}
	e.outbox = outbox.New(outbox.Config{
		Log: e.store, Sender: counting{sender, &e.flow}, Carries: sender.Carries, Policy: sender.Policy,
		Covers: e.covers, Logger: log,
	})
	if e.NATS {
		e.bus, err = bus.New(bus.Config{
			Dir: filepath.Join(e.Dir, "nats"), Embedded: true, Origin: e.store.LogID(), Log: log,
		}, e.store)
		if err != nil {
			return err
		}
	}
	e.store.OnAppend(e.appended)
	return nil
}

// appended wakes everyone who reads the log.
func (e *engine) appended(events []record.Event) {
	if e.bus != nil {
		e.bus.Notify()
	}
	last := ""
	for i := range events {
		if events[i].Stream == last {
			continue
		}
		last = events[i].Stream
		e.outbox.Notify(last)
	}
}

// covers reports whether a stream's events belong to an endpoint.
func (e *engine) covers(ep *record.Endpoint, stream string) bool {
	m := e.byID[stream]
	return m != nil && m.rec.Tenant == ep.Tenant
}

// addEndpoints stores the endpoints of the plan that are not there yet, each
// as one of a tenant. They get everything from the first event on.
func (e *engine) addEndpoints(ctx context.Context) error {
	there, err := e.store.Endpoints()
	if err != nil {
		return err
	}
	known := make(map[string]bool)
	for i := range there {
		known[there[i].ID] = true
	}
	ch := e.store.Change()
	for _, ep := range e.Endpoints {
		if known[ep.ID] {
			continue
		}
		ch.PutEndpoint(record.Endpoint{
			ID: ep.ID, Name: ep.ID, Tenant: ep.ID, URL: ep.URL, Format: ep.Format,
			Secrets: []string{webhook.NewSecret()}, CreatedAt: time.Now().UTC(),
		})
		for _, m := range e.members[ep.First:ep.Behind] {
			ch.PutLane(record.Lane{Endpoint: ep.ID, Stream: m.rec.ID})
		}
	}
	_, err = e.store.Commit(ctx, ch)
	return err
}

func (e *engine) wid(id string) (string, bool) {
	m := e.byID[id]
	if m == nil {
		return "", false
	}
	return m.rec.WID, true
}

func (e *engine) do(ctx context.Context, o *engineOrder) (any, error) {
	if e.Profile != "" && (o.Do == "flood" || o.Do == "pace") {
		f, err := os.Create(e.Profile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer func() {
			pprof.StopCPUProfile()
			if f, err := os.Create(e.Profile + ".allocs"); err == nil {
				_ = pprof.Lookup("allocs").WriteTo(f, 0)
				_ = f.Close()
			}
		}()
	}
	switch o.Do {
	case "fill":
		return e.fill(ctx, o)
	case "pace":
		return e.pace(ctx, o)
	case "flood":
		return e.flood(ctx, o)
	case "drain":
		began := time.Now()
		err := e.outbox.WaitDrained(ctx, "")
		return done{Took: time.Since(began)}, err
	case "retry":
		for _, ep := range e.Endpoints {
			e.outbox.Retry(ep.ID)
		}
		return done{}, nil
	case "waiting":
		n := uint64(0)
		for _, l := range e.outbox.Status("") {
			n += l.Pending
		}
		return done{Events: int(n)}, nil
	default:
		return nil, fmt.Errorf("an engine does not %q", o.Do)
	}
}

// published waits until all that is committed is on NATS.
func (e *engine) published(ctx context.Context) error {
	if e.bus == nil {
		return nil
	}
	return e.bus.WaitPublished(ctx, e.store.Last())
}
