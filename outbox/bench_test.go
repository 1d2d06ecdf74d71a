package outbox

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/record"
)

// countingSender delivers everything.
type countingSender struct{ requests, events atomic.Int64 }

func (s *countingSender) Send(_ context.Context, _ *record.Endpoint, _ uint64, events []*record.Event) Verdict {
	s.requests.Add(1)
	s.events.Add(int64(len(events)))
	return Verdict{Outcome: Delivered, Status: 200}
}

// BenchmarkDrain is the outbox without network and disk: what each event costs
// in it, with the cursors written as fast as the lanes ask for it.
func BenchmarkDrain(b *testing.B) {
	for _, endpoints := range []int{1, 100, 1000} {
		for _, lanes := range []int{1, 100} {
			for _, most := range []int{1, 50} {
				if endpoints*lanes <= 10_000 {
					b.Run(fmt.Sprintf("endpoints=%d/lanes=%d/bulk=%d", endpoints, lanes, most), func(b *testing.B) {
						drainAll(b, endpoints, lanes, most)
					})
				}
			}
		}
	}
}

func drainAll(b *testing.B, endpoints, lanes, most int) {
	log, send := newFakeLog(), &countingSender{}
	for i := range endpoints {
		ep := at(fmt.Sprintf("r%d-", i%50), i)
		ep.Stream, ep.Tenant = "", fmt.Sprintf("t%d", i)
		if most > 1 {
			ep.Bulk = &record.Bulk{Most: most}
		}
		log.add(ep, 0)
		for n := range lanes {
			stream := fmt.Sprintf("t%d/%d", i, n)
			log.commit(stream, b.N/endpoints/lanes+1)
			log.put(record.Lane{Endpoint: ep.ID, Stream: stream})
		}
	}
	o := New(Config{Log: log, Sender: send, Covers: func(ep *record.Endpoint, stream string) bool {
		return len(stream) > len(ep.Tenant) && stream[:len(ep.Tenant)] == ep.Tenant && stream[len(ep.Tenant)] == '/'
	}})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	b.ReportAllocs()
	b.ResetTimer()
	go func() { done <- o.Run(ctx) }()
	if err := o.WaitDrained(ctx, ""); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(send.events.Load())/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(send.requests.Load())/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(len(log.saves))/float64(send.events.Load()), "saves/event")
}
