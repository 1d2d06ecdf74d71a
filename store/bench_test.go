package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// transition is a change as an instance makes it: its record and one event,
// about 800 bytes.
func transition(s *store.Store, id string) *store.Change {
	c := s.Change()
	c.PutInstance(record.Instance{ID: id, Name: "front desk"})
	c.Append(record.Event{
		Stream: id, Kind: record.ConnectionChanged, At: moment, Name: "front desk",
		Data: ballast,
	})
	return c
}

var ballast = json.RawMessage(`"` + strings.Repeat("x", 400) + `"`)

// benched opens a store whose values are sealed, or lie in the clear.
func benched(b *testing.B, sealed bool) *store.Store {
	b.Helper()
	var ring *seal.Ring
	var more []func(*store.Options)
	if sealed {
		more = append(more, ringed(seal.NewKey(), &ring))
	}
	s, _ := started(b, newPath(b), more...)
	return s
}

func BenchmarkCommit(b *testing.B) {
	for _, sealed := range []bool{false, true} {
		b.Run(fmt.Sprintf("sealed=%t", sealed), func(b *testing.B) { benchmarkCommit(b, sealed) })
	}
}

func benchmarkCommit(b *testing.B, sealed bool) {
	b.Helper()
	for _, writers := range []int{1, 64, 256, 1024} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := benched(b, sealed)
			took := make([]time.Duration, b.N)
			work := make(chan int)
			var wg sync.WaitGroup
			for w := range writers {
				id := fmt.Sprintf("i%04d", w)
				wg.Go(func() {
					for n := range work {
						start := time.Now()
						if _, err := s.Commit(b.Context(), transition(s, id)); err != nil {
							b.Error(err)
						}
						took[n] = time.Since(start)
					}
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := range b.N {
				work <- n
			}
			close(work)
			wg.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkAppend commits a hundred events at a time.
func BenchmarkAppend(b *testing.B) {
	for _, sealed := range []bool{false, true} {
		b.Run(fmt.Sprintf("sealed=%t", sealed), func(b *testing.B) { benchmarkAppend(b, sealed) })
	}
}

func benchmarkAppend(b *testing.B, sealed bool) {
	b.Helper()
	s := benched(b, sealed)
	for b.Loop() {
		c := s.Change()
		for i := range 100 {
			c.Append(record.Event{Stream: fmt.Sprintf("i%d", i), Kind: "test", At: moment, Data: ballast})
		}
		if _, err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkOpen opens a log of a million events of a thousand streams, or of as
// many as STORE_BENCH_EVENTS says, and prunes it.
func BenchmarkOpen(b *testing.B) {
	events := 1_000_000
	if n := os.Getenv("STORE_BENCH_EVENTS"); n != "" {
		if _, err := fmt.Sscan(n, &events); err != nil {
			b.Fatal(err)
		}
	}
	path := newPath(b)
	s, stop := started(b, path)
	for at := 0; at < events; at += 1000 {
		c := s.Change()
		for i := range min(1000, events-at) {
			c.Append(record.Event{Stream: fmt.Sprintf("i%d", i), Kind: "test", At: moment, Data: ballast})
		}
		if _, err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	size := s.Size()
	stop()

	b.ResetTimer()
	for range b.N {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := open(b, path)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(events), "heap-B/event")
		if s.Last() != uint64(events) {
			b.Fatal(s.Last())
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/open")
	b.ReportMetric(float64(size)/float64(events), "file-B/event")

	s, stop = started(b, path)
	start := time.Now()
	if n, err := s.Prune(b.Context(), later, upTo(1<<62)); n != events || err != nil {
		b.Fatal(n, err)
	}
	b.ReportMetric(float64(events)/time.Since(start).Seconds(), "pruned/s")
	start = time.Now()
	for range 100 {
		if _, err := s.Commit(b.Context(), transition(s, "i")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Since(start).Microseconds())/100, "µs/commit-after")
	stop()
}
