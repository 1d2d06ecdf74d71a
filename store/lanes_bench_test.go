package store_test

import (
	"fmt"
	"testing"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// BenchmarkSaveLanes saves the cursors of five thousand lanes at a time.
func BenchmarkSaveLanes(b *testing.B) {
	s := benched(b, true)
	putEndpoints(b, s, "e")
	lanes := make([]record.Lane, 5000)
	for i := range lanes {
		lanes[i] = record.Lane{Endpoint: "e", Stream: fmt.Sprintf("i%04d", i)}
	}
	for n := 0; b.Loop(); n++ {
		for i := range lanes {
			lanes[i].Acked = uint64(n)
		}
		if err := s.SaveLanes(b.Context(), lanes, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/float64(len(lanes)), "µs/lane")
}

// BenchmarkPruneOneStream prunes a stream of two hundred thousand events, the
// worst for the index: each step shortens the same list.
func BenchmarkPruneOneStream(b *testing.B) {
	const events = 200_000
	for range b.N {
		b.StopTimer()
		s := benched(b, false)
		for range events / 1000 {
			commit(b, s, func(c *store.Change) {
				for range 1000 {
					c.Append(at("a", moment))
				}
			})
		}
		b.StartTimer()
		if n, err := s.PruneOver(b.Context(), 0); n != events || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "pruned/s")
}
