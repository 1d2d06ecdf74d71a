package daemon_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// slice is how many transitions are made in a row beside one neighbour.
const slice = benchPerSecond

// BenchmarkNeighbour measures what twenty instances feel of one that fails and is
// asked again fifty times a second: how long their status, their closing and
// their restoring takes, and the way of their transitions to the receiver, beside
// nobody who fails, an instance that panics, one that is never answered and one
// whose storage is full. The neighbours take turns, a second each, so that what
// else goes on in the machine is the same for all of them. It prints a table.
func BenchmarkNeighbour(b *testing.B) {
	rcv := newArrivals(b)
	d := runStreet(b)
	names := pairRestless(d, rcv).names
	beside := append([]neighbour{{name: "nobody"}}, neighbours...)
	felt := make([]*restless, len(beside))
	for i := range beside {
		felt[i] = &restless{d: d, rcv: rcv, names: names}
	}
	for round := 0; round*slice*len(beside) < b.N; round++ {
		for i, n := range beside {
			if n.fail == nil {
				felt[i].run(b, slice)
				continue
			}
			// Always a new one: who has panicked before is left alone for longer.
			name := fmt.Sprintf("%s%d", n.name, round)
			again := n.fail(b, d, name)
			if again(b.Context()) == nil {
				b.Fatalf("%s does not fail", name)
			}
			stop := pester(again)
			felt[i].run(b, slice)
			stop()
			d.quieten(name)
		}
	}
	for _, kind := range []struct {
		name string
		of   func(*restless) []time.Duration
	}{
		{"status", func(r *restless) []time.Duration { return r.status }},
		{"close", func(r *restless) []time.Duration { return r.closed }},
		{"restore", func(r *restless) []time.Duration { return r.restore }},
		{"postback", func(r *restless) []time.Duration { return r.postBack }},
	} {
		for i, n := range beside {
			report(b, n.name+"-"+kind.name+"-", kind.of(felt[i]))
		}
	}
	_, _ = os.Stdout.WriteString(neighbourTable(beside, felt))
}

// neighbourTable is the figures as docs/benchmarks.md shows them.
func neighbourTable(beside []neighbour, felt []*restless) string {
	var t strings.Builder
	row := func(what string, cell func(i int) string) {
		t.WriteString("| " + what + " |")
		for i := range beside {
			t.WriteString(" " + cell(i) + " |")
		}
		t.WriteString("\n")
	}
	t.WriteString("\n")
	row("p50 / p99, ms", func(i int) string { return beside[i].name })
	row("---", func(int) string { return "---" })
	cell := func(took []time.Duration) string {
		slices.Sort(took)
		at := func(p int) float64 { return took[(len(took)-1)*p/100].Seconds() * 1000 }
		return fmt.Sprintf("%.2f / %.1f", at(50), at(99))
	}
	row("status", func(i int) string { return cell(felt[i].status) })
	row("close", func(i int) string { return cell(felt[i].closed) })
	row("restore", func(i int) string { return cell(felt[i].restore) })
	row("transition to PostBack", func(i int) string { return cell(felt[i].postBack) })
	row("samples, of PostBacks", func(i int) string { return fmt.Sprintf("%d, %d", len(felt[i].status), len(felt[i].postBack)) })
	return t.String()
}
