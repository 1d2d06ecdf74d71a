package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/configs"
)

// The load of these benchmarks: what was measured is only comparable at one pace.
const (
	benchPerSecond = 200 // transitions
	benchInstances = 20
	benchCycle     = 5 // transitions of one close and restore
)

// arrivals is a receiver that notes when each event arrived.
type arrivals struct {
	*httptest.Server
	b    *testing.B
	came chan arrival
	got  map[string]time.Time // by the event's id; of one goroutine
}

type arrival struct {
	id string
	at time.Time
}

func newArrivals(b *testing.B) *arrivals {
	a := &arrivals{b: b, came: make(chan arrival, 1<<16), got: make(map[string]time.Time)}
	a.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		now := time.Now()
		_, _ = io.Copy(io.Discard, r.Body)
		if id := r.Header.Get("webhook-id"); id != "" {
			a.came <- arrival{id, now}
		}
	}))
	b.Cleanup(a.Close)
	return a
}

// of answers when an event arrived, and waits until it has.
func (a *arrivals) of(id string) time.Time {
	a.b.Helper()
	for a.got[id].IsZero() {
		select {
		case c := <-a.came:
			a.got[c.id] = c.at
		case <-time.After(patience):
			a.b.Fatalf("event %s did not arrive", id)
		}
	}
	return a.got[id]
}

// restless is instances that are closed and restored, evenly, and how long what
// takes.
type restless struct {
	d     *rig
	rcv   *arrivals
	names []string

	mu                      sync.Mutex
	status, closed, restore []time.Duration // guarded by mu
	postBack                []time.Duration
}

func pairRestless(d *rig, rcv *arrivals) *restless {
	r := &restless{d: d, rcv: rcv, names: make([]string, benchInstances)}
	for n := range r.names {
		r.names[n] = fmt.Sprintf("bench%d", n)
		d.pair(r.names[n], rcv.URL)
	}
	return r
}

// run makes n transitions and waits until all have been received.
func (r *restless) run(b *testing.B, n int) {
	heads := make(map[string]uint64)
	for _, name := range r.names {
		heads[name] = r.d.find(name).Seq
	}
	b.ResetTimer()
	pace := time.NewTicker(time.Second * benchCycle / benchPerSecond)
	defer pace.Stop()
	var wg sync.WaitGroup
	idle := make(chan string, len(r.names))
	for _, name := range r.names {
		idle <- name
	}
	for ; n > 0; n -= benchCycle {
		<-pace.C
		name := <-idle
		wg.Go(func() {
			defer func() { idle <- name }()
			if err := r.turn(b.Context(), name); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	for _, name := range r.names {
		for _, e := range r.d.events(name, heads[name]) {
			r.postBack = append(r.postBack, r.rcv.of(e.ID).Sub(e.Time))
		}
	}
}

// turn asks for the status of one, closes it and restores it.
func (r *restless) turn(ctx context.Context, name string) error {
	var took [3]time.Duration
	for i, do := range []func(context.Context, string) (api.Entry, error){r.d.admin.Find, r.d.admin.Close, r.d.admin.Restore} {
		began := time.Now()
		if _, err := do(ctx, name); err != nil {
			return err
		}
		took[i] = time.Since(began)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.closed, r.restore = append(r.status, took[0]), append(r.closed, took[1]), append(r.restore, took[2])
	return nil
}

// BenchmarkTransitionToPostBack measures how long after a transition began its
// PostBack is received on loopback, at 200 transitions a second: real
// connections to the sandbox are closed and restored at that pace. Beside it,
// in the same run, what a bare POST of the same size takes.
func BenchmarkTransitionToPostBack(b *testing.B) {
	rcv := newArrivals(b)
	d := runDaemon(b, shortDir(b), func(c *configs.Config) { c.Connection.DialsPerSecond = 1000 })
	r := pairRestless(d, rcv)
	r.run(b, b.N)
	report(b, "", r.postBack)
	report(b, "bare-post-", barePosts(b, rcv.URL, 500))
}

// barePosts measures a POST of a PostBack's size on a warm connection.
func barePosts(b *testing.B, url string, n int) []time.Duration {
	b.Helper()
	body := bytes.Repeat([]byte("x"), 1200)
	took := make([]time.Duration, 0, n)
	for range n {
		began := time.Now()
		res, err := web.Post(url, "application/json", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		took = append(took, time.Since(began))
	}
	return took
}

func report(b *testing.B, prefix string, took []time.Duration) {
	b.Helper()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, fmt.Sprintf("%sp%d-ms", prefix, p))
	}
}

// BenchmarkIdle starts the real program on an empty data directory and measures
// how soon it answers /healthz and what it holds resident with no instance.
func BenchmarkIdle(b *testing.B) {
	var ready, rss []float64
	for b.Loop() {
		dir := shortDir(b)
		addr := freePort(b)
		ms, mb := idle(b, dir, addr)
		ready, rss = append(ready, ms), append(rss, mb)
	}
	slices.Sort(ready)
	slices.Sort(rss)
	b.ReportMetric(ready[len(ready)/2], "listening-ms")
	b.ReportMetric(rss[len(rss)/2], "resident-MB")
}

// idle starts the program, waits for its first answer and lets it settle, and
// answers milliseconds and megabytes.
func idle(b *testing.B, dir, addr string) (ms, mb float64) {
	b.Helper()
	began := time.Now()
	p := launch(b, "msg=ready", "serve", "--data", dir, "--listen", addr)
	for {
		res, err := web.Get("http://" + addr + "/healthz")
		if err == nil {
			_ = res.Body.Close()
			break
		}
		if time.Since(began) > 10*time.Second {
			b.Fatalf("no answer\n%s", p.output())
		}
	}
	ms = float64(time.Since(began).Microseconds()) / 1000
	<-p.ready
	mb, err := resident(p.cmd.Process.Pid)
	if err != nil {
		b.Fatal(err)
	}
	p.interrupt()
	return ms, mb
}

// resident reads how much memory a process holds.
func resident(pid int) (mb float64, err error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")))
			return float64(kb) / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS for %d", pid)
}
