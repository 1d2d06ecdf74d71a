package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/record"
)

// burst is what the scenario is run with.
type burst struct {
	n       int
	events  int
	window  int
	fan     int
	runs    int
	span    time.Duration
	rates   []float64
	fans    []int
	waiting int
	million int
	lanes   []int
	parts   []string
	format  string
	profile string
	limit   time.Duration
	keep    bool
	settle  time.Duration // how long a process is left alone before its memory is read
}

// shorten is for whether it works, not for how fast.
func (b *burst) shorten() {
	b.n, b.events, b.window, b.runs, b.span = 40, 2000, 200, 1, time.Second
	b.fan, b.rates, b.fans = 4, []float64{200}, []int{1, 40}
	b.waiting, b.million, b.lanes, b.settle = 1000, 2000, []int{20}, 0
}

// parts of the scenario.
var allParts = []string{"rate", "latency", "neighbours", "backlog"}

// postback measures the way from a transition to its receiver.
func postback(ctx context.Context, args []string) error {
	b := burst{settle: settle}
	var rates, fans, lanes, parts string
	set := flag.NewFlagSet("postback", flag.ContinueOnError)
	set.IntVar(&b.n, "n", 1000, "instances")
	set.IntVar(&b.events, "events", 100_000, "events of each run at full speed")
	set.IntVar(&b.window, "window", 2000, "events that may be on their way then")
	set.IntVar(&b.fan, "fan", 100, "endpoints then")
	set.IntVar(&b.runs, "runs", 3, "runs at full speed of each kind; the medians count")
	set.DurationVar(&b.span, "for", 6*time.Second, "how long each pace is kept")
	set.StringVar(&rates, "rates", "200,2000,10000", "paces, events a second")
	set.StringVar(&fans, "endpoints", "1,100,1000", "how many endpoints the instances are spread over")
	set.IntVar(&b.waiting, "waiting", 100_000, "events that wait for each of the bad neighbours")
	set.IntVar(&b.million, "backlog", 1_000_000, "events that wait for a dead endpoint")
	set.StringVar(&lanes, "lanes", "200,1", "and over how many instances they are spread")
	set.StringVar(&parts, "parts", strings.Join(allParts, ","), "what is measured")
	set.StringVar(&b.format, "format", "standard", "the format of the PostBacks; ages are noted in this one only")
	set.StringVar(&b.profile, "profile", "", "where to write a profile of the last run at full speed, or pace")
	set.DurationVar(&b.limit, "limit", 30*time.Minute, "when to give up")
	short := set.Bool("short", false, "small numbers instead of all of these")
	set.BoolVar(&b.keep, "keep", false, "leave the temporary directory")
	if err := set.Parse(args); err != nil {
		return err
	}
	var err error
	if b.rates, err = numbers[float64]("-rates", rates); err != nil {
		return err
	}
	if b.fans, err = numbers[int]("-endpoints", fans); err != nil {
		return err
	}
	if b.lanes, err = numbers[int]("-lanes", lanes); err != nil {
		return err
	}
	if *short {
		b.shorten()
	}
	b.parts = strings.Split(parts, ",")
	for _, p := range b.parts {
		if !slices.Contains(allParts, p) {
			return fmt.Errorf("-parts: there is no part %q", p)
		}
	}
	switch {
	case runtime.GOOS != "linux":
		return errors.New("processes are measured by /proc: only on Linux")
	case b.n < 1 || slices.Max(b.fans) > b.n || b.fan < 1 || b.fan > b.n:
		return errors.New("-n must be positive, and no less than -endpoints and -fan")
	case b.events < 1 || b.window < 1 || b.runs < 1 || b.span <= 0:
		return errors.New("-events, -window, -runs and -for must be positive")
	}
	ctx, dir, done, err := beginRun(ctx, b.limit, b.keep)
	if err != nil {
		return err
	}
	defer done()
	return (&relay{burst: b, dir: dir}).run(ctx)
}

// numbers reads a list of positive numbers.
func numbers[N int | float64](flag, list string) ([]N, error) {
	var out []N
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n <= 0 || n != float64(N(n)) {
			return nil, fmt.Errorf("%s: %q is no number for it", flag, text)
		}
		out = append(out, N(n))
	}
	return out, nil
}

// relay is one run.
type relay struct {
	burst

	dir   string
	made  int // engines so far
	facts relayFacts
}

func (r *relay) run(ctx context.Context) error {
	steps := map[string]func(context.Context) error{
		"rate": r.measureRates, "latency": r.measureAges, "neighbours": r.measureNeighbours, "backlog": r.measureBacklogs,
	}
	for _, p := range allParts {
		if !slices.Contains(r.parts, p) {
			continue
		}
		if err := steps[p](ctx); err != nil {
			return err
		}
	}
	r.table()
	return nil
}

// spread gives the instances from first up to before behind to the addresses,
// evenly, as endpoints of one group.
func (r *relay) spread(group string, addrs []string, first, behind int) []endpoint {
	out := make([]endpoint, len(addrs))
	n := behind - first
	for i, a := range addrs {
		out[i] = endpoint{
			ID: group + strconv.Itoa(i), URL: fmt.Sprintf("http://%s/%s/%d", a, group, i), Format: r.format,
			First: first + i*n/len(addrs), Behind: first + (i+1)*n/len(addrs),
		}
	}
	return out
}

// engine starts one on a new directory, or on that of a former one.
func (r *relay) engine(ctx context.Context, p *plan) (*servant, time.Duration, error) {
	if p.Dir == "" {
		r.made++
		p.Dir = filepath.Join(r.dir, "engine"+strconv.Itoa(r.made))
		if err := os.MkdirAll(p.Dir, 0o700); err != nil {
			return nil, 0, err
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, 0, err
	}
	file := filepath.Join(p.Dir, "plan.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, 0, err
	}
	began := time.Now()
	s, err := hire(ctx, "the engine", nil, "engine", "-plan", file)
	return s, time.Since(began), err
}

func (r *relay) receiver(ctx context.Context, n int, args ...string) (*servant, []string, error) {
	var addrs []string
	s, err := hire(ctx, "the receiver", &addrs, append([]string{"receiver", "-n", strconv.Itoa(n)}, args...)...)
	return s, addrs, err
}

// body is one of the size of the PostBacks, for the limit.
func (r *relay) body() []byte {
	m := newMember(0)
	info := record.Describe(m.rec, &m.session)
	ev := record.Event{
		Stream: m.rec.ID, Epoch: 1, Seq: 12345, Kind: record.ConnectionChanged, At: time.Now().UTC(),
		Name: m.rec.Name, Transition: m.next(time.Now().UTC()), Info: &info,
	}
	body, err := ev.Standard()
	if err != nil {
		panic(err)
	}
	return body
}

// measureRates takes turns: the limit, with NATS, without.
func (r *relay) measureRates(ctx context.Context) error {
	for range r.runs {
		for _, nats := range []bool{true, false} {
			if err := r.measureRate(ctx, nats); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *relay) measureRate(ctx context.Context, nats bool) error {
	fan := r.fan
	rcv, addrs, err := r.receiver(ctx, fan)
	if err != nil {
		return err
	}
	defer rcv.dismiss()
	limit, err := measureLimit(ctx, "http://"+addrs[0]+"/limit/0", r.body(), r.span/2)
	if err != nil {
		return err
	}
	p := &plan{NATS: nats, Instances: r.n, Endpoints: r.spread("ok", addrs, 0, r.n)}
	if r.profile != "" {
		p.Profile = fmt.Sprintf("%s.nats=%t", r.profile, nats)
	}
	eng, _, err := r.engine(ctx, p)
	if err != nil {
		return err
	}
	defer eng.dismiss()
	order := engineOrder{Do: "flood", Behind: r.n, Events: r.events/10 + 1, Window: r.window}
	if err := eng.ask(ctx, order, nil); err != nil { // connections and heaps have grown
		return err
	}
	before, err := eng.p.usage()
	if err != nil {
		return err
	}
	beforeRcv, err := rcv.p.usage()
	if err != nil {
		return err
	}
	order.Events = r.events
	var d done
	if err := eng.ask(ctx, order, &d); err != nil {
		return err
	}
	after, err := eng.p.usage()
	if err != nil {
		return err
	}
	afterRcv, err := rcv.p.usage()
	if err != nil {
		return err
	}
	if err := r.whole(ctx, rcv, "ok", int64(r.events+r.events/10+1)); err != nil {
		return err
	}
	f := rateFact{
		nats: nats, limit: limit, rate: float64(d.Events) / d.Took.Seconds(),
		cpu: (after.cpu - before.cpu) / time.Duration(d.Events), cpuReceiver: (afterRcv.cpu - beforeRcv.cpu) / time.Duration(d.Events),
	}
	r.facts.rates = append(r.facts.rates, f)
	sayf("nats %t: %.0f events/s, the limit %.0f/s, %.2f of it; CPU %v an event, of the receiver %v; %.1f events a commit", nats, f.rate, f.limit, f.rate/f.limit, f.cpu, f.cpuReceiver, float64(d.Events)/float64(max(d.Commits, 1)))
	return nil
}

// whole says what is missing at the receiver, or came twice.
func (r *relay) whole(ctx context.Context, rcv *servant, group string, want int64) error {
	var got map[string]received
	if err := rcv.ask(ctx, receiverOrder{Do: "report"}, &got); err != nil {
		return err
	}
	if g := got[group]; g.Events != want || g.Again != 0 {
		return fmt.Errorf("the receiver has %d events of %s, %d of them again; %d were committed", g.Events, group, g.Again, want)
	}
	return nil
}

const (
	warm    = time.Second      // a pace is kept for so long before it is measured
	arrival = 30 * time.Second // the last event of a pace has to arrive
)

// age keeps a pace and answers how old the group's events were when they came.
func (r *relay) age(ctx context.Context, eng, rcv *servant, rate float64, first, behind int) (a ageFact, err error) {
	if err := rcv.ask(ctx, receiverOrder{Do: "since", Since: time.Now().Add(warm)}, nil); err != nil {
		return a, err
	}
	var d done
	order := engineOrder{Do: "pace", First: first, Behind: behind, Rate: rate, For: warm + r.span}
	if err := eng.ask(ctx, order, &d); err != nil {
		return a, err
	}
	expect := int64(rate*r.span.Seconds()) - int64(rate/10)
	patient, cancel := context.WithTimeoutCause(ctx, arrival, errors.New("the events do not arrive"))
	defer cancel()
	for a.ages.Count < expect {
		if err := rest(patient, 200*time.Millisecond); err != nil { // of which the last ones need some
			return a, err
		}
		var got map[string]received
		if err := rcv.ask(ctx, receiverOrder{Do: "report"}, &got); err != nil {
			return a, err
		}
		a = ageFact{rate: rate, ages: got["ok"].Ages, late: d.Began, stored: d.Stored}
	}
	return a, nil
}

// measureAges keeps each pace with each number of endpoints, and first with nothing
// but the disk.
func (r *relay) measureAges(ctx context.Context) error {
	for _, rate := range r.rates {
		q, err := r.measureDisk(ctx, rate)
		if err != nil {
			return err
		}
		r.facts.disk = append(r.facts.disk, diskFact{rate, q})
		sayf("the disk alone, %.0f/s: p50 %v p99 %v", rate, q.P50, q.P99)
	}
	for _, fan := range r.fans {
		if err := r.measureFan(ctx, fan); err != nil {
			return err
		}
	}
	return nil
}

func (r *relay) measureFan(ctx context.Context, fan int) error {
	rcv, addrs, err := r.receiver(ctx, fan)
	if err != nil {
		return err
	}
	defer rcv.dismiss()
	p := &plan{NATS: true, Instances: r.n, Endpoints: r.spread("ok", addrs, 0, r.n), Profile: r.profile}
	eng, _, err := r.engine(ctx, p)
	if err != nil {
		return err
	}
	defer eng.dismiss()
	for _, rate := range r.rates {
		a, err := r.age(ctx, eng, rcv, rate, 0, r.n)
		if err != nil {
			return err
		}
		a.fan = fan
		r.facts.ages = append(r.facts.ages, a)
		sayf("%d endpoints, %.0f/s: p50 %v p99 %v most %v (%d); begun p50 %v p99 %v, stored p50 %v p99 %v", fan, rate,
			a.ages.P50, a.ages.P99, a.ages.Most, a.ages.Count, a.late.P50, a.late.P99, a.stored.P50, a.stored.P99)
	}
	return nil
}
