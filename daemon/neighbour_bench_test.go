package daemon_test

import "testing"

// BenchmarkNeighbour measures what twenty instances feel of one that fails and is
// asked again fifty times a second: how long their status, their closing and
// their restoring takes, and the way of their transitions to the receiver, beside
// nobody who fails, an instance that panics, one that is never answered and one
// whose storage is full.
func BenchmarkNeighbour(b *testing.B) {
	for _, n := range append([]neighbour{{name: "nobody"}}, neighbours...) {
		b.Run(n.name, func(b *testing.B) {
			rcv := newArrivals(b)
			d := runStreet(b)
			r := pairRestless(d, rcv)
			if n.fail != nil {
				again := n.fail(b, d, n.name)
				if again(b.Context()) == nil {
					b.Fatal("it does not fail")
				}
				stop := pester(again)
				defer stop()
			}
			r.run(b, b.N)
			report(b, "status-", r.status)
			report(b, "close-", r.closed)
			report(b, "restore-", r.restore)
			report(b, "postback-", r.postBack)
		})
	}
}
