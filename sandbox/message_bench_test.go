package sandbox_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/sandbox"
)

// benchCompanions is how many companions share the messages of the benchmark.
const benchCompanions = 200

// BenchmarkMessages measures the whole way of a message on one core: encrypted by
// a phone, delivered, decrypted by a whatsmeow client in the same process, and
// acknowledged. The clients' share, which is the larger, is in the figure.
func BenchmarkMessages(b *testing.B) {
	for _, file := range []bool{false, true} {
		config := sandbox.Config{Gap: roomyGap}
		if file {
			config.StateFile = stateFile(b)
		}
		r := serveTCP(b, openNetwork(b, config))
		companions := make([]*writer, benchCompanions)
		var enrolled sync.WaitGroup
		for i := range companions {
			enrolled.Go(func() { companions[i] = r.enrol(b, fmt.Sprint(5511900001000+i)) })
		}
		enrolled.Wait()
		stop := make(chan struct{})
		var drained sync.WaitGroup
		for _, w := range companions {
			r.send(b, sandbox.SendSpec{From: contact, To: w.device.ID.User, Text: "begins the session"})
			drained.Go(func() {
				for {
					select {
					case <-w.messages:
					case <-stop:
						return
					}
				}
			})
		}
		b.Run(fmt.Sprint("file ", file), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			var sent atomic.Int64
			var senders sync.WaitGroup
			for _, w := range companions {
				senders.Go(func() {
					for sent.Add(1) <= int64(b.N) {
						spec := sandbox.SendSpec{From: contact, To: w.device.ID.User, Text: "a message as long as most are"}
						if s, err := r.network.Send(b.Context(), spec); err != nil || !s.Copies[0].Acknowledged {
							b.Errorf("sent %+v, %v", s, err)
							return
						}
					}
				})
			}
			senders.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
		close(stop)
		drained.Wait()
		for _, w := range companions {
			w.hangUp()
		}
	}
}
