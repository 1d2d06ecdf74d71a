package bus_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/switchhook/switchhook/bus"
)

// BenchmarkPublish drains a backlog of b.N events.
func BenchmarkPublish(b *testing.B) {
	for _, kind := range []string{"embedded", "external"} {
		b.Run(kind, func(b *testing.B) {
			cfg := embedded(b)
			if kind == "external" {
				cfg = external(b, newBroker(b).url())
			}
			log := newLog()
			log.add("warm")
			r := start(b, cfg, log)
			r.published(log)
			last := log.addMany(b.N, 50)
			b.ResetTimer()
			r.Notify()
			if err := r.WaitPublished(b.Context(), last); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkLatency measures one event at a time, from the append to the
// subscriber, over loopback TCP.
func BenchmarkLatency(b *testing.B) {
	log := newLog()
	r := start(b, embedded(b), log)
	nc := r.reader()
	got := make(chan struct{}, 1)
	if _, err := nc.Subscribe("switchhook.ev.>", func(*nats.Msg) { got <- struct{}{} }); err != nil {
		b.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		b.Fatal(err)
	}
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		at := time.Now()
		log.add("a")
		r.Notify()
		<-got
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkStart is a cold start and stop of the embedded server.
func BenchmarkStart(b *testing.B) {
	log := newLog()
	log.add("a")
	for b.Loop() {
		r := start(b, bus.Config{Dir: b.TempDir(), Embedded: true}, log)
		r.stop()
	}
}
