package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// relayFacts are the figures of the scenario.
type relayFacts struct {
	rates      []rateFact
	disk       []diskFact
	ages       []ageFact
	neighbours []neighbourFact
	backlogs   []backlogFact
}

type rateFact struct {
	nats             bool
	limit            float64 // of net/http, requests a second
	rate             float64 // events a second
	cpu, cpuReceiver time.Duration
}

type diskFact struct {
	rate float64
	took quantiles
}

type ageFact struct {
	fan    int
	rate   float64
	ages   quantiles
	late   quantiles // from when a transition was due to the beginning of its commit
	stored quantiles
}

type neighbourFact struct {
	ageFact

	bad bool
}

type backlogFact struct {
	lanes                    int
	before, after, restarted usage
	ready, readyBefore       time.Duration

	agesBefore, agesAfter, agesRestarted ageFact

	drained float64
	again   int64
}

// table prints the figures, with what must hold beside them.
func (r *relay) table() {
	var b strings.Builder
	row := func(what, got, must string) { fmt.Fprintf(&b, "| %s | %s | %s |\n", what, got, must) }
	row("PostBacks, "+time.Now().Format("2 January 2006 15:04"), "measured", "must hold")
	row("---", "---", "---")
	for _, nats := range []bool{true, false} {
		var rates, limits, ratios, cpu, cpuReceiver []float64
		for _, f := range r.facts.rates {
			if f.nats == nats {
				rates, limits, ratios = append(rates, f.rate), append(limits, f.limit), append(ratios, f.rate/f.limit)
				cpu, cpuReceiver = append(cpu, float64(f.cpu.Microseconds())), append(cpuReceiver, float64(f.cpuReceiver.Microseconds()))
			}
		}
		if len(rates) == 0 {
			continue
		}
		with, must, share := "with NATS", "≥ 12,000", "≥ 0.5"
		if !nats {
			with, must, share = "without NATS", "–", "–"
		}
		row("**durable events a second, "+with+"**", fmt.Sprintf("**%.0f**", median(rates)), must)
		row(fmt.Sprintf("net/http alone in the same runs, %d in flight", limitInFlight), fmt.Sprintf("%.0f/s", median(limits)), "–")
		row("of that", fmt.Sprintf("%.2f", median(ratios)), share)
		row("CPU an event, of it the receiver's", fmt.Sprintf("%.0f µs, %.0f µs", median(cpu)+median(cpuReceiver), median(cpuReceiver)), "–")
	}
	for _, f := range r.facts.disk {
		row(fmt.Sprintf("a page written and synced, %.0f/s, nothing else, p50 / p99", f.rate), ages(f.took), "–")
	}
	for _, f := range r.facts.ages {
		must := "–"
		if f.rate == 2000 {
			must = "< 1 / < 6 ms"
		}
		row(fmt.Sprintf("transition → received, %.0f/s, %d endpoints, p50 / p99", f.rate, f.fan), ages(f.ages), must)
	}
	r.neighbourRows(row)
	for _, f := range r.facts.backlogs {
		what := fmt.Sprintf("%d waiting in %d lanes: ", r.million, f.lanes)
		row(what+"resident, with them, and restarted with them", fmt.Sprintf("%s, %s, %s",
			megabytes(f.before.anon), megabytes(f.after.anon), megabytes(f.restarted.anon)), "at most 64 MB more")
		row(what+"ready after start (before)", fmt.Sprintf("%s (%s)", seconds(f.ready), seconds(f.readyBefore)), "≤ 3 s")
		row(what+"others' p50 / p99 before, with them, restarted", fmt.Sprintf("%s, %s, %s",
			ages(f.agesBefore.ages), ages(f.agesAfter.ages), ages(f.agesRestarted.ages)), "–")
		must := "≥ 8,000/s"
		if f.lanes == 1 { // one request after the other
			must = "–"
		}
		row(what+"drained once the receiver is back", fmt.Sprintf("%.0f/s", f.drained), must)
	}
	_, _ = os.Stdout.WriteString(b.String())
}

func (r *relay) neighbourRows(row func(what, got, must string)) {
	var p50, p99 [2][]float64
	for _, f := range r.facts.neighbours {
		i := 0
		if f.bad {
			i = 1
		}
		p50[i], p99[i] = append(p50[i], ms(f.ages.P50)), append(p99[i], ms(f.ages.P99))
	}
	if len(p50[1]) == 0 {
		return
	}
	row(fmt.Sprintf("%d endpoints at %d/s, p50 / p99", min(goodEndpoints, r.n), badRate), fmt.Sprintf("%.2f / %.2f ms", median(p50[0]), median(p99[0])), "–")
	row(fmt.Sprintf("beside one that hangs and one that fails, %d waiting for each", r.waiting),
		fmt.Sprintf("%.2f / %.2f ms", median(p50[1]), median(p99[1])), "–")
	row("times that without", fmt.Sprintf("%.2f / %.2f", median(p50[1])/median(p50[0]), median(p99[1])/median(p99[0])), "≤ 1.5")
}

func ages(q quantiles) string    { return fmt.Sprintf("%.2f / %.2f ms", ms(q.P50), ms(q.P99)) }
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}
