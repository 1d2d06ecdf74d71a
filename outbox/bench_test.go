package outbox

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkDrain is the outbox without network and disk: what each event costs
// in it, with the cursors written as fast as the lanes ask for it.
func BenchmarkDrain(b *testing.B) {
	for _, lanes := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) {
			log, send := newFakeLog(), &fakeSender{}
			for i := range lanes {
				ep := log.add(at("r", i), 0)
				log.commit(ep.Stream, b.N/lanes+1)
			}
			o := New(Config{Log: log, Sender: send})
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
			b.ReportMetric(float64(len(send.got))/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(len(log.saves))/float64(len(send.got)), "saves/event")
		})
	}
}
