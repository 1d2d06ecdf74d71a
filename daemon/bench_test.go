package daemon_test

import (
	"bytes"
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

	"github.com/switchhook/switchhook/configs"
)

// BenchmarkTransitionToPostBack measures how long after a transition began its
// PostBack is received on loopback, at 200 transitions a second: real
// connections to the sandbox are closed and restored at that pace. Beside it,
// in the same run, what a bare POST of the same size takes.
func BenchmarkTransitionToPostBack(b *testing.B) {
	const (
		perSecond = 200
		instances = 20
		cycle     = 5 // transitions of one close and restore
	)
	type arrival struct {
		id string
		at time.Time
	}
	arrivals := make(chan arrival, 1<<16)
	rcv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		now := time.Now()
		_, _ = io.Copy(io.Discard, r.Body)
		if id := r.Header.Get("webhook-id"); id != "" {
			arrivals <- arrival{id, now}
		}
	}))
	defer rcv.Close()
	d := runDaemon(b, shortDir(b), func(c *configs.Config) { c.Connection.DialsPerSecond = 1000 })
	names := make([]string, instances)
	for n := range names {
		names[n] = fmt.Sprintf("bench%d", n)
		d.pair(names[n], rcv.URL)
	}
	heads := make(map[string]uint64)
	for _, name := range names {
		heads[name] = d.find(name).Seq
	}

	b.ResetTimer()
	pace := time.NewTicker(time.Second * cycle / perSecond)
	defer pace.Stop()
	var wg sync.WaitGroup
	busy := make(chan string, instances)
	for _, name := range names {
		busy <- name
	}
	for n := 0; n < b.N; n += cycle {
		<-pace.C
		name := <-busy
		wg.Go(func() {
			defer func() { busy <- name }()
			if _, err := d.admin.Close(b.Context(), name); err != nil {
				b.Error(err)
			}
			if _, err := d.admin.Restore(b.Context(), name); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.StopTimer()

	var took []time.Duration
	got := make(map[string]time.Time)
	for _, name := range names {
		for _, e := range d.events(name, heads[name]) {
			for got[e.ID].IsZero() {
				select {
				case a := <-arrivals:
					got[a.id] = a.at
				case <-time.After(patience):
					b.Fatalf("event %s did not arrive", e.ID)
				}
			}
			took = append(took, got[e.ID].Sub(e.Time))
		}
	}
	report(b, "", took)
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
